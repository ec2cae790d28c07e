/**
 * What a running server tells: one line per event, for people or as JSON, and the counts of frames by class.
 *
 * @module
 */
import { Drop, type Handler, type ServerLogEvent, type ServerSession, type ServerStats } from "@nnrp/server";
import { enumName, fitToShow, ResultClass } from "@nnrp/core";
import { ResultTally } from "../result_tally.ts";

/** Writes events and counts answers. */
export class EventLog {
  /** Answers of handlers, by class. What the scheduler dropped on its own is in the server's stats. */
  readonly answers = new ResultTally();
  readonly #json: boolean;
  readonly #print: (line: string) => void;
  readonly #sessions = new Map<number, ResultTally>();

  /**
   * Makes a EventLog.
   *
   * @param print Takes lines.
   * @param json Whether lines are JSON objects.
   */
  constructor(print: (line: string) => void, json: boolean) {
    this.#print = print;
    this.#json = json;
  }

  /** Writes one event. */
  event(event: ServerLogEvent): void {
    const { type, message, remote, carrier, sessionId, error } = event;
    const frames = type === "session-end" ? this.#sessions.get(sessionId) ?? new ResultTally() : undefined;
    if (type === "session-end") this.#sessions.delete(sessionId);
    const why = error instanceof Error && !message.includes(error.message) ? error.message : undefined;
    if (this.#json) {
      this.#print(JSON.stringify({
        event: type,
        time: new Date().toISOString(),
        sessionId,
        remote,
        carrier,
        message,
        ...(why === undefined ? {} : { error: why }),
        ...(frames === undefined ? {} : { frames }),
      }));
      return;
    }
    const tail = frames === undefined ? "" : `; frames: ${frames}`;
    const from = message.includes(remote) ? "" : ` (${remote})`;
    this.line(fitToShow(`${type.padEnd(18)} ${message}${why === undefined ? "" : `: ${why}`}${from}${tail}`));
  }

  /** Writes a line with the time of day. */
  line(text: string): void {
    this.#print(`${new Date().toTimeString().slice(0, 8)}  ${text}`);
  }

  /** The handler, with its answers counted. */
  counting(handler: Handler): Handler {
    return async (frame, context) => {
      try {
        const output = await handler(frame, context);
        // Settled meanwhile means cancelled or expired: the answer goes nowhere, and the scheduler counts it.
        if (!frame.settled) this.#count(context.session, output instanceof Drop ? "DROP" : classOf(output));
        return output;
      } catch (error) {
        if (!frame.settled) this.#count(context.session, "ERROR");
        throw error;
      }
    };
  }

  /** The last line. */
  summary(stats: ServerStats): void {
    const { sessionsStarted, handshakesRefused, expired, superseded, busy, handlerFailures } = stats;
    if (this.#json) {
      this.#print(JSON.stringify({
        event: "summary",
        time: new Date().toISOString(),
        sessions: sessionsStarted,
        handshakesRefused,
        frames: this.answers,
        expired,
        superseded,
        busy,
        handlerFailures,
      }));
      return;
    }
    const more = [
      [expired, "expired before the answer"],
      [superseded, "superseded"],
      [busy, "refused as busy"],
      [handshakesRefused, "handshakes refused"],
    ] as const;
    const rest = more.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`).join("");
    this.#print(
      `served ${sessionsStarted} session${sessionsStarted === 1 ? "" : "s"}; frames: ${this.answers}${rest}`,
    );
  }

  #count(session: ServerSession, className: string): void {
    this.answers.add(className);
    let tally = this.#sessions.get(session.sessionId);
    if (tally === undefined) this.#sessions.set(session.sessionId, tally = new ResultTally());
    tally.add(className);
  }
}

function classOf(output: Exclude<Awaited<ReturnType<Handler>>, Drop>): string {
  if (Symbol.asyncIterator in output || Symbol.iterator in output) return "PARTIAL";
  return enumName(ResultClass, output.resultClass ?? ResultClass.COMPLETE);
}
