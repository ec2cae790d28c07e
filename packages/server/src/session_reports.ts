/**
 * What is reported about a session: events for the server's log, and for the callbacks that its application
 * set.
 *
 * @module
 */
import {
  callBack,
  type Carrier,
  type ClientHelloContext,
  type EffectiveSettings,
  type ErrorEvent,
  type FlowUpdateEvent,
  type Host,
} from "@nnrp/core";
import type { ServerLogEvent } from "./log_event.ts";
import type { ServerLog } from "./server_log.ts";

/** What the reports of a session needs from it. */
export interface ReportedSession {
  /** Provides the context in which the application is called. */
  readonly host: Host;
  /** The connection in use. */
  readonly carrier: Carrier;
  /** Knows its id. */
  readonly engine: { readonly sessionId: number };
  /** The client's hello. */
  readonly hello: ClientHelloContext;
}

/** Callbacks that the application sets. */
export interface SessionListeners {
  /** A FLOW_UPDATE of the client. */
  flowUpdate: ((event: FlowUpdateEvent) => void) | null;
  /** SESSION_PATCH changed something. */
  patch: ((settings: EffectiveSettings) => void) | null;
  /** An ERROR of the client that does not end the session. */
  error: ((event: ErrorEvent) => void) | null;
}

/** See the module. */
export class SessionReports {
  readonly #session: ReportedSession;
  readonly #log: ServerLog;

  /**
   * @param session The session it reports about.
   * @param log The server's log.
   */
  constructor(session: ReportedSession, log: ServerLog) {
    this.#session = session;
    this.#log = log;
  }

  /** Writes a line to the server's log. Never throws. */
  report(type: ServerLogEvent["type"], message: string, error?: unknown): void {
    this.#log.tell(this.#facts(type, message, error));
  }

  /** The same for a failure of a callback or of the library: rate limited as the log asks. */
  reportFailure(type: ServerLogEvent["type"], message: string, error: unknown): void {
    this.#log.tellFailure(this.#facts(type, message, error));
  }

  /** Calls the application's callback; what it throws, or an async one rejects with, ends nothing. */
  tell<T>(callback: ((value: T) => void) | null, value: T): void {
    if (callback === null) return;
    callBack(
      () => this.#session.host.runDetached(() => callback(value)),
      (error) => this.reportFailure("handler-failed", "a callback of the session failed", error),
    );
  }

  #facts(type: ServerLogEvent["type"], message: string, error: unknown) {
    const { hello } = this.#session;
    const { remote, name } = this.#session.carrier;
    const { sessionId } = this.#session.engine;
    return { type, message, remote, carrier: name, sessionId, hello, error };
  }
}
