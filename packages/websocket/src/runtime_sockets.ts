/**
 * The sockets of this runtime, where it has some. They are loaded when they are first used: bundlers for browsers leave them out.
 *
 * @module
 */

/** ALPN protocol name. */
export const HTTP_ALPN = "http/1.1";

/** What errors call the options that certificates are among. */
export const TLS_OPTIONS = "webSocket.tls";

/** The sockets; null in browsers, which have none. */
export async function runtimeSockets(): Promise<typeof import("@nnrp/runtime/sockets") | null> {
  const { Deno, process } = globalThis as {
    Deno?: unknown;
    process?: { versions?: { node?: string } };
  };
  if (Deno === undefined && process?.versions?.node === undefined) return null;
  return await import("@nnrp/runtime/sockets");
}
