/**
 * How long a certificate lives, and that a request for longer is refused.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";

/** Life of a certificate where nothing else is said, days. */
export const DEFAULT_DAYS = 10;
/** Longest life, days: browsers take no longer-lived certificate by its hash. */
export const MAX_DAYS = 14;

/** Begins a little in the past, so that a peer whose clock is behind takes the certificate too, ms. */
const CLOCK_SKEW_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** First and last moment of a certificate. */
export interface Validity {
  /** First moment. */
  readonly notBefore: Date;
  /** Last moment. */
  readonly notAfter: Date;
}

/**
 * The life of a certificate that is made now.
 *
 * @param days Whole life in days, more than 0, at most {@linkcode MAX_DAYS}.
 * @param notBefore First moment. Default: an hour ago.
 * @throws NnrpValueError if the life is none or too long.
 */
export function validity(days: number = DEFAULT_DAYS, notBefore?: Date): Validity {
  if (!(days > 0 && days <= MAX_DAYS)) {
    throw new NnrpValueError("development certificates are short-lived", {
      field: "days",
      expected: `more than 0, at most ${MAX_DAYS}`,
      actual: String(days),
    });
  }
  // Certificates count whole seconds.
  const from = Math.floor((notBefore?.getTime() ?? Date.now() - CLOCK_SKEW_MS) / 1000) * 1000;
  return { notBefore: new Date(from), notAfter: new Date(from + Math.floor(days * DAY_MS / 1000) * 1000) };
}
