/**
 * The end of a session in order: what is in flight may still come, then the connection goes (behaviour spec §10, "CLOSE").
 *
 * @module
 */
import { type CancelTimer, type Carrier, type ClientEngine, type Host, lingerMs } from "@nnrp/core";
import { CLOSE_DRAIN_MS, CLOSE_IDLE_DRAIN_MS } from "./defaults.ts";

/** Options of {@linkcode ClientSession.close}. */
export interface CloseOptions {
  /** Reason sent to the server. */
  readonly reason?: string;
  /** Longest wait for frames in flight, ms, any length. Default 2,000; 250 when there are none. */
  readonly drainMs?: number;
}

/** What the end of a session needs from it. */
export interface ClosingSession {
  /** Provides clock and timers. */
  readonly host: Host;
  /** Sends CLOSE; knows which frames are in flight. */
  readonly engine: ClientEngine;
  /** The connection in use. */
  readonly carrier: Carrier;
  /** Resolves when the session is over. */
  readonly closed: Promise<unknown>;
  /** Calls back whenever something of the session may have changed; returns how to take that back. */
  watch(look: () => void): () => void;
}

/** Sends CLOSE, waits for frames in flight and for what is still to be sent, closes the connection. */
export async function closeInOrder(session: ClosingSession, options: CloseOptions): Promise<void> {
  const { host, engine } = session;
  engine.close(options.reason ?? "");
  await drained(session, options.drainMs);
  engine.cancelRest();
  const { carrier } = session;
  // A carrier without a clock of its own would wait for ever for a server that does not close.
  const cancelCut = host.after(lingerMs(carrier.roundTripMs), () => void carrier.close({ graceful: false }));
  await carrier.close();
  cancelCut();
}

/**
 * Waits until the session is over, or its frames are settled, all bytes have left and the server had a moment
 * to close, or the time is up. A send stall meanwhile is detected by the session's own watch.
 */
function drained(session: ClosingSession, givenMs: number | undefined): Promise<void> {
  const { host, engine, closed } = session;
  const drainMs = givenMs ?? CLOSE_DRAIN_MS;
  if (drainMs <= 0) return Promise.resolve();
  const idleMs = Math.min(drainMs, CLOSE_IDLE_DRAIN_MS);
  return new Promise((resolve) => {
    let isDone = false;
    let cancelIdle: CancelTimer | null = null;
    let draining: Carrier | null = null; // whose send buffer is waited for
    const done = () => {
      isDone = true;
      cancelTime();
      cancelIdle?.();
      unwatch();
      resolve();
    };
    const look = () => {
      if (isDone || cancelIdle !== null || engine.framesInFlight > 0) return;
      const { carrier } = session;
      if (carrier.bufferedBytes === 0) cancelIdle = host.after(idleMs, done);
      else if (draining !== carrier) {
        draining = carrier;
        void carrier.drained().then(() => {
          draining = null;
          look();
        });
      }
    };
    const cancelTime = host.after(drainMs, done);
    const unwatch = session.watch(look);
    void closed.then(done);
    look();
  });
}
