/**
 * The end of a session in order: CLOSE, what is in flight, then the connection (behaviour spec §10, "CLOSE"). This file owns how long
 * each of them is waited for.
 *
 * @module
 */
import { type Carrier, type Host, lingerMs, roundTripWait, type SessionEngine } from "@nnrp/core";
import { CLOSE_DRAIN_MS, CLOSE_GRACE_MS } from "./defaults.ts";
import type { SessionCloseOptions } from "./session_types.ts";

/** What the end of a session needs from it. */
export interface ClosingSession {
  /** Provides the timers. */
  readonly host: Host;
  /** Sends CLOSE. */
  readonly engine: SessionEngine;
  /** The connection in use. */
  readonly carrier: Carrier;
  /** How long a client may take nothing, ms. */
  readonly stallMs: number;
  /** Resolves when the session is over. */
  readonly closed: Promise<unknown>;
  /** Resolves when no frame is in flight or the session is over. */
  idle(): Promise<void>;
  /** Resolves when the runtime accepted everything that was sent so far. */
  sent(): Promise<void>;
}

/** What the shutdown of a server needs from a session. */
export interface ShutDownSession extends ClosingSession {
  /** Ends it in order. */
  close(options: SessionCloseOptions): Promise<void>;
  /** Ends it at once, without CLOSE. */
  abort(reason: string): void;
}

/**
 * Sends CLOSE; waits until what is in flight is answered and sent; gives the client a moment to close first;
 * then ends the sending and waits for the client's end, which confirms that everything has arrived: the
 * system accepts the last megabytes long before. All of it within `drainMs`, and the last no longer than a
 * send stall may last.
 */
export async function closeInOrder(session: ClosingSession, options: SessionCloseOptions): Promise<void> {
  const { host, closed } = session;
  const drainMs = options.drainMs ?? CLOSE_DRAIN_MS;
  const endsMs = host.now() + drainMs;
  const leftMs = () => Math.max(0, endsMs - host.now());
  let isOver = false;
  void closed.then(() => isOver = true);
  const { reason = "", retryAfterMs } = options;
  session.engine.close(reason, retryAfterMs === undefined ? null : { retryAfterMs });
  await within(host, drainMs, Promise.race([closed, session.idle().then(() => session.sent())]));
  const graceMs = roundTripWait(CLOSE_GRACE_MS, session.carrier.roundTripMs);
  if (!isOver) await within(host, Math.min(leftMs(), graceMs), closed);
  const isInTime = leftMs() > 0;
  // CLOSE is sent also when there was no time for anything else.
  await session.carrier.close(
    isInTime
      ? { drainMs: leftMs(), stallMs: session.stallMs }
      : { drainMs: lingerMs(session.carrier.roundTripMs) },
  );
}

/**
 * Ends a session because its server closes, in order, and at once when the time is up.
 *
 * @param session The session.
 * @param options Longest time in all, reason for the client, when it may come back.
 */
export async function closeForShutdown(
  session: ShutDownSession,
  options: SessionCloseOptions & { readonly drainMs: number; readonly reason: string },
): Promise<void> {
  const { drainMs, reason } = options;
  const closed = session.close(options);
  const cancelCut = session.host.after(drainMs, () => session.abort(reason));
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
