/**
 * The ranges of a client's numbers: what no session can work with is refused before anything is dialled, by name.
 *
 * @module
 */
import { checkRanges, COUNT, type NumberRange, SOME, TIME } from "@nnrp/runtime";
import type { ReconnectOptions } from "./reconnect.ts";
import type { SessionOptions } from "./session_options.ts";

const OPTIONS: Readonly<Record<string, NumberRange>> = {
  timeoutMs: TIME,
  maxInFlight: SOME,
  maxWaitingSubmits: COUNT,
  maxSendBufferBytes: SOME,
  sendStallMs: TIME,
  maxStreamResults: COUNT,
  maxStreamBytes: COUNT,
  maxEventsKept: COUNT,
  keepAliveMs: TIME,
  idleTimeoutMs: TIME,
  pongTimeoutMs: TIME,
  maxMissedPongs: SOME,
  maxUnclaimedResults: COUNT,
  maxUnclaimedBytes: COUNT,
};
const RECONNECT: Readonly<Record<string, NumberRange>> = {
  minDelayMs: TIME,
  maxDelayMs: TIME,
  maxAttempts: COUNT,
  maxResubmits: COUNT,
};

/**
 * Checks every number among the options of a client.
 *
 * @throws NnrpValueError that names the first one out of its range.
 */
export function checkNumbers(
  options: SessionOptions & { readonly reconnect?: boolean | ReconnectOptions },
): void {
  checkRanges("", options, OPTIONS);
  checkRanges("reconnect.", options.reconnect, RECONNECT);
}
