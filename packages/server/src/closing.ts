/**
 * The end of a session in order: CLOSE, what is in flight, then the connection (behaviour spec §10, "CLOSE"). This file owns how long
 * each of them is waited for.
 *
 * @module
 */
import type { Carrier, Host, SessionEngine } from "@nnrp/core";
import { CLOSE_DRAIN_MS, CLOSE_GRACE_MS } from "./defaults.ts";
import type { SessionCloseOptions } from "./session_types.ts";

/** What a session lends to its end. */
export interface ClosingSession {
  /** Whose timers to use. */
  readonly host: Host;
  /** Says CLOSE. */
  readonly engine: SessionEngine;
  /** The connection in use. */
  readonly carrier: Carrier;
  /** Resolves when the session is over. */
  readonly closed: Promise<unknown>;
}

/** What a session lends to the end of its server. */
export interface ShutDownSession extends ClosingSession {
  /** Ends it in order. */
  close(options: SessionCloseOptions): Promise<void>;
  /** Resolves when no frame is in flight or the session is over. */
  idle(): Promise<void>;
  /** Resolves when the runtime took everything that was sent so far. */
  sent(): Promise<void>;
  /** Ends it at once, without a word. */
  abort(reason: string): void;
}

/** Says CLOSE, waits until the client closed or the time is up, closes the connection. */
export async function closeInOrder(session: ClosingSession, options: SessionCloseOptions): Promise<void> {
  session.engine.close(options.reason ?? "");
  await within(session.host, options.drainMs ?? CLOSE_DRAIN_MS, session.closed);
  await session.carrier.close();
}

/**
 * Ends a session because its server closes: one with nothing in flight goes at once, after the client had a moment to close first.
 *
 * @param session The session.
 * @param drainMs Longest wait for what is in flight, ms.
 * @param reason Words for the client.
 */
export async function closeForShutdown(
  session: ShutDownSession,
  drainMs: number,
  reason: string,
): Promise<void> {
  const { host } = session;
  const closed = session.close({ reason, drainMs });
  await within(host, drainMs, session.idle().then(() => session.sent()));
  const cancelCut = host.after(Math.min(drainMs, CLOSE_GRACE_MS), () => session.abort(reason));
  await closed;
  cancelCut();
}

/** Waits for something, but not longer than so many ms. */
async function within(host: Host, ms: number, event: Promise<unknown>): Promise<void> {
  await new Promise<void>((done, failed) => {
    const cancelTimer = host.after(ms, done);
    event.then(() => {
      cancelTimer();
      done();
    }, failed);
  });
}
