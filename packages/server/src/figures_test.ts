/**
 * The times that results tell: true to 1 ms, also when handlers keep the event loop from its turn meanwhile.
 */
import { dialClient, type Result } from "@nnrp/client";
import { type Host, memoryNetwork, type ResultFields, TypedPayload } from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { type HandlerOutput, NnrpServer, serve } from "../mod.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** A host whose clock goes only when somebody works: no test waits, and nothing else counts. */
class WorkClock implements Host {
  readonly #machine = systemHost();
  #nowMs = 1000;
  /** Keeps the event loop from its turn for so long. */
  work(ms: number): void {
    this.#nowMs += ms;
  }
  now(): number {
    return this.#nowMs;
  }
  wallNow(): number {
    return this.#machine.wallNow();
  }
  after(ms: number, call: () => void): () => void {
    return this.#machine.after(ms, call);
  }
  yield(call: () => void): void {
    this.#machine.yield(call);
  }
  random(): number {
    return this.#machine.random();
  }
  randomBytes(length: number): Uint8Array {
    return this.#machine.randomBytes(length);
  }
  runDetached<T>(call: () => T): T {
    return this.#machine.runDetached(call);
  }
  eachDetached(waiting: () => number, call: () => void): void {
    this.#machine.eachDetached(waiting, call);
  }
}

const WORK_MS = 60;
/** Handlers that work for {@linkcode WORK_MS}, in every way in which a handler may answer. */
const HANDLERS: Record<string, (clock: WorkClock) => HandlerOutput | Promise<HandlerOutput>> = {
  "at once": (clock) => (clock.work(WORK_MS), say("x")),
  "async, before it waits": (clock) => (clock.work(WORK_MS), Promise.resolve(say("x"))),
  "async, after it waited": async (clock) => {
    await Promise.resolve();
    clock.work(WORK_MS);
    return say("x");
  },
  "an async generator": async function* (clock: WorkClock): AsyncGenerator<ResultFields> {
    for (let i = 0; i < 3; i++) {
      clock.work(WORK_MS / 3);
      yield say("x");
    }
  },
  "a generator": function* (clock: WorkClock): Generator<ResultFields> {
    for (let i = 0; i < 3; i++) {
      clock.work(WORK_MS / 3);
      yield say("x");
    }
  },
  "a generator that returns its result": function* (clock: WorkClock): Generator<ResultFields, ResultFields> {
    yield say("x");
    clock.work(WORK_MS);
    return say("y");
  },
  "fails": (clock) => {
    clock.work(WORK_MS);
    throw new Error("no");
  },
};

for (const [name, handler] of Object.entries(HANDLERS)) {
  for (const frames of [1, 20]) {
    test(`${frames} frames whose handlers work synchronously tell true times: ${name}`, async () => {
      const clock = new WorkClock();
      const net = memoryNetwork();
      const server = await serve({ listen: [net], runtime: clock, concurrency: 64 }, (frame) => {
        if (frame.text() !== "after") return handler(clock);
        return say("x");
      });
      const session = await dialClient("nnrp://memory", { carriers: [net] });
      const ends = await Promise.all(
        Array.from({ length: frames }, () => session.submit(say("x")).catch((): Result | null => null)),
      );
      const times = ends.filter((end) => end !== null).map((end) => end.metadata!);
      if (name !== "fails") {
        assertEquals(times.length, frames);
        const alone = frames === 1;
        for (const { inferenceMs, queueMs, serverTotalMs } of times) {
          // Generators and waiting handlers take turns: then a frame's time is that of others, too, but never less than its own.
          if (alone || name === "at once") assertEquals(inferenceMs, WORK_MS);
          else assertEquals(inferenceMs >= WORK_MS, true, `${inferenceMs}`);
          assertEquals(serverTotalMs, queueMs + inferenceMs);
        }
      }
      const after = (await session.submit(say("after"))).metadata!;
      assertEquals([after.inferenceMs, after.queueMs, after.serverTotalMs], [0, 0, 0]);
      await session.close({ drainMs: 0 });
      await server.close({ drainMs: 0 });
    });
  }
}

test("frames that the application takes itself tell true times, several of one turn too", async () => {
  const clock = new WorkClock();
  const net = memoryNetwork();
  const server = await NnrpServer.bind({ listen: [net], runtime: clock });
  const dialling = dialClient("nnrp://memory", { carriers: [net] });
  const accepted = await server.accept();
  const session = await dialling;
  const results = [1, 2].map(() => session.submit(say("x")));
  const frames = [await accepted.receiveSubmit(), await accepted.receiveSubmit()];
  for (const frame of frames) {
    clock.work(WORK_MS);
    void accepted.sendResult(frame, say("x"));
  }
  const times = (await Promise.all(results)).map((result) => result.metadata!.serverTotalMs);
  assertEquals(times, [WORK_MS, 2 * WORK_MS]);
  await session.close({ drainMs: 0 });
  await server.close({ drainMs: 0 });
});
