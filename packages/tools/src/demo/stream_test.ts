/** The stream never waits for a server, and tells what came of every frame. */
import { test } from "node:test";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { backendHandler, type Plane, plane, superResolution } from "@nnrp/backends";
import { drop, type Handler } from "@nnrp/server";
import { BudgetPolicy } from "@nnrp/client";
import { withServer } from "../../tests/memory_server.ts";
import { type PhaseOptions, PhaseRecord } from "./phase.ts";
import { openingPhase, shortBudget, shortPhases } from "./phases.ts";
import { Scene } from "./scene.ts";
import { DemoStream } from "./stream.ts";

const PLAN = { seconds: 1, fps: 100, budgetMs: 50 };

function photo(): Plane {
  return plane(
    300,
    200,
    Uint8Array.from({ length: 300 * 200 }, (_, i) => (Math.sin(i / 7) + Math.sin(i / 1300)) * 60 + 128),
  );
}

async function streamTo(handler: Handler, options: PhaseOptions, concurrency = 1): Promise<PhaseRecord> {
  let record = new PhaseRecord(options);
  await withServer(handler, async (session) => {
    const stream = new DemoStream(session, new Scene(photo(), 128, 128, options.durationMs));
    record = await stream.run(options, () => {}, new AbortController().signal);
  }, { concurrency });
  return record;
}

test("with the real network the view is closer to the original than bicubic", async () => {
  const backend = superResolution();
  await backend.ready();
  try {
    const record = await streamTo(backendHandler(backend, drop), { ...openingPhase(PLAN), policy: 0 });
    const { results, psnr, bicubicPsnr, submitted } = record.numbers();
    assertEquals(results.toJSON(), { COMPLETE: submitted });
    assertGreater(submitted, 0);
    assertGreater(psnr, bicubicPsnr);
    assert(record.snapshot !== null);
  } finally {
    await backend[Symbol.asyncDispose]();
  }
});

test("a server that drops everything leaves a bicubic view, and is asked for one tile now and then", async () => {
  const asked: number[] = [];
  const record = await streamTo((frame) => {
    asked.push(frame.tileIds.length);
    if (frame.metadata.budgetPolicy === 0) {
      assertEquals([frame.tileIds.length, frame.metadata.latencyBudgetMs], [1, 0]);
    }
    return drop();
  }, openingPhase(PLAN));
  const { results, psnr, bicubicPsnr, fresh } = record.numbers();
  assertEquals([psnr, fresh], [bicubicPsnr, 0]);
  assertEquals(results.toJSON(), { DROP: asked.length });
  assert(asked.includes(1) && asked.includes(4));
});

test("errors about frames are counted and the stream goes on", async () => {
  const record = await streamTo(() => {
    throw new Error("broken on purpose");
  }, openingPhase(PLAN));
  const { results, submitted } = record.numbers();
  assertGreater(submitted, 1);
  assertEquals(results.toJSON(), { ERROR: submitted });
});

test("where parts are not allowed, a late answer makes the client ask for less", async () => {
  const asked: number[] = [];
  const [, whole] = shortPhases({ ...PLAN, seconds: 4 }, 20);
  assertEquals(whole.policy, BudgetPolicy.ALLOW_STALE_REUSE);
  await streamTo((frame) => {
    asked.push(frame.tileIds.length);
    return drop();
  }, whole);
  assertEquals(asked.slice(0, 3), [4, 2, 1]);
});

test("too many frames under way are held back, and every frame of the view is accounted for", async () => {
  const open: (() => void)[] = [];
  let most = 0;
  const record = await streamTo(
    async () => {
      most = Math.max(most, open.length + 1);
      const turn = new Promise<void>((resolve) => open.push(resolve));
      // Answers only when the client holds back: without that this test would never end.
      if (open.length === 6) { for (const answer of open.splice(0)) setTimeout(answer, 40); }
      setTimeout(() => open.splice(0).forEach((answer) => answer()), 2000);
      await turn;
      return drop();
    },
    openingPhase({ ...PLAN, seconds: 2 }),
    64,
  );
  assertEquals(most, 6);
  assertEquals(record.frames.length + record.skipped, 100);
  assert(record.frames.some((frame) => frame.held));
});

test("the short budget is about half of what a frame needs here, and never more than half of the budget", () => {
  const record = (inferenceMs: number) => {
    const phase = new PhaseRecord(openingPhase({ ...PLAN, budgetMs: 40 }));
    const frame = { atMs: 0, motion: "pan", className: "COMPLETE", held: false, latencyMs: 1 } as const;
    phase.frames.push({
      ...frame,
      asked: 20,
      covered: 20,
      inferenceMs,
      fresh: 1,
      kept: 0,
      psnr: 1,
      bicubicPsnr: 1,
    });
    return phase;
  };
  assertEquals(shortBudget(record(10), 20), 8); // half of 10, and 3 for the way
  assertEquals(shortBudget(record(100), 20), 20);
  assertEquals(shortBudget(record(0), 20), 4);
  assertEquals(shortBudget(new PhaseRecord(openingPhase({ ...PLAN, budgetMs: 40 })), 20), 20);
});
