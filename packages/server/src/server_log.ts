/**
 * The log of a server: calls the application's function, which may fail without anybody noticing, and bounds how often failures
 * are told, since one client can bring them about with every frame.
 *
 * @module
 */
import { callBack, ControlRate, type Host } from "@nnrp/core";
import { logEvent, type LogFacts, type ServerLogEvent } from "./log_event.ts";

/** Options of a {@linkcode ServerLog}. */
export interface ServerLogOptions {
  /** Called for what is worth a line; undefined = nobody wants to know. */
  readonly log: ((event: ServerLogEvent) => void) | undefined;
  /** Failures per second that it is told, and at once. */
  readonly maxFailuresLoggedPerSecond: number;
}

/** Tells what is worth a line. */
export class ServerLog {
  /** Failures that were not told because there were too many. */
  untold = 0;

  readonly #host: Host;
  readonly #log: ServerLogOptions["log"];
  readonly #rate: ControlRate;
  #skipped = 0; // since the last one that was told

  /**
   * Makes a ServerLog.
   *
   * @param host Whose clock to use, and the context in which to call.
   * @param options The function, and how many failures per second it is told.
   */
  constructor(host: Host, { log, maxFailuresLoggedPerSecond: perSecond }: ServerLogOptions) {
    this.#host = host;
    this.#log = log;
    this.#rate = new ControlRate({ burst: perSecond, perSecond });
  }

  /** Tells of something. Never throws. */
  tell(event: LogFacts): void {
    const log = this.#log;
    if (log === undefined) return;
    callBack(() => this.#host.runDetached(() => log(logEvent(event))), () => {});
  }

  /** Tells of a failure, of the application or of this library, unless there were too many just now. Never throws. */
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
