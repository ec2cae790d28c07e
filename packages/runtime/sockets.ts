/**
 * Sockets of Deno, Node and Bun for carriers, plain and TLS: one byte stream each. Not for browsers, which have none; packages that
 * run there too load it with `import()`. Applications do not import it.
 *
 * @module
 */
import type { Host } from "@nnrp/core";
import type { Handshakes } from "./src/handshakes.ts";
import type { Bound, RawSocket, SocketPlace } from "./src/sockets/raw_socket.ts";
import type { TlsClientSettings, TlsDialer, TlsServerSettings } from "./src/sockets/tls_settings.ts";

export type { Handshake, HandshakeKind, Handshakes } from "./src/handshakes.ts";
export type { Bound, RawSocket, SocketPlace } from "./src/sockets/raw_socket.ts";
export type { KeyPair, TlsClientSettings, TlsDialer, TlsServerSettings } from "./src/sockets/tls_settings.ts";
export {
  askKeyPair,
  checkPairSource,
  type KeyPairSource,
  TlsDialing,
  type TlsDialingOptions,
} from "./src/sockets/tls_credentials.ts";
export { checkMaterial, checkPair, splitCertificates } from "./src/sockets/tls_material.ts";

// Types that the declarations above refer to.
export type {
  ByteStream,
  ByteStreamEvents,
  CancelTimer,
  Credential,
  CredentialRequest,
  CredentialSource,
  Host,
  NnrpError,
  PeerIdentity,
} from "@nnrp/core";
export type { WaitOptions } from "./src/wait.ts";

/** Opens a connection. Rejects with the runtime's own error or the signal's reason. */
export async function connect(place: SocketPlace, signal?: AbortSignal): Promise<RawSocket> {
  signal?.throwIfAborted();
  const { connect } = "Deno" in globalThis
    ? await import("./src/sockets/deno_sockets.ts")
    : await import("./src/sockets/node_sockets.ts");
  signal?.throwIfAborted();
  return await connect(place, signal);
}

/**
 * Binds and accepts until closed. Rejects with the runtime's own error.
 *
 * @param place Where.
 * @param host Provides the timers.
 * @param accept Called with each connection.
 */
export async function listen(
  place: SocketPlace,
  host: Host,
  accept: (socket: RawSocket) => void,
): Promise<Bound> {
  return "Deno" in globalThis
    ? await (await import("./src/sockets/deno_sockets.ts")).listen(place, host, accept)
    : await (await import("./src/sockets/node_sockets.ts")).listen(place, accept);
}

/** Dials TLS: by Deno's own where it can do what is wanted, else by `node:tls`. */
export async function tlsDialer(settings: TlsClientSettings): Promise<TlsDialer> {
  if ("Deno" in globalThis && settings.identity === null && !settings.insecureSkipVerify) {
    return (await import("./src/sockets/deno_tls.ts")).denoTlsDialer(settings);
  }
  return (await import("./src/sockets/node_tls.ts")).nodeTlsDialer(settings);
}

/**
 * Binds and accepts TLS connections until closed, by `node:tls`. Rejects with the runtime's own error.
 *
 * @param settings Where, and with which certificates.
 * @param handshakes Bounds of the TLS handshakes, and the callback for those that fail.
 * @param accept Called with each connection whose TLS handshake is done.
 */
export async function listenTls(
  settings: TlsServerSettings,
  handshakes: Handshakes,
  accept: (socket: RawSocket) => void,
): Promise<Bound> {
  return await (await import("./src/sockets/node_tls.ts")).listenTls(settings, handshakes, accept);
}
