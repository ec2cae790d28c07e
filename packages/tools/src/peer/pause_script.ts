/**
 * `--pause-after` and `--resume-after-ms`: a PAUSE when the Nth frame comes, a RESUME later, and the count of frames that
 * came in between.
 *
 * @module
 */
import { FlowUpdateBackpressureLevel, FlowUpdateReason } from "@nnrp/core";
import type { ServerSession } from "@nnrp/server";
import type { ServeFlags } from "./serve_flags.ts";

/** A client may go on by the retry time or by the RESUME, so the last moments of a pause do not count, ms. */
const PAUSE_TAIL_MS = 20;

/** The pause of one session. */
export class PauseScript {
  readonly #session: ServerSession;
  readonly #flags: ServeFlags;
  #epoch = 0;
  #pausedUntil = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Nothing is paused yet.
   *
   * @param session Where to send.
   * @param flags Flags of the server.
   */
  constructor(session: ServerSession, flags: ServeFlags) {
    this.#session = session;
    this.#flags = flags;
  }

  /** Whether a frame that comes now breaks the pause. */
  get paused(): boolean {
    return performance.now() < this.#pausedUntil;
  }

  /**
   * Starts the pause if this frame is the one.
   *
   * @param n Number of the frame in its session, from 1.
   */
  arrived(n: number): void {
    const { pauseAfter, resumeAfterMs, maxConcurrentFrames } = this.#flags;
    if (n !== pauseAfter) return;
    this.#pausedUntil = performance.now() + resumeAfterMs - PAUSE_TAIL_MS;
    this.#send(FlowUpdateReason.PAUSE, FlowUpdateBackpressureLevel.HARD, 0, resumeAfterMs);
    this.#timer = setTimeout(
      () => this.#send(FlowUpdateReason.RESUME, FlowUpdateBackpressureLevel.NONE, maxConcurrentFrames),
      resumeAfterMs,
    );
  }

  /** The session has ended. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #send(updateReason: number, backpressureLevel: number, sessionCredit: number, retryAfterMs?: number): void {
    this.#epoch += 1;
    this.#session.sendFlowUpdate({
      updateReason,
      backpressureLevel,
      sessionCredit,
      retryAfterMs,
      creditEpoch: this.#epoch,
    });
  }
}
