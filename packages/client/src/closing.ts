/**
 * The end of a session in order: what is in flight may still come, then the connection goes (behaviour spec §10, "CLOSE").
 *
 * @module
 */
import { type CancelTimer, type Carrier, type ClientEngine, type Host, LINGER_MS } from "@nnrp/core";
import { CLOSE_DRAIN_MS, CLOSE_IDLE_DRAIN_MS } from "./defaults.ts";

/** Options of {@linkcode ClientSession.close}. */
export interface CloseOptions {
  /** Words for the server. */
  readonly reason?: string;
  /** Longest wait for frames in flight, ms, any length. Default 2,000; 250 when there are none. */
  readonly drainMs?: number;
}

/** What a session lends to its end. */
export interface ClosingSession {
  /** Whose clock and timers to use. */
  readonly host: Host;
  /** Says CLOSE, and knows what is in flight. */
  readonly engine: ClientEngine;
  /** The connection in use. */
  readonly carrier: Carrier;
  /** Resolves when the session is over. */
  readonly closed: Promise<unknown>;
}

/** Says CLOSE, waits for frames in flight, closes the connection. */
export async function closeInOrder(session: ClosingSession, options: CloseOptions): Promise<void> {
  const { host, engine } = session;
  engine.close(options.reason ?? "");
  await drained(session, options.drainMs);
  engine.cancelRest();
  const { carrier } = session;
  // A carrier without a clock of its own would wait for a server that does not let go for ever.
  const cancelCut = host.after(LINGER_MS, () => void carrier.close({ graceful: false }));
  await carrier.close();
  cancelCut();
}

/** Waits until the session is over, its frames are settled and a little more, or the time is up. */
function drained({ host, engine, closed }: ClosingSession, givenMs: number | undefined): Promise<void> {
  const drainMs = givenMs ?? CLOSE_DRAIN_MS;
  const idleMs = Math.min(givenMs ?? CLOSE_IDLE_DRAIN_MS, CLOSE_IDLE_DRAIN_MS);
  return new Promise((done) => {
    let cancelTimer: CancelTimer = () => {};
    const startedMs = host.now();
    const check = () => {
      const left = drainMs - (host.now() - startedMs);
      if (left <= 0) done();
      else if (engine.framesInFlight === 0) cancelTimer = host.after(Math.min(left, idleMs), done);
      else cancelTimer = host.after(Math.min(left, DRAIN_CHECK_MS), check);
    };
    void closed.then(() => {
      cancelTimer();
      done();
    });
    check();
  });
}

/** How often a closing session looks whether its frames have ended, ms. */
const DRAIN_CHECK_MS = 10;
