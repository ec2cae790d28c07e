/**
 * The loop that takes the results of frames submitted without waiting.
 *
 * @module
 */
import type { FailedFrame, NnrpError, Result } from "@nnrp/client";
import type { Frame } from "../ledger.ts";
import type { SessionRun } from "../session_run.ts";

/** Frames of a session that wait in its loop, by id. */
const waiting: WeakMap<SessionRun, Map<number, { readonly frame: Frame; readonly parts: Result[] }>> =
  new WeakMap();

/** What failed before the submit had said which id the frame got. */
const failedEarly: WeakMap<SessionRun, Map<number, NnrpError>> = new WeakMap();

/** A frame was taken by the session: its result comes through the loop. */
export function awaitResult(run: SessionRun, frame: Frame, frameId: number): void {
  const error = failedEarly.get(run)?.get(frameId);
  if (error !== undefined) {
    failedEarly.get(run)!.delete(frameId);
    run.failed(frame, error);
  } else if (!table(run).has(frameId)) table(run).set(frameId, { frame, parts: [] });
}

/** The application gave a frame up. */
export function forget(run: SessionRun, frameId: number): void {
  const frames = table(run);
  const item = frames.get(frameId);
  if (item === undefined) return;
  frames.delete(frameId);
  item.frame.givenUp = true;
  run.stage.ledger.over(item.frame, "discarded", false);
}

/** Whether a frame of this id waits. */
export function isAwaited(run: SessionRun, frameId: number): boolean {
  return table(run).has(frameId);
}

/** Takes results until the session is over. One failing frame must not end it. */
export async function consume(run: SessionRun): Promise<void> {
  try {
    for await (const item of run.session.results()) {
      if (item.error === null) taken(run, item);
      else failed(run, item);
    }
  } catch (error) {
    run.checkError(error, "the loop over results()");
  }
  if (run.isOver || run.session.state === "closed") return;
  run.stage.found(
    "endings",
    "the loop over results() ended before its session",
    run.client.name,
    [...run.tags(), "results loop"],
  );
}

function taken(run: SessionRun, result: Result): void {
  const frames = table(run);
  let item = frames.get(result.frameId);
  if (item === undefined) {
    const frame = run.stage.ledger.find(result.text().split(" ")[0]);
    // Of a frame that was given up a part may already lie in the loop's queue.
    if (frame?.run === run && (frame.givenUp || frame.overMs >= 0)) return;
    // An answer may be there before the submit has said which id the frame got.
    if (frame?.run === run && frame.way === "nowait") frames.set(result.frameId, item = { frame, parts: [] });
  }
  if (item === undefined) {
    run.stage.found(
      "answers",
      "results() gave a result of a frame that nobody waits for",
      run.client.name,
      run.tags(),
    );
    return;
  }
  item.parts.push(result);
  if (!result.isFinal) return;
  frames.delete(result.frameId);
  run.answered(item.frame, item.parts, true);
}

function failed(run: SessionRun, { frameId, error }: FailedFrame): void {
  const frames = table(run);
  const item = frames.get(frameId);
  if (item === undefined) {
    if (!failedEarly.has(run)) failedEarly.set(run, new Map());
    failedEarly.get(run)!.set(frameId, error);
    return;
  }
  frames.delete(frameId);
  run.failed(item.frame, error);
}

function table(run: SessionRun): Map<number, { readonly frame: Frame; readonly parts: Result[] }> {
  let frames = waiting.get(run);
  if (frames === undefined) waiting.set(run, frames = new Map());
  return frames;
}
