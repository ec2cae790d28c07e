/**
 * The log of a server: calls the application's function, which may fail without anybody noticing, and bounds
 * how often failures are logged, since one client can bring them about with every frame.
 *
 * @module
 */
import { callBack, ControlRate, type Host } from "@nnrp/core";
import { logEvent, type LogFacts, type ServerLogEvent } from "./log_event.ts";

/** Options of a {@linkcode ServerLog}. */
export interface ServerLogOptions {
  /** The application's log function; undefined = nothing is logged. */
  readonly log: ((event: ServerLogEvent) => void) | undefined;
  /** Failures logged per second, and in one burst. */
  readonly maxFailuresLoggedPerSecond: number;
}

/** Calls the application's log function. */
export class ServerLog {
  /** Failures that were not logged because there were too many. */
  untold = 0;

  readonly #host: Host;
  readonly #log: ServerLogOptions["log"];
  readonly #rate: ControlRate;
  #skipped = 0; // since the last one that was logged

  /**
   * @param host Whose clock to use, and the context in which to call.
   * @param options The function, and the rate limit on failures.
   */
  constructor(host: Host, { log, maxFailuresLoggedPerSecond: perSecond }: ServerLogOptions) {
    this.#host = host;
    this.#log = log;
    this.#rate = new ControlRate({ burst: perSecond, perSecond });
  }

  /** Logs an event. Never throws. */
  tell(event: LogFacts): void {
    const log = this.#log;
    if (log === undefined) return;
    callBack(() => this.#host.runDetached(() => log(logEvent(event))), () => {});
  }

  /**
   * Logs a failure, of the application or of this library, unless it is over the rate limit. Never throws.
   */
  tellFailure(event: LogFacts): void {
    if (!this.#rate.spend(this.#host.now())) {
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
