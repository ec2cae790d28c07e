/**
 * What the TLS carrier needs of a runtime. Deno's own TLS dials on Deno; `node:tls` dials and listens on Node and Bun, listens on
 * Deno, and dials there where Deno's own cannot do what is asked for.
 *
 * @module
 */
import type { ByteStream, PeerIdentity } from "@nnrp/core";

/** What TLS peers agree on to speak (behaviour spec §2). A peer that names no protocol at all is served too. */
export const TLS_ALPN = "nnrp/1-tcp";

/** A certificate and its key, PEM. */
export interface KeyPair {
  /** Certificate, then those between it and its authority. */
  readonly cert: string;
  /** Private key, not encrypted. */
  readonly key: string;
}

/** How a client dials. */
export interface TlsClientSettings {
  /** TCP_NODELAY. */
  readonly noDelay: boolean;
  /** Authorities beside the runtime's own, one PEM certificate each. */
  readonly caCerts: readonly string[];
  /** Client certificate. */
  readonly identity: KeyPair | null;
  /** Whether the server's certificate is left unchecked. */
  readonly insecureSkipVerify: boolean;
}

/** How a server listens. */
export interface TlsServerSettings {
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on, 0 = any free one. */
  readonly port: number;
  /** TCP_NODELAY. */
  readonly noDelay: boolean;
  /** Server certificate. */
  readonly identity: KeyPair;
  /** Authorities of client certificates, one PEM certificate each; null = none is asked for. */
  readonly clientCaCerts: readonly string[] | null;
  /** Whether a client without certificate is refused. */
  readonly requireClientCertificate: boolean;
}

/** A connection whose handshake is done. */
export interface Secured {
  /** The decrypted bytes. */
  readonly stream: ByteStream;
  /** `host:port` of the peer. */
  readonly remote: string;
  /** The client's certificate, if one was asked for and verified. */
  readonly peerIdentity?: PeerIdentity;
}

/** Dials with the settings it was made from. Rejects with the runtime's own error. */
export type TlsDialer = (
  host: string,
  port: number,
  serverName: string,
  signal: AbortSignal | undefined,
) => Promise<Secured>;
