/**
 * What this package needs of a runtime's sockets.
 *
 * @module
 */
import type { ByteStream } from "@nnrp/core";

/** A connected socket and the peer's address. */
export interface Connected {
  /** The socket as a byte stream. */
  readonly stream: ByteStream;
  /** `host:port` of the peer. */
  readonly remote: string;
}

/** A bound listener. */
export interface Bound {
  /** Bound host. */
  readonly host: string;
  /** Bound port. */
  readonly port: number;
  /** Stops accepting; accepted sockets live on. */
  close(): Promise<void>;
}

/** The runtime's sockets. Both calls reject with the runtime's own error. */
export interface SocketApi {
  /** Opens a connection. */
  connect(host: string, port: number, noDelay: boolean, signal: AbortSignal | undefined): Promise<Connected>;
  /** Binds and accepts until closed. */
  listen(
    host: string,
    port: number,
    noDelay: boolean,
    accept: (stream: ByteStream, remote: string) => void,
  ): Promise<Bound>;
}
