/**
 * What carriers need of a runtime's sockets: promises for a handshake, a byte stream for everything after it.
 *
 * @module
 */
import type { ByteStream, PeerIdentity } from "@nnrp/core";

/** A connected socket, TLS done. */
export interface RawSocket {
  /** `host:port` of the peer; IPv6 in brackets. */
  readonly remote: string;
  /** The client's certificate, if one was asked for and verified. */
  readonly peerIdentity?: PeerIdentity | undefined;
  /** The next bytes; null at the end. Rejects with the runtime's error. One at a time, and none after `stream()`. */
  read(): Promise<Uint8Array | null>;
  /** Writes all of it. Rejects with the runtime's error. */
  write(bytes: Uint8Array): Promise<void>;
  /** The socket as a byte stream, not started. Called once. */
  stream(): ByteStream;
  /** Closes at once, without waiting for unsent bytes. */
  destroy(): void;
}

/** Where to connect to, or to listen. */
export interface SocketPlace {
  /** Host or address. */
  readonly host: string;
  /** Port; 0 = any free one, to listen. */
  readonly port: number;
  /** TCP_NODELAY. */
  readonly noDelay: boolean;
}

/** A bound listener. */
export interface Bound {
  /** Host name or address it is bound to. */
  readonly host: string;
  /** Port it is bound to. */
  readonly port: number;
  /** Stops accepting; accepted sockets live on. */
  close(): Promise<void>;
}
