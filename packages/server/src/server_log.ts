/**
 * The log of a server: calls the application's function, which may fail without anybody noticing, and bounds how often failures
 * are told, since one client can bring them about with every frame.
 *
 * @module
 */
import { callBack, ControlRate } from "@nnrp/core";
import { logEvent, type LogFacts } from "./log_event.ts";
import { MAX_FAILURES_LOGGED_PER_SECOND, type ServeOptions } from "./options.ts";

/** Tells what is worth a line. */
export class ServerLog {
  /** Failures that were not told because there were too many. */
  untold = 0;

  readonly #options: ServeOptions;
  readonly #rate: ControlRate;
  #skipped = 0; // since the last one that was told

  /**
   * Makes a ServerLog.
   *
   * @param options The function, and how many failures per second it is told.
   */
  constructor(options: ServeOptions) {
    this.#options = options;
    const perSecond = options.maxFailuresLoggedPerSecond ?? MAX_FAILURES_LOGGED_PER_SECOND;
    this.#rate = new ControlRate({ burst: perSecond, perSecond });
  }

  /** Tells of something. Never throws. */
  tell(event: LogFacts): void {
    callBack(() => this.#options.log?.(logEvent(event)), () => {});
  }

  /** Tells of a failure, of the application or of this library, unless there were too many just now. Never throws. */
  tellFailure(event: LogFacts): void {
    if (!this.#rate.spend(performance.now())) {
      this.#skipped++;
      this.untold++;
      return;
    }
    const skipped = this.#skipped;
    this.#skipped = 0;
    const more = skipped === 0 ? "" : ` (${skipped} failures before it were not told)`;
    this.tell({ ...event, message: event.message + more });
  }
}
