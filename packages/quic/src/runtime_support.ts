/**
 * Says whether this runtime has QUIC, and what to do if not.
 *
 * @module
 */
import { NnrpUnsupportedError } from "@nnrp/core";

/**
 * Checks for Deno's QUIC.
 *
 * @param what What is asked for, in words.
 * @throws NnrpUnsupportedError naming the flag or what to use instead.
 */
export function demandQuic(what: string): void {
  const { Deno: deno } = globalThis as { Deno?: { QuicEndpoint?: unknown } };
  if (deno?.QuicEndpoint !== undefined) return;
  throw new NnrpUnsupportedError(
    deno !== undefined
      ? `${what} needs Deno's unstable network API: run with --unstable-net, or put "unstable": ["net"] into deno.json`
      : `${what} is not possible in this runtime, only in Deno: use TCP, TLS or WebSocket here` +
        (typeof document === "undefined" ? "" : " (in browsers webTransport() or webSocket())"),
  );
}
