/**
 * Sockets of Deno. Reads go straight into the packet reader's memory; a batch of ranges is written range by range, for there
 * is no gathered write.
 *
 * @module
 */
import { PullByteStream } from "@nnrp/core";
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
    return { stream: new PullByteStream(conn), remote: formatAddress(conn.remoteAddr) };
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
        accept(new PullByteStream(conn), formatAddress(conn.remoteAddr));
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
