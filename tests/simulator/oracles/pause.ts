/**
 * What is submitted while the application holds submits back does not go out before it lets go.
 *
 * @module
 */
import type { Frame } from "../ledger.ts";
import type { Stage } from "../stage.ts";

/** A handler got a frame. */
export function checkPause(stage: Stage, frame: Frame): void {
  const { run, pause } = frame;
  if (pause !== 0) stage.judged("pause");
  if (pause === 0 || run.pause !== pause || run.isOver) return;
  stage.found(
    "pause",
    "a frame went out although pauseSubmit() holds it back",
    run.client.name,
    run.tags(frame),
  );
}
