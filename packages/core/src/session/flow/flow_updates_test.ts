/**
 * FLOW_UPDATEs on their way out: what replaces what, that nothing goes out faster than a peer takes it, and that the last word of each
 * kind always goes out.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { ClientRig, frameRequest, namesOf, ServerRig } from "@nnrp/testing/engines";
import { submitPacket } from "@nnrp/testing/packets";
import { NnrpValueError } from "../../errors.ts";
import { FlowUpdateScopeKind, MessageType } from "../../wire/enums.ts";
import { FLOW_UPDATE_RECORD } from "../../wire/metadata/flow_update.ts";
import { ControlRate } from "../control/control_rate.ts";
import { type FlowUpdateFields, flowUpdateOf } from "./flow_fields.ts";

const { OPERATION, CONNECTION } = FlowUpdateScopeKind;

/** What the updates among the packets say: scope, operation, credit, epoch. */
function told(packets: ReturnType<ClientRig["pass"]>) {
  return packets.filter((p) => p.header.msgType === MessageType.FLOW_UPDATE).map(({ metadata }) => {
    const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength);
    const m = FLOW_UPDATE_RECORD.decode(view, 0, metadata.length);
    return [
      m.scopeKind,
      Number(m.operationId),
      m.connectionCredit + m.sessionCredit + m.operationCredit,
      m.creditEpoch,
    ];
  });
}

const TURNS: Record<string, readonly [said: FlowUpdateFields[], told: number[][]]> = {
  "one": [[{ credit: 3 }], [[1, 0, 3, 0]]],
  "the last word wins": [[{ credit: 3 }, { credit: 4 }, { credit: 5 }], [[1, 0, 5, 0]]],
  "each scope has its own": [
    [{ credit: 3 }, { scopeKind: CONNECTION, credit: 7 }, { credit: 4 }],
    [[0, 0, 7, 0], [1, 0, 4, 0]],
  ],
  "each operation, too": [
    [1n, 2n, 1n].map((operationId, i) => ({ scopeKind: OPERATION, operationId, credit: i })),
    [[2, 2, 1, 0], [2, 1, 2, 0]],
  ],
  "what says no credit takes none back": [[{ credit: 3 }, { retryAfterMs: 5 }], [[1, 0, 3, 0], [1, 0, 0, 0]]],
  "a newer epoch": [[{ credit: 3, creditEpoch: 0xffffffff }, { credit: 4, creditEpoch: 1 }], [[1, 0, 4, 1]]],
  "an older epoch is for the receiver to judge": [
    [{ credit: 3, creditEpoch: 2 }, { credit: 4, creditEpoch: 1 }],
    [[1, 0, 3, 2], [1, 0, 4, 1]],
  ],
  "no epoch after one": [[{ credit: 3, creditEpoch: 2 }, { credit: 4 }], [[1, 0, 3, 2], [1, 0, 4, 0]]],
};
for (const [what, [said, expected]] of Object.entries(TURNS)) {
  test(`said in one turn: ${what}`, () => {
    for (const rig of [new ClientRig().open(), new ServerRig().open()]) {
      rig.out.take();
      const first = said.map((fields) => rig.engine.sendFlowUpdate(flowUpdateOf(fields)));
      assertEquals(first, said.map((_, i) => i === 0), "who is the first sees to the end of the turn");
      assertEquals(rig.out.take(), []);
      rig.engine.sayFlowUpdates(rig.nowMs);
      assertEquals(told(rig.out.take()), expected);
      rig.engine.sayFlowUpdates(rig.nowMs);
      assertEquals(rig.out.take(), []);
    }
  });
}

test("what was said before a frame or an answer is written before it", () => {
  const client = new ClientRig().open();
  client.engine.sendFlowUpdate(flowUpdateOf({ credit: 3 }));
  client.submit(1);
  assertEquals(namesOf(client.out.take()), ["FLOW_UPDATE", "FRAME_SUBMIT"]);
  const answers: Record<string, (rig: ServerRig) => unknown> = {
    RESULT_PUSH: (rig) => rig.engine.sendResult(rig.frames[0], {}, true, rig.nowMs),
    "RESULT_PUSH ": (rig) => rig.engine.sendPart(rig.frames[0], frameRequest("part")),
    "RESULT_PUSH  ": (rig) => rig.engine.endStream(rig.frames[0], rig.nowMs),
    RESULT_DROP: (rig) => rig.engine.sendDrop(rig.frames[0]),
    ERROR: (rig) => rig.engine.failFrame(rig.frames[0], { errorCode: 1 }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const rig = new ServerRig().open();
    rig.receive(submitPacket(1));
    rig.engine.sendFlowUpdate(flowUpdateOf({ credit: 3 }));
    answer(rig);
    assertEquals(namesOf(rig.out.take()), ["FLOW_UPDATE", name.trim()]);
    assertEquals(rig.engine.counts.flowUpdates, 1);
  }
});

test("what cannot be said is refused where it is asked for, and what waits stays", () => {
  const rig = new ClientRig().open();
  rig.engine.sendFlowUpdate(flowUpdateOf({ credit: 3 }));
  assertThrows(() => rig.engine.sendFlowUpdate(flowUpdateOf({ credit: 70_000 })), NnrpValueError);
  rig.engine.close();
  assertEquals(namesOf(rig.out.take()), ["FLOW_UPDATE", "CLOSE"]);
});

test("many operations: as many updates wait as are allowed to, none is lost", () => {
  const rig = new ClientRig().open();
  for (let i = 1; i <= 200; i++) {
    rig.engine.sendFlowUpdate(flowUpdateOf({ scopeKind: OPERATION, operationId: BigInt(i), credit: 1 }));
  }
  rig.engine.sayFlowUpdates(rig.nowMs);
  assertEquals(told(rig.out.take()).map(([, id]) => id), Array.from({ length: 200 }, (_, i) => i + 1));
});

test("however fast a side changes its mind, its peer's limit is kept, and the last word goes out", () => {
  const step = fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 400 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rig = new ClientRig({ keepAliveMs: 0, idleTimeoutMs: 0 }).open();
      const peer = new ControlRate();
      let credit = 0;
      let last = 0;
      const hear = (packets: ReturnType<ClientRig["pass"]>) => {
        for (const packet of packets) {
          if (packet.header.msgType === MessageType.FRAME_SUBMIT) peer.earn(4);
          else if (packet.header.msgType === MessageType.FLOW_UPDATE) assert(peer.spend(rig.nowMs));
        }
        last = told(packets).at(-1)?.[2] ?? last;
      };
      steps.forEach(([updates, waitMs, submits], i) => {
        for (let k = 0; k < updates; k++) {
          rig.engine.sendFlowUpdate(flowUpdateOf({ credit: credit = (credit + 1) & 0xffff }));
          rig.engine.sayFlowUpdates(rig.nowMs);
        }
        if (submits) {
          rig.submit(i + 1);
          hear(rig.out.take());
          assertEquals(last, credit, "before the frame");
        } else hear(rig.out.take());
        hear(rig.pass(waitMs));
      });
      if (rig.engine.nextDeadlineMs < Infinity) hear(rig.pass(rig.engine.nextDeadlineMs - rig.nowMs));
      assertEquals(last, credit);
    }),
    { numRuns: 200 },
  );
});
