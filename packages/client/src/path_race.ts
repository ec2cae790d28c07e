/**
 * Dials several carriers with a head start for the better ones: the next one begins when the one before failed, or after 250 ms;
 * the first that is connected wins, the others are closed (behaviour spec §5.4).
 *
 * @module
 */
import type { CancelTimer, Carrier, CarrierDialer, Host } from "@nnrp/core";

/** One try to connect. */
export interface DialAttempt {
  /** Carrier name, for example `"tcp"`. */
  readonly carrier: string;
  /** Its TransportId. */
  readonly transportId: number;
  /** How long it took, ms. */
  readonly ms: number;
  /** Why it failed; undefined = it connected. */
  readonly error?: unknown;
  /** Whether the session is on it. */
  readonly chosen: boolean;
}

/** How carriers are dialled. */
export interface Race {
  /** Dials one. */
  readonly dial: (carrier: CarrierDialer, signal: AbortSignal) => Promise<Carrier>;
  /** Ends all of it. */
  readonly signal: AbortSignal;
  /** What was tried is added here. */
  readonly attempts: DialAttempt[];
  /** Head start of a carrier over the next one, ms; Infinity: the next one only after a failure. */
  readonly headStartMs: number;
  /** Provides clock and timers. */
  readonly host: Host;
}

/**
 * Races carriers. A carrier that lost the race is closed, and is no attempt.
 *
 * @param carriers Best first.
 * @param race How they are dialled.
 * @returns The winner; null if all failed.
 */
export function raceCarriers(
  carriers: readonly CarrierDialer[],
  { dial, signal, attempts, headStartMs, host }: Race,
): Promise<{ carrier: Carrier; dialer: CarrierDialer } | null> {
  return new Promise((resolve, reject) => {
    const dials = new AbortController();
    let next = 0;
    let running = 0;
    let done = false;
    let cancelHeadStart: CancelTimer | undefined;

    const settle = () => {
      done = true;
      cancelHeadStart?.();
      signal.removeEventListener("abort", onAbort);
      dials.abort(signal.aborted ? signal.reason : new Error("another carrier was faster"));
    };
    const onAbort = () => {
      settle();
      reject(signal.reason);
    };
    const startNext = () => {
      cancelHeadStart?.();
      if (next >= carriers.length) return;
      const dialer = carriers[next++];
      running++;
      const startedMs = host.now();
      const record = (chosen: boolean, error?: unknown) => {
        const ms = host.now() - startedMs;
        attempts.push({ carrier: dialer.name, transportId: dialer.transport, ms, error, chosen });
      };
      begin(dial, dialer, dials.signal).then((carrier) => {
        running--;
        if (done) {
          void carrier.close({ graceful: false });
          return;
        }
        settle();
        record(true);
        resolve({ carrier, dialer });
      }, (error) => {
        running--;
        if (done) return;
        record(false, error);
        if (next < carriers.length) startNext();
        else if (running === 0) {
          settle();
          resolve(null);
        }
      });
      if (next < carriers.length) cancelHeadStart = host.after(headStartMs, startNext);
    };
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    if (carriers.length === 0) {
      resolve(null);
      return;
    }
    signal.addEventListener("abort", onAbort);
    startNext();
  });
}

/** A dialer that throws instead of rejecting has failed, too. */
async function begin(dial: Race["dial"], dialer: CarrierDialer, signal: AbortSignal): Promise<Carrier> {
  return await dial(dialer, signal);
}
