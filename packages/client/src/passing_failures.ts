/**
 * Which failures of a dial can pass, so that trying again makes sense: nobody listens yet, no answer came, the server is busy. Wrong
 * addresses, certificates and refused credentials stay what they are.
 *
 * @module
 */
import {
  NnrpConnectionClosedError,
  NnrpProtocolError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpUnsupportedError,
} from "@nnrp/core";

/** Codes and names that runtimes give to failures that can pass. */
const PASSING: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "EPIPE",
  "EAI_AGAIN",
  "ConnectionRefused",
  "ConnectionReset",
  "ConnectionAborted",
  "TimedOut",
]);
/** Patterns in the messages of failures that have neither; those of explainSocket among them. */
const PASSING_WORDS =
  /nobody listens there|timed? ?out|connection (was )?(refused|reset)|unreachable|took longer/i;
/** Patterns of failures that never pass, whatever else the message contains. */
const LASTING_WORDS = /certificate|TLS|ALPN|cannot be resolved/i;
/** How deep causes are looked through. */
const MAX_CAUSES = 8;

/** Whether a refusal is final: it names no retry time, and its code is not one that passes with time. */
export function isRefusal(error: NnrpProtocolError): boolean {
  return error.fatal && error.retryAfterMs === 0 && error.codeName !== "SERVER_BUSY" &&
    error.codeName !== "LIMIT_EXCEEDED";
}

/** Whether the same dial may work later. */
export function canPass(error: unknown): boolean {
  if (error instanceof NnrpProtocolError) return !isRefusal(error);
  if (error instanceof NnrpTimeoutError || error instanceof NnrpConnectionClosedError) return true;
  if (!(error instanceof NnrpTransportError) || error instanceof NnrpUnsupportedError) return false;
  return transportCanPass(error, MAX_CAUSES);
}

/** Retry time that the server asked for, ms; 0 = none. */
export function retryAfterOf(error: unknown): number {
  return error instanceof NnrpProtocolError ? error.retryAfterMs : 0;
}

function transportCanPass(error: unknown, depth: number): boolean {
  if (!(error instanceof Error) || depth === 0) return false;
  const { cause, message, name } = error;
  if (LASTING_WORDS.test(message)) return false;
  if (Array.isArray(cause)) return cause.some((each) => canPass(each)); // several carriers: one of them is enough
  if (PASSING.has((error as { code?: unknown }).code) || PASSING.has(name) || PASSING_WORDS.test(message)) {
    return true;
  }
  return transportCanPass(cause, depth - 1);
}
