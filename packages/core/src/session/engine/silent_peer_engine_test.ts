/**
 * Peers that fall silent, and this side's own lateness: both roles notice the first in time and never take the second for it.
 */
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { ClientRig, namesOf, RecordingReply, ServerRig } from "@nnrp/testing/engines";
import { bare } from "@nnrp/testing/packets";
import { MessageType } from "../../wire/enums.ts";
import { flowUpdateOf } from "../flow/flow_fields.ts";

/** A hello without any of our extensions: nobody knows whether its client answers pings. */
const RC2 = { streamedResults: false, migrationToken: false };

for (const kind of ["ours", "rc2, answered once", "rc2"] as const) {
  for (const sends of [false, true]) {
    for (const role of ["client", "server"] as const) {
      const lostMs = kind === "rc2" ? [120_000, 120_100] : sends ? [30_000, 35_100] : [30_000, 32_700];
      test(`a ${role} ${sends ? "that sends " : ""}whose peer (${kind}) falls silent notices within ${lostMs[1]} ms`, () => {
        const ours = kind === "ours";
        const rig = role === "client"
          ? new ClientRig().open({ streamedResults: ours })
          : new ServerRig().open(ours ? {} : RC2);
        if (kind === "rc2, answered once") {
          rig.current.ping(new RecordingReply(), rig.nowMs);
          const [ping] = rig.out.take();
          rig.receive(bare(MessageType.PONG, { traceId: ping.header.traceId }));
        }
        const startMs = rig.nowMs;
        let pings = 0;
        while (rig.ending === null && rig.nowMs - startMs < 200_000) {
          if (sends) rig.current.sendFlowUpdate(flowUpdateOf({ credit: 3 }));
          rig.current.sayFlowUpdates(rig.nowMs);
          pings +=
            namesOf(rig.pass(Math.min(100, Math.max(1, rig.current.nextDeadlineMs - rig.nowMs)))).filter((
              name,
            ) => name === "PING").length;
        }
        const took = rig.nowMs - startMs;
        assert(took >= lostMs[0] && took <= lostMs[1], `${took} ms`);
        assertEquals([rig.ending?.kind, rig.ending?.error?.code], ["lost", "CLOSED"]);
        if (kind !== "rc2") assert(pings >= 2, "two answers were missing");
      });

      test(`a ${role} ${sends ? "that sends " : ""}does not give up a peer (${kind}) that sends, or whose bytes it did not read`, () => {
        const rig = role === "client" ? new ClientRig().open() : new ServerRig().open();
        const output = Object.assign(rig.out, { bufferedBytes: 0, sentBytes: 0, receivedBytes: 0 });
        const live = (what: (second: number) => void) => {
          for (let second = 0; second < 300; second++) {
            if (sends) rig.current.sendFlowUpdate(flowUpdateOf({ credit: 3 }));
            rig.current.sayFlowUpdates(rig.nowMs);
            what(second);
            rig.pass(1000);
            rig.pass(20);
            assertEquals(rig.ending, null, `after ${second} s`);
          }
          rig.receive(bare(MessageType.FLOW_UPDATE));
        };
        live((second) => second % 14 === 0 && rig.current.begin(rig.nowMs)); // bytes of no whole packet
        live((second) => second % 14 === 0 && void output.receivedBytes++); // the same on a carrier that does not tell
        live((second) => rig.current.isReading = second > 280);
        live((second) => { // a long upload: the peer has nothing to say, and pings wait behind it
          output.bufferedBytes = second > 290 ? 0 : 1000;
          output.sentBytes += 100_000;
        });
      });
    }
  }
}

for (const lateMs of [0, 1, 19, 100, 2600, 86_400_000]) {
  test(`a look that is ${lateMs} ms late ends nothing if bytes lie in the socket, and does if none do`, () => {
    for (const idle of [true, false]) {
      for (const isThere of [true, false]) {
        const rig = new ClientRig(idle ? { idleTimeoutMs: 2000, keepAliveMs: 0 } : { idleTimeoutMs: 0 })
          .open();
        for (let ms = 0; !idle && ms < 32_500; ms += 2500) rig.pass(2500);
        rig.pass((idle ? 2000 : 2500) + lateMs);
        assertEquals(rig.ending, null, "never on the first look");
        if (isThere) {
          rig.receive(bare(MessageType.FLOW_UPDATE));
          rig.pass(20);
        } else for (let looks = 0; looks < 3; looks++) rig.pass(20);
        assertEquals(rig.ending !== null, !isThere, `${idle}`);
      }
    }
  });
}

test("pings that nobody waits for any more make room: a hundred time-outs in a row are no limit", () => {
  for (const rig of [new ClientRig().open(), new ServerRig().open()]) {
    for (let i = 0; i < 100; i++) {
      const traceId = rig.current.ping(new RecordingReply(), rig.nowMs);
      rig.current.abandonReply(traceId);
    }
  }
});
