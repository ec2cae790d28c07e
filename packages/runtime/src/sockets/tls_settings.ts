/**
 * What TLS carriers ask of a runtime. Deno's own TLS dials on Deno; `node:tls` dials and listens on Node and Bun, listens on
 * Deno, and dials there where Deno's own cannot do what is asked for.
 *
 * @module
 */
import type { RawSocket, SocketPlace } from "./raw_socket.ts";

/** A certificate and its key, PEM. */
export interface KeyPair {
  /** Certificate, then those between it and its authority. */
  readonly cert: string;
  /** Private key, not encrypted. */
  readonly key: string;
}

/** How a client dials. */
export interface TlsClientSettings {
  /** ALPN protocol name. */
  readonly alpn: string;
  /** Authorities beside the system's and the environment's, one PEM certificate each. */
  readonly caCerts: readonly string[];
  /** Client certificate. */
  readonly identity: KeyPair | null;
  /** Whether the server's certificate is left unchecked. */
  readonly insecureSkipVerify: boolean;
}

/** How a server listens. */
export interface TlsServerSettings extends SocketPlace {
  /** ALPN protocol name. */
  readonly alpn: string;
  /** Server certificate. */
  readonly identity: KeyPair;
  /** Authorities of client certificates, one PEM certificate each; null = none is asked for. */
  readonly clientCaCerts: readonly string[] | null;
  /** Whether a client without certificate is refused. */
  readonly requireClientCertificate: boolean;
}

/**
 * Dials with the settings it was made from. Rejects with the runtime's own error, or the signal's reason.
 *
 * @param serverName Whose certificate the server must show.
 */
export type TlsDialer = (
  place: SocketPlace,
  serverName: string,
  signal: AbortSignal | undefined,
) => Promise<RawSocket>;
