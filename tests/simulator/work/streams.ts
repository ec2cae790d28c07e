/**
 * Frames that are answered in parts, and all ways to read them, or to stop reading.
 *
 * @module
 */
import type { Result } from "@nnrp/client";
import type { Act } from "../order.ts";
import type { FrameWish, SessionRun } from "../session_run.ts";
import type { Work } from "./table.ts";

const STREAMS: readonly Act[] = ["stream", "stream", "rush", "iterator", "breaks"];

function wish(run: SessionRun, way: FrameWish["way"], act: Act = run.random.pick(STREAMS)): FrameWish {
  const parts = act === "rush" ? run.random.integer(2, 60) : run.random.integer(1, 12);
  const bytes = act === "reuses" ? 40_000 : run.random.chance(0.85) ? 0 : run.random.integer(500, 20_000);
  return { way, act, parts, bytes, ms: run.random.between(0, 600) };
}

/** Reads a stream, or as much of it as is wanted. */
async function read(run: SessionRun, one: FrameWish, stopAfter = Infinity): Promise<void> {
  const { frame, request } = run.frame(one);
  run.open++;
  const parts: Result[] = [];
  try {
    const stream = run.session.submitStream(request);
    if (one.way === "batches") {
      for await (const batch of stream.batches()) parts.push(...batch);
    } else {
      for await (const part of stream) {
        parts.push(part);
        if (parts.length >= stopAfter) {
          frame.givenUp = true;
          break;
        }
      }
    }
    run.open--;
    run.answered(frame, parts, !frame.givenUp);
  } catch (error) {
    run.open--;
    run.failed(frame, error);
  }
}

/** Streams. */
export const streamWork: { readonly [name: string]: Work } = {
  streamed: { weight: 8, play: (run) => read(run, wish(run, "stream")) },
  batches: { weight: 3, play: (run) => read(run, wish(run, "batches")) },
  "put together": { weight: 5, play: (run) => void run.submit(wish(run, "submit")) },
  "left early": { weight: 3, play: (run) => read(run, wish(run, "left"), run.random.integer(1, 3)) },
  first: { weight: 3, play: (run) => void run.submit(wish(run, "first"), { until: "first" }) },
  eos: { weight: 2, play: (run) => void run.submit(wish(run, "eos"), { until: "eos" }) },
  "plain iterables": {
    weight: 1,
    play: (run) => void run.submit(wish(run, "submit", run.random.pick(["plain", "array"]))),
  },
  "lent buffers": {
    weight: 0.5,
    play: (run) =>
      read(run, { ...wish(run, "stream", "lends"), bytes: run.random.pick([100, 40_000, 90_000]) }),
  },
  // Memory of the handler's that is gone when it likes: the frame may fail, nothing else.
  "vanishing parts": {
    weight: 0.3,
    play: (run) => {
      run.circumstances.add("vanished bytes");
      const bytes = run.random.pick([100, 40_000, 150_000]);
      return read(run, { ...wish(run, "stream", "takes"), bytes });
    },
  },
  "reused buffers": { weight: 0.7, play: (run) => read(run, wish(run, "stream", "reuses")) },
  // Events that go on for ever: the handler's iterator is told to stop while a step of it waits.
  "left sources": { weight: 1, play: (run) => read(run, { ...wish(run, "left", "source"), parts: 2 }, 2) },
  // A step of the client's own that waits when the loop is left.
  "left while waiting": {
    weight: 1,
    play: async (run) => {
      const { frame, request } = run.frame({ way: "left", act: "slow", ms: 2000 });
      const steps = run.session.submitStream(request)[Symbol.asyncIterator]();
      const step = steps.next().then(
        () => {},
        (error: unknown) => run.checkError(error, "a step of a stream"),
      );
      await run.host.sleep(run.random.between(0, 500));
      if (run.isOver) return run.stage.ledger.over(frame, "the session ended", false);
      frame.givenUp = true;
      if (frame.overMs < 0) run.stage.ledger.over(frame, "left", false);
      await run.within(steps.return!(undefined), 1000, "return() of a stream");
      await run.within(step, 1000, "a step of a stream after return()");
    },
  },
  "spoilt parts": { weight: 0.7, play: (run) => read(run, wish(run, "stream", "spoils")) },
  // Until the first part of short streams, many times: ordinary use that must not end the session.
  "many first": {
    weight: 0.04,
    play: async (run) => {
      run.circumstances.add("many first");
      for (let i = 0; i < 1050 && !run.isOver && run.stage.phase === "storm"; i++) {
        await run.submit({ way: "first", act: "rush", parts: 2 }, { until: "first" });
      }
    },
  },
};
