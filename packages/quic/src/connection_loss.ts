/**
 * Tells the end of a connection from the end of one stream: runtimes report both as errors of the stream.
 *
 * @module
 */
import { wordsOf } from "@nnrp/core";

/** Whether the connection rather than one stream ended. */
export function isConnectionLoss(cause: unknown): boolean {
  if ((cause as { source?: unknown } | null)?.source === "session") return true; // a WebTransportError
  const name = cause instanceof Error ? cause.name : "";
  return name === "NotConnected" || name === "BadResource" ||
    /connection lost|closed or consumed/.test(text(cause));
}

/** Describes a failure; the text may quote the peer. */
export const text: (cause: unknown) => string = wordsOf;
