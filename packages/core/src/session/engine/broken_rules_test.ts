/**
 * Rules of behaviour spec §6–§10 and §14 broken on purpose: for each the ERROR with code and scope, and what survives.
 * `broken_rules_engine_test.ts` has the ones about lengths, floods and framing; here are those between fields, states and frames.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { test } from "node:test";
import {
  camera,
  patched,
  type Row,
  ROWS,
  tensorResult,
  tensors,
  withBody,
} from "../../../tests/broken_rules.ts";
import {
  ackFor,
  ClientRig,
  errorsIn,
  frameRequest,
  helloPacket,
  namesOf,
  RecordingWaiter,
  ServerRig,
} from "@nnrp/testing/engines";
import { bare, resultPacket, submitPacket } from "@nnrp/testing/packets";
import type { SubmitRequest } from "../../body/submit_request.ts";
import { TypedPayload } from "../../body/typed_payloads.ts";
import { NnrpError, NnrpProtocolError } from "../../errors.ts";
import { enumName } from "../../wire/enum_names.ts";
import { ErrorCode, ErrorScope, MessageType, ResultClass, SubmitMode } from "../../wire/enums.ts";
import { encodeControlExtensions } from "../../wire/extensions.ts";
import { PayloadKind } from "../../wire/flags.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import { flowUpdateOf } from "../flow/flow_fields.ts";
import { SessionState } from "./states.ts";

const E = ErrorCode;
const { CONNECTION, FRAME } = ErrorScope;

/** An engine of the row's role in the row's state, with one frame in flight from ACTIVE on. */
function scene(
  { role, state = "ACTIVE", capabilities }: Row,
): { rig: ServerRig | ClientRig; waiter: RecordingWaiter } {
  const waiter = new RecordingWaiter();
  if (role === "server") {
    const rig = new ServerRig({}, capabilities);
    if (state === "INIT") return { rig, waiter };
    rig.acceptAtOnce = state !== "NEGOTIATING";
    rig.receive(helloPacket());
    if (state === "NEGOTIATING") return { rig, waiter };
    rig.receive(submitPacket(1));
    if (state === "DRAINING") rig.receive(bare(MessageType.CLOSE));
    return { rig, waiter };
  }
  const rig = new ClientRig();
  const [hello] = rig.hello();
  if (state !== "NEGOTIATING") {
    rig.receive(ackFor(hello));
    rig.submit(1, 0, waiter);
    rig.out.take();
  }
  return { rig, waiter };
}

for (const row of ROWS) {
  const { rule, section, role, state = "ACTIVE", error, survives } = row;
  const answer = error === undefined
    ? "no ERROR"
    : `${enumName(ErrorCode, error[0])} of scope ${enumName(ErrorScope, error[1])}`;
  test(`${role}, ${section}: ${rule}: ${answer}; survives: ${survives}`, () => {
    const { rig, waiter } = scene(row);
    for (const packet of row.before ?? []) rig.receive(packet);
    if (row.afterMs !== undefined) rig.pass(row.afterMs);
    assertEquals(rig.current.state, SessionState[state]);
    const sent = rig.receive(row.sent);
    const errors = errorsIn(sent);
    assertEquals(errors.map((e) => [e.errorCode, e.errorScope]), error === undefined ? [] : [[...error]]);
    assertEquals(namesOf(sent).filter((name) => name !== "ERROR"), [...row.also ?? []]);
    if (error !== undefined) {
      assertEquals(errors[0].isFatal !== 0, survives === "nothing", "fatal if and only if nothing survives");
      assertEquals(errors[0].traceId, row.sent.header.traceId);
      assert(errors[0].diagnostic.length > 0);
      if (error[1] === FRAME) {
        const { relatedFrameId, relatedViewId } = errors[0];
        assertEquals([relatedFrameId, relatedViewId], [row.sent.header.frameId, row.sent.header.viewId]);
      }
    }
    if (survives === "nothing") {
      assertEquals([rig.current.state, rig.done !== null], [SessionState.CLOSED, true]);
      if (rig instanceof ServerRig) assertEquals(rig.frames.every((f) => f.aborted && f.settled), true);
      else if (state === "ACTIVE") assertEquals(waiter.heard, ["PROTOCOL"]);
      assertEquals(rig.receive(submitPacket(2), resultPacket(1)), [], "the dead say nothing");
      return;
    }
    assertEquals(rig.current.state, SessionState[state]);
    if (rig instanceof ServerRig) {
      assertEquals(rig.frames.map((f) => f.frameId), [1], "the bad frame reached nobody");
      assertEquals(rig.engine.sendResult(rig.frames[0], frameRequest("answer"), true, rig.nowMs), true);
      assertEquals(namesOf(rig.out.take()).includes("RESULT_PUSH"), true);
      if (state !== "ACTIVE") return;
      rig.receive(submitPacket(2));
      assertEquals(rig.engine.sendResult(rig.frames[1], frameRequest("answer"), true, rig.nowMs), true);
    } else {
      rig.receive(resultPacket(1));
      const second = rig.submit(2);
      rig.receive(resultPacket(2));
      assertEquals([waiter.heard, second.heard], [["final"], ["final"]]);
    }
    assertEquals(rig.current.framesInFlight, 0);
  });
}

