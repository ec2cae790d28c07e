import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import {
  ClientRig,
  errorsIn,
  frameRequest,
  namesOf,
  RecordingWaiter,
  ServerRig,
} from "@nnrp/testing/engines";
import { submitPacket } from "@nnrp/testing/packets";
import type { ResultFields } from "../../body/result_fields.ts";
import type { SubmitRequest } from "../../body/submit_request.ts";
import { NnrpError } from "../../errors.ts";
import { ErrorCode } from "../../wire/enums.ts";

/** What a program without types may hand over by mistake. */
const ODDITIES: readonly unknown[] = [
  ...[
    undefined,
    null,
    NaN,
    Infinity,
    -1,
    1.5,
    2 ** 32,
    2 ** 53,
    65536,
    256,
    "7",
    "",
    true,
    {},
    1n,
    -1n,
    1n << 64n,
  ],
  ...[[], [null], [undefined], [1, 2, 3], ["a"], [[]], new Array(3)],
  ...[
    new Uint8Array(3),
    new Float32Array(2),
    new ArrayBuffer(4),
    new DataView(new ArrayBuffer(4)),
    new Date(0),
  ],
  ...[() => 1, Symbol.iterator, new Map([[1, 2]])],
  ...[{ length: 2 }, { length: -1 }, { length: 1.5 }, { length: NaN }, { length: "2" }, { length: 2 ** 40 }],
  ...[[{}], [{ payloadKind: 2 }], [{ payloadKind: 2, payload: "text" }], [{ payloadKind: 2, payload: [1] }]],
  ...[[{ payloadKind: 2, payload: new ArrayBuffer(2) }], [{ payloadKind: 3, payload: new Uint8Array(1) }]],
  ...[[{ payloadKind: 2, payload: new Uint8Array(1), profileId: -1 }], [{
    payloadKind: 2,
    payload: { length: 3 },
  }]],
  ...[[{ roleId: 1, dtypeId: 0, tilePayloads: null }], [{ roleId: 1 }], [{
    roleId: 1,
    dtypeId: 0,
    tilePayloads: [5],
  }]],
  ...[[{ roleId: 1, dtypeId: 0, tilePayloads: { length: -1 } }], [{
    roleId: 1,
    dtypeId: 0,
    tilePayloads: { length: 1.5 },
  }]],
  ...[{ objectKind: 1 }, { objectKind: 99, cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 0 }],
];

const tensors = {
  tileIds: [1, 2],
  sections: [{ roleId: 1, dtypeId: 0, tilePayloads: [new Uint8Array(2), new Uint8Array(3)] }],
};
const camera = { objectKind: 1, refFlags: 0, cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 1 };

const REQUESTS: readonly Partial<SubmitRequest>[] = [
  {},
  frameRequest("x"),
  tensors,
  { ...frameRequest("y"), ...tensors },
  { submitMode: 1, objectRefMask: 1, cameraReference: camera },
];
const REQUEST_FIELDS =
  ("viewId routeId traceId flags srcWidth srcHeight tileWidth tileHeight tileIds sections cameraBlock frameClass inputProfile " +
    "tileIndexMode latencyBudgetMs targetFpsX100 retryOfFrame tileBaseId submitMode objectRefMask cameraReference " +
    "tileIndexReference tensorSectionTableReference budgetPolicy dependencyFrameId lossTolerancePolicy payloadKindBitmap " +
    "payloadFrameCount typedPayloads").split(" ");

const RESULTS: readonly ResultFields[] = [{}, { payloadKindBitmap: 0 }, frameRequest("x"), tensors, {
  ...frameRequest("y"),
  ...tensors,
}];
const RESULT_FIELDS =
  ("flags tileIds sections typedPayloads resultFlags activeProfileId inferenceMs queueMs serverTotalMs " +
    "statusCode tileIndexMode tileBaseId resultClass appliedBudgetPolicy reusedFrameId coveredTileCount droppedTileCount " +
    "payloadKindBitmap payloadFrameCount references tileIndexReference tensorSectionTableReference").split(
      " ",
    );

/** A nonsensical argument may be a TypeError of the language, but nothing that looks like a fault of the program. */
function isRefusal(error: unknown): boolean {
  return error instanceof NnrpError || error instanceof TypeError || error instanceof RangeError ||
    error instanceof SyntaxError;
}

test("whatever nonsense a request holds, it is sent whole or refused, and the next packet begins where it should", () => {
  let sent = 0;
  let refused = 0;
  for (const good of REQUESTS) {
    for (const field of REQUEST_FIELDS) {
      for (const odd of ODDITIES) {
        const rig = new ClientRig().open();
        const request = { ...good, frameId: 1, [field]: odd } as unknown as SubmitRequest;
        const about = `${field} = ${typeof odd} ${odd instanceof Object ? JSON.stringify(odd) : String(odd)}`;
        try {
          rig.engine.submit(request, 1, new RecordingWaiter());
          sent++;
          const packets = rig.out.take();
          assertEquals(namesOf(packets), ["FRAME_SUBMIT"], about);
          const answer = errorsIn(new ServerRig().open().receive(...packets));
          assert(
            answer.every((e) => e.errorCode === ErrorCode.CACHE_MISS),
            `${about}: ${answer[0]?.diagnostic}`,
          );
        } catch (error) {
          refused++;
          assert(isRefusal(error), `${about}: ${error}`);
          assertEquals([rig.out.take().length, rig.engine.framesInFlight], [0, 0], about);
        }
        rig.submit(2);
        assertEquals(rig.out.take().map((p) => p.header.frameId), [2], about);
      }
    }
  }
  assert(sent > 500 && refused > 1000, `${sent} sent, ${refused} refused`);
});

test("whatever nonsense a handler gives, the result is sent whole or refused, and the frame can still be answered", () => {
  let sent = 0;
  let refused = 0;
  for (const how of ["sendResult", "sendPart"] as const) {
    for (const good of RESULTS) {
      for (const field of RESULT_FIELDS) {
        const rig = new ServerRig().open();
        ODDITIES.forEach((odd, i) => {
          rig.receive(submitPacket(i));
          const frame = rig.frames[i];
          const about = `${how} ${field} = ${typeof odd} ${
            odd instanceof Object ? JSON.stringify(odd) : String(odd)
          }`;
          try {
            const fields = { ...good, [field]: odd } as ResultFields;
            if (how === "sendPart") rig.engine.sendPart(frame, fields);
            else rig.engine.sendResult(frame, fields, true, rig.nowMs);
            sent++;
            const packets = rig.out.take();
            assertEquals(namesOf(packets), ["RESULT_PUSH"], about);
            const client = new ClientRig().open();
            const waiter = client.submit(i);
            client.receive(...packets);
            assertEquals(waiter.error, null, about);
          } catch (error) {
            refused++;
            assert(isRefusal(error), `${about}: ${error}`);
            assertEquals([rig.out.take().length, frame.settled], [0, false], about);
          }
          if (!frame.settled) {
            assertEquals(rig.engine.sendResult(frame, frameRequest("in order"), true, rig.nowMs), true);
          }
          rig.out.take();
        });
        assertEquals(rig.engine.framesInFlight, 0);
      }
    }
  }
  assert(sent > 500 && refused > 1000, `${sent} sent, ${refused} refused`);
});
