import { ClientRig, frameRequest, RecordingWaiter } from "@nnrp/testing/engines";
import { resultPacket } from "@nnrp/testing/packets";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { NnrpConnectionClosedError } from "../../errors.ts";
import type { ClientEngine } from "./client_engine.ts";
import type { FrameWaiter } from "./engine_host.ts";

const gone = new NnrpConnectionClosedError("test", "the path is gone");

/** Frames that ended, by the counters. */
function ended({ counts: c }: ClientEngine): number {
  return c.complete + c.partial + c.staleReuse + c.degraded + c.dropped + c.failed + c.cancelled +
    c.discarded;
}

const happening = fc.tuple(
  fc.constantFrom(
    "submit",
    "submit",
    "result",
    "cancel",
    "pass",
    "lose some",
    "lose all",
    "send anew",
    "fail",
    "cancelled in the line",
    "timed out in the line",
  ),
  fc.nat(7),
);

test("frames that lose their path, are sent anew or end on the way: the counters add up after each step", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 150, size: "max" }), (happenings) => {
      const rig = new ClientRig({ keepAliveMs: 0, idleTimeoutMs: 0 }).open({ maxConcurrentFrames: 1000 });
      const { engine } = rig;
      engine.resumable = true;
      let line: FrameWaiter[] = [];
      let submitted = 0;
      let sent = 0;
      for (const [what, n] of happenings) {
        const flying = engine.waiters();
        const some = flying[n % Math.max(1, flying.length)];
        const first = line.find(({ late }) => !late);
        if (what === "submit") {
          const waiter = new RecordingWaiter(n % 3 === 0 ? rig.nowMs + 5 : 0);
          engine.submit({ ...frameRequest("x"), frameId: 0 }, undefined, waiter);
          submitted++;
          sent++;
        } else if (what === "result") rig.receive(resultPacket(some?.frameId ?? 77));
        else if (what === "cancel" && some !== undefined) engine.cancel(some.frameId, 0);
        else if (what === "pass") rig.pass(n);
        else if (what === "lose some") line.push(...engine.losePath(flying.slice(0, n), gone));
        else if (what === "lose all") {
          rig.lost = [];
          engine.carrierClosed({ code: 0, reason: "", local: false });
          line.push(...rig.lost);
          engine.moveTo(rig.out, rig.nowMs);
        } else if (what === "send anew" && first !== undefined) {
          engine.submit({ ...frameRequest("x"), frameId: 0 }, undefined, first);
          line = line.filter((waiter) => waiter !== first);
          sent++;
        } else if (what === "fail") {
          for (const waiter of line) engine.failLost(waiter, gone);
          line = [];
        } else if (first !== undefined && what.endsWith("in the line")) {
          engine.endLost(first, what.startsWith("timed") ? "timedOut" : "cancelled");
          engine.endLost(first, "failed"); // it has ended already
          line = line.filter((waiter) => waiter !== first);
        }
        rig.out.packets.length = 0;
        const open = engine.framesInFlight + engine.framesLate + engine.framesLost;
        assertEquals(engine.framesLost, line.length, what);
        assertEquals(engine.counts.submitted, submitted, what);
        assertEquals(engine.counts.submitted + engine.counts.resubmitted, sent, what);
        assertEquals(ended(engine) + open, submitted, what);
      }
    }),
    { numRuns: 300 },
  );
});
