/**
 * Sockets of Deno, plain and, as a client, TLS. Reads go straight to where the frame reader wants them.
 *
 * @module
 */
import { type ByteStream, PullByteStream } from "@nnrp/core";
import { type Bound, HTTP_ALPN, type RawSocket, type RawSockets } from "./raw_socket.ts";

/** Pause after a failed accept (no file descriptors left, for example), ms. */
const ACCEPT_BACKOFF_MS = 50;
/** Largest read of a handshake, bytes. */
const HANDSHAKE_READ = 4096;

/** Deno's sockets. */
export const rawSockets: RawSockets = {
  async connect(host, port, tls, signal): Promise<RawSocket> {
    const conn = await Deno.connect({ hostname: host, port, signal });
    noDelay(conn);
    if (tls === null) return new DenoRawSocket(conn);
    const abort = () => close(conn);
    signal?.addEventListener("abort", abort);
    try {
      const secure = await Deno.startTls(conn, {
        hostname: tls.serverName ?? host,
        caCerts: tls.caCerts === undefined ? undefined : [...tls.caCerts],
        alpnProtocols: [HTTP_ALPN],
      });
      try {
        await secure.handshake();
      } catch (cause) {
        close(secure);
        throw cause;
      }
      return new DenoRawSocket(secure);
    } catch (cause) {
      close(conn);
      signal?.throwIfAborted();
      throw cause;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  },

  // deno-lint-ignore require-await
  async listen(host, port, _tls, _limits, accept): Promise<Bound> {
    const listener = Deno.listen({ hostname: host, port });
    let open = true;
    const accepting = (async () => {
      while (open) {
        let conn: Deno.TcpConn;
        try {
          conn = await listener.accept();
        } catch {
          if (!open) return;
          await new Promise((done) => setTimeout(done, ACCEPT_BACKOFF_MS));
          continue;
        }
        noDelay(conn);
        accept(new DenoRawSocket(conn));
      }
    })();
    const address = listener.addr as Deno.NetAddr;
    return {
      host: address.hostname,
      port: address.port,
      close: () => {
        open = false;
        close(listener);
        return accepting; // the port is free once the accept under way has ended
      },
    };
  },
};

function noDelay(conn: Deno.TcpConn): void {
  try {
    conn.setNoDelay(true);
  } catch {
    // The peer is gone already; reading will say so.
  }
}

function close(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // Closed already.
  }
}

class DenoRawSocket implements RawSocket {
  readonly remote: string;
  readonly #conn: Deno.Conn;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
    this.remote = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  async read(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(HANDSHAKE_READ);
    const count = await this.#conn.read(buffer);
    return count === null ? null : buffer.subarray(0, count);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  stream(): ByteStream {
    return new PullByteStream(this.#conn);
  }

  destroy(): void {
    close(this.#conn);
  }
}
