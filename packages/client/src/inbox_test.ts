import { NnrpConnectionClosedError, type NnrpError, NnrpTimeoutError, type Result } from "@nnrp/core";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { Inbox, type InboxReceiver } from "./inbox.ts";

/** A failure that stands for an arrival: it tells itself apart and needs no bytes. */
const arrival = (n: number) => new NnrpTimeoutError(`arrival ${n}`, n);

class Receiver implements InboxReceiver {
  readonly got: (number | "end")[] = [];
  result(_result: Result): void {
    throw new Error("only failures are delivered here");
  }
  failed(error: NnrpError): void {
    this.got.push((error as NnrpTimeoutError).timeoutMs);
  }
  ended(): void {
    this.got.push("end");
  }
}

test("whatever comes, is asked for, given up and discarded: an inbox is what two lists would be", () => {
  const step = fc.tuple(
    fc.constantFrom("deliver", "deliver", "receive", "receiveAny", "giveUp", "discard"),
    fc.nat(4),
    fc.nat(8),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const inbox = new Inbox({ maxUnclaimedResults: 5 });
      let kept: { frame: number; n: number }[] = [];
      let waiting: { frame: number | null; expects: Receiver; giveUp: () => void }[] = [];
      let dropped = 0;
      steps.forEach(([what, frame, pick], n) => {
        if (what === "deliver") {
          const at = waiting.find((w) => w.frame === frame) ?? waiting.find((w) => w.frame === null);
          if (at !== undefined) {
            waiting = waiting.filter((w) => w !== at);
            inbox.deliver(frame, 0, arrival(n));
            assertEquals(at.expects.got, [n]);
          } else {
            kept.push({ frame, n });
            if (kept.length > 5) {
              kept.shift();
              dropped++;
            }
            inbox.deliver(frame, 0, arrival(n));
          }
        } else if (what === "receive" || what === "receiveAny") {
          const wanted = what === "receive" ? frame : null;
          const receiver = new Receiver();
          const giveUp = wanted === null ? inbox.receiveAny(receiver) : inbox.receive(wanted, 0, receiver);
          const item = kept.find((k) => wanted === null || k.frame === wanted);
          kept = kept.filter((k) => k !== item);
          assertEquals(receiver.got, item === undefined ? [] : [item.n]);
          if (item === undefined) waiting.push({ frame: wanted, expects: receiver, giveUp });
        } else if (what === "giveUp") {
          waiting[pick]?.giveUp();
          waiting[pick]?.giveUp();
          waiting = waiting.filter((_, i) => i !== pick);
        } else {
          inbox.discard(frame, 0);
          kept = kept.filter((k) => k.frame !== frame);
        }
        assertEquals([inbox.size, inbox.droppedUnclaimed], [kept.length, dropped]);
      });
      inbox.end(new NnrpConnectionClosedError("x", "over"));
      for (const { expects } of waiting) assertEquals(expects.got, ["end"]);
      for (const { n } of kept) {
        const receiver = new Receiver();
        inbox.receiveAny(receiver);
        assertEquals(receiver.got, [n], "what is kept can still be received, in order");
      }
    }),
    { numRuns: 200 },
  );
});

test("a hundred thousand who wait give up from the middle, and are served in order, without a search", () => {
  // A search for each would be 10^10 steps: then this test does not end.
  const inbox = new Inbox();
  const receivers = Array.from({ length: 100_000 }, () => new Receiver());
  const waits = receivers.map((receiver, i) =>
    i % 2 === 0 ? inbox.receiveAny(receiver) : inbox.receive(7, 0, receiver)
  );
  for (let i = waits.length - 1; i >= 0; i--) if (i % 4 < 2) waits[i]();
  for (let i = 0; i < 50_000; i++) inbox.deliver(7, 0, arrival(i));
  assertEquals(receivers.map((r) => r.got.length), receivers.map((_, i) => i % 4 < 2 ? 0 : 1));
  const [, , any0, own0, , , any1, own1] = receivers;
  assertEquals([own0.got, own1.got, any0.got, any1.got], [[0], [1], [25_000], [25_001]]);
});
