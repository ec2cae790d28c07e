/**
 * Sockets of Deno. Reads go straight into the packet reader's memory; a batch of ranges is written range by range, for there
 * is no gathered write.
 *
 * @module
 */
import type { ByteStream, ByteStreamEvents } from "@nnrp/core";
import type { Bound, Connected, SocketApi } from "./socket_api.ts";

/** Pause after a failed accept (no file descriptors left, for example), ms. */
const ACCEPT_BACKOFF_MS = 50;

/** Deno's sockets. */
export const socketApi: SocketApi = {
  async connect(host, port, noDelay, signal): Promise<Connected> {
    const conn = await Deno.connect({ hostname: host, port, signal });
    try {
      conn.setNoDelay(noDelay);
    } catch {
      // The peer is gone already; reading will say so.
    }
    return { stream: new DenoByteStream(conn), remote: formatAddress(conn.remoteAddr) };
  },

  // deno-lint-ignore require-await
  async listen(host, port, noDelay, accept): Promise<Bound> {
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
        try {
          conn.setNoDelay(noDelay);
        } catch {
          // As above.
        }
        accept(new DenoByteStream(conn), formatAddress(conn.remoteAddr));
      }
    })();
    const address = listener.addr as Deno.NetAddr;
    return {
      host: address.hostname,
      port: address.port,
      close: () => {
        open = false;
        try {
          listener.close();
        } catch {
          // Closed already.
        }
        return accepting; // the port is free once the accept under way has ended
      },
    };
  },
};

/** `host:port` of an address; IPv6 in brackets. */
export function formatAddress(address: Deno.Addr): string {
  const net = address as Deno.NetAddr;
  return `${net.hostname.includes(":") ? `[${net.hostname}]` : net.hostname}:${net.port}`;
}

/** A Deno connection (TCP or TLS) as a byte stream. */
export class DenoByteStream implements ByteStream {
  readonly #conn: Deno.Conn;
  readonly #explain: (cause: unknown) => unknown;
  #events: ByteStreamEvents | null = null;
  #resume: (() => void) | null = null; // ends a pause
  #release: (() => void) | null = null; // ends the wait after the peer's end
  #paused = false;
  #destroyed = false;

  /**
   * Makes a DenoByteStream.
   *
   * @param conn The connection; this object owns it.
   * @param explain Turns the runtime's error into one that people understand. Default: as it is.
   */
  constructor(conn: Deno.Conn, explain: (cause: unknown) => unknown = (cause) => cause) {
    this.#conn = conn;
    this.#explain = explain;
  }

  /** Starts reading. */
  start(events: ByteStreamEvents): void {
    this.#events = events;
    this.#read(events);
  }

  async #read(events: ByteStreamEvents): Promise<void> {
    let failure: unknown;
    try {
      for (;;) {
        while (this.#paused && !this.#destroyed) await new Promise<void>((done) => this.#resume = done);
        if (this.#destroyed) break;
        const count = await this.#conn.read(events.target());
        if (count === null) {
          events.ended();
          // Writing may go on; wait until this side is done too. Pausing and resuming mean nothing any more.
          if (!this.#destroyed) await new Promise<void>((done) => this.#release = done);
          break;
        }
        events.filled(count);
      }
    } catch (cause) {
      if (!this.#destroyed) failure = this.#explain(cause);
    }
    this.#close();
    events.closed(failure);
  }

  /** Writes the ranges in order. */
  write(ranges: Uint8Array[]): void {
    this.#writeAll(ranges);
  }

  async #writeAll(ranges: Uint8Array[]): Promise<void> {
    let left = 0;
    for (let i = 0; i < ranges.length; i++) left += ranges[i].length;
    try {
      for (let i = 0; i < ranges.length; i++) {
        const range = ranges[i];
        for (let at = 0; at < range.length;) {
          const count = await this.#conn.write(at === 0 ? range : range.subarray(at));
          at += count;
          left -= count;
          if (left > 0) this.#events!.progress(count);
        }
      }
    } catch (cause) {
      this.#events!.writeFailed(cause);
      return;
    }
    this.#events!.written();
  }

  /** Stops reading after the read under way. */
  pause(): void {
    this.#paused = true;
  }

  /** Reads on. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#resume?.();
    this.#resume = null;
  }

  /** Ends the sending half. */
  shutdown(): void {
    this.#conn.closeWrite().catch(() => {});
  }

  /** Ends both halves. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#close();
    this.#resume?.();
    this.#resume = null;
    this.#release?.();
    this.#release = null;
  }

  #close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }
}
