import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { type GatedSession, ReadGate } from "./read_gate.ts";
import { ServerMemory } from "./server_memory.ts";

const LIMITS = { maxSessionBytes: 100, maxSendBufferBytes: 50 };

/** A session whose facts the test sets. */
class Facts implements GatedSession {
  bytesInFlight = 0;
  unsentBytes = 0;
  reads = true;
  readonly #sending: (() => void)[] = [];
  readonly gate: ReadGate;

  constructor(memory: ServerMemory) {
    this.gate = new ReadGate(this, LIMITS, memory);
  }

  sent(): Promise<void> {
    return new Promise((done) => this.#sending.push(done));
  }

  /** What waited was taken by the runtime. */
  async drain(): Promise<void> {
    this.unsentBytes = 0;
    for (const done of this.#sending.splice(0)) done();
    await Promise.resolve();
    await Promise.resolve();
  }

  get waits(): number {
    return this.#sending.length;
  }

  pauseReading(): void {
    assertEquals(this.reads, true, "paused twice");
    this.reads = false;
  }

  resumeReading(): void {
    assertEquals(this.reads, false, "resumed twice");
    this.reads = true;
  }

  crash(cause: unknown): void {
    throw cause;
  }
}

test("reading stops for too much unanswered, too much unsent, or a full server, and goes on when none of them is left", () => {
  fc.assert(fc.property(
    fc.array(fc.record({
      who: fc.nat(1),
      inFlight: fc.constantFrom(0, 60, 100, 101, 130),
      unsent: fc.constantFrom(0, 50, 51),
    })),
    (steps) => {
      const memory = new ServerMemory(150);
      const sessions = [new Facts(memory), new Facts(memory)];
      for (const { who, inFlight, unsent } of steps) {
        const session = sessions[who];
        session.bytesInFlight = inFlight;
        session.unsentBytes = unsent;
        session.gate.look();
        const [a, b] = sessions;
        assertEquals(memory.bytesInFlight, a.bytesInFlight + b.bytesInFlight);
        const full = a.bytesInFlight + b.bytesInFlight > 150;
        assertEquals(session.reads, !(full || inFlight > 100 || unsent > 50));
        assertEquals(session.gate.isClosed, !session.reads);
      }
    },
  ));
});

test("what waits to be sent is waited for once, and looked at when it has left", async () => {
  const session = new Facts(new ServerMemory(1000));
  session.unsentBytes = 51;
  session.gate.look();
  session.gate.look();
  assertEquals([session.reads, session.waits], [false, 1]);
  await session.drain();
  assertEquals([session.reads, session.waits], [true, 0]);
});

test("what an old connection had to send opens nothing on a new one", async () => {
  const session = new Facts(new ServerMemory(1000));
  session.unsentBytes = 51;
  session.gate.look();
  session.gate.connectionChanged();
  session.reads = true; // the new connection is
  session.gate.look();
  assertEquals([session.reads, session.waits], [false, 2]);
  await session.drain();
  assertEquals([session.reads, session.gate.isClosed], [true, false]);
});
