/**
 * When the scripted server answers: at once, after a delay, or held back and in reverse (`--delay-ms`, `--jitter-ms`,
 * `--reorder`).
 *
 * @module
 */
import type { ServeFlags } from "./serve_flags.ts";

/** Held frames are answered when no other came for this long, ms. */
const FLUSH_HELD_MS = 500;

/** Decides when each frame's answer is due; one per session. */
export class AnswerOrder {
  readonly #flags: ServeFlags;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #held: (() => void)[] = [];

  /**
   * Holds nothing yet.
   *
   * @param flags Flags of the server.
   */
  constructor(flags: ServeFlags) {
    this.#flags = flags;
  }

  /**
   * Calls `answer` when it is due.
   *
   * @param n Number of the frame in its session, from 1.
   * @param answer Answers the frame.
   */
  due(n: number, answer: () => void): void {
    const { reorder, delayMs, jitterMs } = this.#flags;
    if (reorder > 0) {
      this.#held.push(answer);
      if (this.#held.length >= reorder) this.#flush();
      else this.#later(FLUSH_HELD_MS, () => this.#held.at(-1) === answer && this.#flush());
    } else if (delayMs > 0) {
      this.#later(delayMs + (jitterMs > 0 ? (n * 2654435761 >>> 0) % jitterMs : 0), answer);
    } else {
      answer();
    }
  }

  /** Forgets what is not answered yet: the session has ended. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#held = [];
  }

  #flush(): void {
    const held = this.#held.reverse();
    this.#held = [];
    for (const answer of held) answer();
  }

  #later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }
}
