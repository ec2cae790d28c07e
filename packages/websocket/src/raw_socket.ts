/**
 * What this package needs of a runtime's sockets: promises for the HTTP handshake, a byte stream for everything after it.
 *
 * @module
 */
import type { ByteStream } from "@nnrp/core";

/** What TLS peers agree on to speak, as ALPN names it. */
export const HTTP_ALPN = "http/1.1";

/** A connected socket, TLS done or done by the first read. */
export interface RawSocket {
  /** `host:port` of the peer. */
  readonly remote: string;
  /** The next bytes; null at the end. Rejects with the runtime's error. One at a time, and none after `stream()`. */
  read(): Promise<Uint8Array | null>;
  /** Writes all of it. Rejects with the runtime's error. */
  write(bytes: Uint8Array): Promise<void>;
  /** The socket as a byte stream, not started. */
  stream(): ByteStream;
  /** Goes away at once. */
  destroy(): void;
}

/** How to encrypt as a client. */
export interface ClientTls {
  /** Certificates in PEM that are trusted besides those of the system. */
  readonly caCerts?: readonly string[];
  /** Name the certificate must be for. Default: the host. */
  readonly serverName?: string;
  /** Takes any certificate. */
  readonly insecureSkipVerify?: boolean;
  /** Client certificate in PEM, and its key. */
  readonly cert?: string;
  /** Its private key in PEM. */
  readonly key?: string;
}

/** How to encrypt as a server. */
export interface ServerTls {
  /** Certificate chain in PEM, the leaf first. */
  readonly cert: string;
  /** Its private key in PEM. */
  readonly key: string;
}

/** Bounds of TLS handshakes. */
export interface HandshakeLimits {
  /** Longest one, ms. */
  readonly timeoutMs: number;
  /** Most at once. */
  readonly max: number;
}

/** Where a listener is. */
export interface Bound {
  /** Bound host. */
  readonly host: string;
  /** Bound port. */
  readonly port: number;
  /** Stops accepting; accepted sockets live on. */
  close(): Promise<void>;
}

/** The runtime's sockets. */
export interface RawSockets {
  /** Opens a connection; rejects with the runtime's own error or the signal's reason. */
  connect(
    host: string,
    port: number,
    tls: ClientTls | null,
    signal: AbortSignal | undefined,
  ): Promise<RawSocket>;
  /** Binds and accepts until closed; sockets are handed over when their TLS is done. */
  listen(
    host: string,
    port: number,
    tls: ServerTls | null,
    limits: HandshakeLimits,
    accept: (socket: RawSocket) => void,
    failed: (remote: string, cause: unknown) => void,
  ): Promise<Bound>;
}

/**
 * The sockets of this runtime; null in browsers, which have none. `beyondDeno`: something is wanted that only `node:tls` can do, on
 * Deno too: TLS servers (Deno's own cannot set TCP_NODELAY), client certificates, no verification.
 */
export async function rawSockets(beyondDeno: boolean): Promise<RawSockets | null> {
  if ("Deno" in globalThis && !beyondDeno) return (await import("./deno_sockets.ts")).rawSockets;
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  if (process?.versions?.node !== undefined) return (await import("./node_sockets.ts")).rawSockets();
  return null;
}
