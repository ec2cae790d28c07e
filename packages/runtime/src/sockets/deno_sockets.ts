/**
 * Sockets of Deno. Reads go straight to where their reader wants them; a batch of ranges is written range by range, for there is no
 * gathered write.
 *
 * @module
 */
import { type ByteStream, type Host, PullByteStream } from "@nnrp/core";
import type { Bound, RawSocket, SocketPlace } from "./raw_socket.ts";

/** Pause after a failed accept (no file descriptors left, for example), ms. */
const ACCEPT_BACKOFF_MS = 50;
/** Largest read of a handshake, bytes. */
const HANDSHAKE_READ = 4096;

/** Opens a connection. Rejects with Deno's own error or the signal's reason. */
export async function connect(place: SocketPlace, signal: AbortSignal | undefined): Promise<RawSocket> {
  return new DenoRawSocket(await connectTcp(place, signal));
}

/** The same, as Deno has it. */
export async function connectTcp(
  { host, port, noDelay }: SocketPlace,
  signal: AbortSignal | undefined,
): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: host, port, signal });
  setNoDelay(conn, noDelay);
  return conn;
}

/** Binds and accepts until closed. Rejects with Deno's own error. */
// deno-lint-ignore require-await
export async function listen(
  { host, port, noDelay }: SocketPlace,
  runtime: Host,
  accept: (socket: RawSocket) => void,
): Promise<Bound> {
  const listener = Deno.listen({ hostname: host, port });
  let open = true;
  const accepting = (async () => {
    while (open) {
      let conn: Deno.TcpConn;
      try {
        conn = await listener.accept();
      } catch {
        if (!open) return;
        await new Promise<void>((done) => runtime.after(ACCEPT_BACKOFF_MS, done));
        continue;
      }
      setNoDelay(conn, noDelay);
      accept(new DenoRawSocket(conn));
    }
  })();
  const address = listener.addr as Deno.NetAddr;
  return {
    host: address.hostname,
    port: address.port,
    close: () => {
      open = false;
      closeQuietly(listener);
      return accepting; // the port is free once the accept under way has ended
    },
  };
}

/** Closes what may be closed already. */
export function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // Closed already.
  }
}

function setNoDelay(conn: Deno.TcpConn, noDelay: boolean): void {
  try {
    conn.setNoDelay(noDelay);
  } catch {
    // The peer is gone already; the next read reports it.
  }
}

/** A connection of Deno's, plain or TLS. */
export class DenoRawSocket implements RawSocket {
  /** `host:port` of the peer. */
  readonly remote: string;
  readonly #conn: Deno.Conn;
  readonly #explain: ((cause: unknown) => unknown) | undefined;

  /**
   * @param conn Connected; this object owns it.
   * @param explain Turns the runtime's error into a descriptive one. Default: unchanged.
   */
  constructor(conn: Deno.Conn, explain?: (cause: unknown) => unknown) {
    this.#conn = conn;
    this.#explain = explain;
    const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
    this.remote = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  /** The next bytes. */
  async read(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(HANDSHAKE_READ);
    const count = await this.#conn.read(buffer);
    return count === null ? null : buffer.subarray(0, count);
  }

  /** Writes all of it. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** The connection as a byte stream. */
  stream(): ByteStream {
    return new PullByteStream(this.#conn, this.#explain);
  }

  /** Closes at once, without waiting for unsent bytes. */
  destroy(): void {
    closeQuietly(this.#conn);
  }
}