// §6.4: what a client makes of an ack; the session does not begin, the server hears of it by the end of the connection.
const ack = ackFor(helloPacket());
const ackWithExtension = (): NnrpPacket => {
  const block = encodeControlExtensions([{ extType: 0x4000, extFlags: 1, payload: new Uint8Array(8) }]);
  const metadata = ack.metadata.slice();
  new DataView(metadata.buffer).setUint32(72, block.length, true);
  return withBody({ ...ack, metadata }, block);
};
const BAD_ACKS: readonly [rule: string, sent: NnrpPacket, code: number][] = [
  ["another wire format", patched(ack, [1, 1]), E.UNSUPPORTED_VERSION],
  ["version 0", patched(ack, [0, 0]), E.UNSUPPORTED_VERSION],
  ["the highest auth_status", patched(ack, [2, 255]), E.AUTH_FAILED],
  ["an unknown critical extension", ackWithExtension(), E.UNSUPPORTED_CAPABILITY],
];
for (const [rule, sent, code] of BAD_ACKS) {
  test(`client, §6.4: an ack with ${rule}: ${enumName(ErrorCode, code)} of scope CONNECTION; survives: nothing`, () => {
    const rig = new ClientRig();
    rig.hello();
    rig.receive(sent);
    const { refusal } = rig;
    assertInstanceOf(refusal, NnrpProtocolError);
    assertEquals([refusal.errorCode, refusal.errorScope, refusal.fatal, refusal.remote], [
      code,
      CONNECTION,
      true,
      false,
    ]);
    assertEquals([rig.current.state, rig.accepted], [SessionState.CLOSED, null]);
  });
}

// §8.3: results that contradict themselves fail their own frame and cost nothing else.
const BAD_RESULTS: readonly [rule: string, sent: NnrpPacket][] = [
  ["covered and dropped tiles that are not all tiles", patched(tensorResult, [52, 1])],
  ["class PARTIAL without dropped tiles", patched(tensorResult, [44, ResultClass.PARTIAL])],
  ["flag PARTIAL without dropped tiles", patched(tensorResult, [2, 4])],
  ["more tiles than its index names", patched(tensorResult, [6, 3])],
  ["more sections than its body holds", patched(tensorResult, [4, 2])],
  ["an unknown budget policy", patched(tensorResult, [45, 0x80])],
];
for (const [rule, sent] of BAD_RESULTS) {
  test(`client, §8.3: a result with ${rule}: its frame fails; survives: session and frames`, () => {
    const rig = new ClientRig().open();
    const bad = rig.submit(50);
    const good = rig.submit(1);
    rig.out.take();
    assertEquals(rig.receive(sent, resultPacket(1)), []);
    assertEquals([bad.heard, good.heard, rig.current.framesInFlight], [["WIRE"], ["final"], 0]);
  });
}

