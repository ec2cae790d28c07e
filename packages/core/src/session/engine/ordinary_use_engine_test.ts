/**
 * What belongs to frames ends no session, however many there are: the limit of control packets is for those that bring nothing
 * forward.
 */
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { ClientRig, frameRequest, namesOf, ServerRig } from "@nnrp/testing/engines";
import { bare, resultPacket, submitPacket } from "@nnrp/testing/packets";
import { MessageType } from "../../wire/enums.ts";
import { flowUpdateOf } from "../flow/flow_fields.ts";

const FRAMES = 20_000;

/** What a client sends beside a frame that the server has answered already. */
const TO_SERVER: Record<string, (frameId: number) => Parameters<ServerRig["receive"]>> = {
  "its cancel comes too late": (frameId) => [bare(MessageType.FRAME_CANCEL, { frameId })],
  "a ping": () => [bare(MessageType.PING, { traceId: 1n })],
  "a flow update": () => [flowPacket(5)],
  "a cancel, a ping and a flow update": (frameId) => [
    bare(MessageType.FRAME_CANCEL, { frameId }),
    bare(MessageType.PING, { traceId: 1n }),
    flowPacket(5),
  ],
};

function flowPacket(credit: number) {
  const rig = new ServerRig().open();
  rig.out.take();
  rig.engine.sendFlowUpdate(flowUpdateOf({ credit }));
  rig.engine.sayFlowUpdates(rig.nowMs);
  return rig.out.take()[0];
}

for (const [what, packets] of Object.entries(TO_SERVER)) {
  test(`a server: with each of ${FRAMES} frames in a row ${what}`, () => {
    const rig = new ServerRig().open();
    for (let frameId = 1; frameId <= FRAMES; frameId++) {
      rig.receive(submitPacket(frameId));
      rig.engine.sendResult(rig.frames.pop()!, {}, true, rig.nowMs);
      rig.receive(...packets(frameId));
      rig.out.packets.length = 0;
    }
    assertEquals([rig.ending, rig.engine.counts.results], [null, FRAMES]);
  });

  test(`a server: without frames ${what} is a flood`, () => {
    const rig = new ServerRig().open();
    for (let frameId = 1; frameId <= 2100; frameId++) rig.receive(...packets(frameId));
    assertEquals(rig.ending?.kind, "error");
  });
}

for (const flows of [1, 3]) {
  test(`a client: with each of ${FRAMES} frames in a row ${flows} flow updates and a ping`, () => {
    const rig = new ClientRig().open();
    const flow = flowPacket(8);
    for (let frameId = 1; frameId <= FRAMES; frameId++) {
      const waiter = rig.submit(frameId);
      rig.receive(
        ...new Array(flows).fill(flow),
        bare(MessageType.PING, { traceId: 1n }),
        resultPacket(frameId),
      );
      assertEquals(waiter.heard, ["final"]);
      rig.out.packets.length = 0;
    }
    assertEquals(rig.ending, null);
  });
}

test("a client may leave every stream after its first part", () => {
  const server = new ServerRig().open();
  const client = new ClientRig().open();
  for (let frameId = 1; frameId <= FRAMES; frameId++) {
    client.submit(frameId);
    server.receive(...client.out.take());
    const frame = server.frames.pop()!;
    server.engine.sendPart(frame, frameRequest("part"));
    server.engine.endStream(frame, server.nowMs);
    client.engine.cancel(frameId, 0);
    assertEquals(namesOf(client.out.packets), ["FRAME_CANCEL"]);
    server.receive(...client.out.take());
    client.receive(...server.out.take());
  }
  assertEquals([server.ending, client.ending, client.engine.framesInFlight], [null, null, 0]);
});
