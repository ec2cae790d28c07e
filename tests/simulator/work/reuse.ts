/**
 * Frames without waiting, frame ids of the application's own, and ids that are used again after their frame was given up.
 *
 * @module
 */
import { NnrpError, type SubmitOptions } from "@nnrp/client";
import type { SessionRun } from "../session_run.ts";
import { awaitResult, forget, isAwaited } from "./results_loop.ts";
import type { Work } from "./table.ts";

/** Ids that the application gives itself: above those that the session gives. */
const OWN_IDS = 0x4000_0000;

async function nowait(
  run: SessionRun,
  act: "quick" | "slow" | "throws",
  ms: number,
  frameId?: number,
): Promise<number | null> {
  const { frame, request } = run.frame({
    way: "nowait",
    act,
    ms,
    request: frameId === undefined ? {} : { frameId },
    reusedId: frameId !== undefined && run.usesId(frameId),
  });
  run.open++;
  try {
    const key = await run.session.submitNowait(request);
    if (frame.overMs < 0) awaitResult(run, frame, key.frameId);
    return key.frameId;
  } catch (error) {
    run.failed(frame, error);
    return null;
  } finally {
    run.open--;
  }
}

/** Gives a frame of this id up in one of the ways there are, then uses the id again at once. */
async function again(run: SessionRun, how: "cancel" | "time-out" | "discard"): Promise<void> {
  const frameId = OWN_IDS + run.random.integer(0, 3);
  if (isAwaited(run, frameId)) return;
  run.circumstances.add("uses ids again");
  const act = run.random.pick(["deaf", "slow"] as const);
  const submit = (options: SubmitOptions) =>
    run.submit({ way: "submit", act, ms: 400, request: { frameId }, reusedId: run.usesId(frameId) }, options);
  if (how === "discard") {
    const id = await nowait(run, "slow", 400, frameId);
    if (id === null || run.isOver) return;
    await run.host.sleep(run.random.between(0, 30));
    if (!isAwaited(run, frameId)) return;
    run.session.discardFrame(frameId);
    forget(run, frameId);
  } else if (how === "cancel") {
    const giveUp = new AbortController();
    run.host.after(run.random.between(1, 60), () => giveUp.abort(new Error("not wanted any more")));
    await submit({ signal: giveUp.signal });
  } else await submit({ timeoutMs: run.random.integer(5, 60) });
  if (run.isOver) return;
  // Refused (typed) or answered with its own answer: both are right.
  await run.submit({ way: "submit", act: "quick", request: { frameId }, reusedId: true });
}

/** Ids and frames without waiting. */
export const reuseWork: { readonly [name: string]: Work } = {
  nowait: { weight: 6, play: (run) => nowait(run, "slow", run.random.between(1, 200)).then(() => {}) },
  "nowait that fails": { weight: 0.5, play: (run) => nowait(run, "throws", 0).then(() => {}) },
  discarded: {
    weight: 1.5,
    play: async (run) => {
      const id = await nowait(run, "slow", 300);
      if (id === null || run.isOver || !isAwaited(run, id)) return;
      run.session.discardFrame(id);
      forget(run, id);
    },
  },
  "reused after cancel": { weight: 1, play: (run) => again(run, "cancel") },
  "reused after time-out": { weight: 1, play: (run) => again(run, "time-out") },
  "reused after discard": { weight: 1, play: (run) => again(run, "discard") },
  "id in flight": {
    weight: 0.5,
    play: async (run) => {
      const frameId = OWN_IDS + 100;
      const request = { frameId };
      await Promise.all([
        run.submit({ way: "submit", act: "slow", ms: 30, request }),
        run.submit({ way: "submit", act: "slow", ms: 30, request }).catch((error: unknown) => {
          if (!(error instanceof NnrpError)) throw error;
        }),
      ]);
    },
  },
};