// §7, §8.1, §8.2, §10, §14: rules for this side's own user. Nothing is sent, and the next call works.
const LOCAL:
  readonly (readonly [rule: string, section: string, code: string, call: (rig: ClientRig) => void])[] = [
    ["a key that is in flight", "§8.1", "STATE", (rig) => void rig.submit(1)],
    ...([
      ["typed payloads with a reference", { objectRefMask: 1, cameraReference: camera(1) }],
      ["typed payloads in mode REFERENCE", { submitMode: SubmitMode.REFERENCE }],
      ["mode INLINE with a mask", { typedPayloads: undefined, objectRefMask: 1 }],
      ["mode INLINE with a reference", { typedPayloads: undefined, cameraReference: camera(1) }],
      ["mode REFERENCE without a reference", { typedPayloads: undefined, submitMode: SubmitMode.REFERENCE }],
      ["mode REFERENCE with something inline", {
        ...tensors,
        submitMode: SubmitMode.REFERENCE,
        objectRefMask: 1,
        cameraReference: camera(1),
      }],
      ["mode MIXED without a mask", { ...tensors, submitMode: SubmitMode.MIXED }],
      ["a mask that is not that of the references", {
        typedPayloads: undefined,
        submitMode: SubmitMode.REFERENCE,
        objectRefMask: 2,
        cameraReference: camera(1),
      }],
      ["a typed payload of kind TENSOR", {
        typedPayloads: [{ payloadKind: PayloadKind.TENSOR, payload: new Uint8Array(1) }],
      }],
      ["a typed payload of two kinds", {
        typedPayloads: [{
          payloadKind: PayloadKind.TOKEN_CHUNK | PayloadKind.TOOL_DELTA,
          payload: new Uint8Array(1),
        }],
      }],
      ["descriptor flags", { typedPayloads: [{ ...TypedPayload.tokenChunk("x"), descriptorFlags: 1 }] }],
    ] as [string, Partial<SubmitRequest>][]).map(([rule, request]) =>
      [
        rule,
        "§8.2",
        "VALUE",
        (rig: ClientRig) =>
          rig.engine.submit({ ...frameRequest("x"), frameId: 5, ...request }, 5, new RecordingWaiter()),
      ] as const
    ),
    ["a frame before the handshake is done", "§7", "STATE", () => {
      const early = new ClientRig();
      early.hello();
      early.submit(1);
    }],
    ["a frame after close()", "§7", "STATE", () => {
      const late = new ClientRig().open();
      late.engine.close();
      late.submit(1);
    }],
    ["credit for another scope", "§10", "VALUE", (rig) => {
      rig.engine.sendFlowUpdate({ ...flowUpdateOf({ credit: 1 }), connectionCredit: 3 });
    }],
    ["a retry time without its flag", "§10", "VALUE", (rig) => {
      rig.engine.sendFlowUpdate({ ...flowUpdateOf({ credit: 1 }), retryAfterMs: 3 });
    }],
    ["a wish for a session id that is none", "§6.1", "VALUE", () => {
      new ClientRig().hello({ requestedSessionId: -1 });
    }],
  ];
for (const [rule, section, code, call] of LOCAL) {
  test(`user, ${section}: ${rule} is refused with ${code} before a byte leaves; survives: session and frames`, () => {
    const rig = new ClientRig().open();
    const waiter = rig.submit(1);
    rig.out.take();
    const error = assertThrows(() => call(rig), NnrpError);
    assertEquals((error as NnrpError).code, code);
    assertEquals(rig.out.take(), []);
    const second = rig.submit(2);
    rig.receive(resultPacket(1), resultPacket(2));
    assertEquals([waiter.heard, second.heard], [["final"], ["final"]]);
  });
}
