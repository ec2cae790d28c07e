/**
 * A server that exceeds the rate of control packets is read more slowly, before it is given up
 * (docs/architecture.md, "Limits").
 *
 * @module
 */
import type { CancelTimer, ClientEngine, Host, SessionPath } from "@nnrp/core";

/** The rests of one session, one at a time. */
export class ReadingRest {
  readonly #host: Host;
  readonly #engine: ClientEngine;
  #cancelTimer: CancelTimer | null = null; // not null = a path is not read

  /**
   * @param host Provides the timers.
   * @param engine Knows what the server owes.
   */
  constructor(host: Host, engine: ClientEngine) {
    this.#host = host;
    this.#engine = engine;
  }

  /** A batch of packets was handled: pauses reading of the path for a moment if the engine asks for it. */
  look(path: SessionPath): void {
    const ms = this.#engine.restMs;
    if (ms === 0 || this.#cancelTimer !== null) return;
    path.carrier.pause();
    this.#cancelTimer = this.#host.after(ms, () => {
      this.#cancelTimer = null;
      this.#engine.keepAlive.received(this.#host.now()); // its silence was this side's
      if (!path.holds && path.closedInfo === null) path.carrier.resume();
    });
  }

  /** The session is over. */
  stop(): void {
    this.#cancelTimer?.();
  }
}
