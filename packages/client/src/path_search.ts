/**
 * The search for a new connection after a loss: when to try, what to try first, and when to stop (behaviour spec §11).
 *
 * @module
 */
import { type Carrier, type Host, NnrpProtocolError, NnrpTimeoutError } from "@nnrp/core";
import type { WaitOptions } from "@nnrp/runtime";
import { RECONNECT_ATTEMPTS } from "./defaults.ts";
import { isRefusal, retryAfterOf } from "./passing_failures.ts";
import { reconnectDelay, type ReconnectOptions } from "./reconnect.ts";
import { sleep, withinTime } from "./time_limit.ts";

/** How to get a connection again. */
export interface ComeBack extends ReconnectOptions {
  /** Opens a connection as the first one was opened. */
  dial(signal: AbortSignal): Promise<Carrier>;
  /** Whether a token may travel on a connection that `dial` opened. */
  isPrivate(carrier: Carrier): boolean;
  /** Longest time of each step of a try (connecting, the server's answer), ms. */
  readonly timeoutMs: number;
}

/** What a session does with a connection that was found. */
export interface Searcher {
  /** Whether there is a token for the old session. */
  readonly hasToken: boolean;
  /** Asks for the old session; false if the server does not have it any more, and then the token is gone. */
  resume(carrier: Carrier, limits: WaitOptions): Promise<boolean>;
  /** Begins a new session. */
  reopen(carrier: Carrier, limits: WaitOptions): Promise<void>;
  /** A try has failed. */
  tryFailed(attempt: number, error: unknown): void;
}

/**
 * Searches until a connection carries the session, the tries are used up, or the server refuses for good.
 *
 * @param signal Ends the search; then what is returned means nothing.
 * @param firstAfterMs How long the server asked to wait, ms: each wait is as long as it said last, and the backoff with its jitter.
 * @returns Whether it was found, or why not.
 */
export async function searchForPath(
  host: Host,
  comeBack: ComeBack,
  searcher: Searcher,
  signal: AbortSignal,
  firstAfterMs = 0,
): Promise<{ readonly found: true } | { readonly found: false; readonly failure: unknown }> {
  const { maxAttempts = RECONNECT_ATTEMPTS } = comeBack;
  let failure: unknown;
  let afterMs = firstAfterMs;
  for (let attempt = 0; attempt < maxAttempts && !signal.aborted; attempt++) {
    try {
      await sleep(host, afterMs + reconnectDelay(attempt, comeBack, host.random()), signal);
      await tryOnce(host, comeBack, searcher, signal);
      return { found: true };
    } catch (error) {
      if (signal.aborted) break;
      failure = error;
      searcher.tryFailed(attempt + 1, error);
      if (error instanceof NnrpProtocolError && isRefusal(error)) break;
      afterMs = retryAfterOf(error);
    }
  }
  return { found: false, failure };
}

/** One try: the old session, else a new one. */
async function tryOnce(
  host: Host,
  comeBack: ComeBack,
  searcher: Searcher,
  signal: AbortSignal,
): Promise<void> {
  const limits = { signal, timeoutMs: comeBack.timeoutMs };
  let carrier = await dial(host, comeBack, signal);
  if (searcher.hasToken && comeBack.isPrivate(carrier)) {
    if (await searcher.resume(carrier, limits)) return;
    carrier = await dial(host, comeBack, signal);
  }
  await searcher.reopen(carrier, limits);
}

async function dial(host: Host, comeBack: ComeBack, signal: AbortSignal): Promise<Carrier> {
  const carrier = await withinTime(
    host,
    { timeoutMs: comeBack.timeoutMs, signal },
    (ms) => new NnrpTimeoutError("the connection", ms),
    (at) => comeBack.dial(at),
  );
  if (!signal.aborted) return carrier;
  void carrier.close({ graceful: false }); // the session was closed meanwhile
  throw signal.reason;
}
