/**
 * Dialling by Deno's own TLS: it tells an end from a cut-off connection, and reads go straight into the packet reader's memory. It
 * always verifies and sets no TCP_NODELAY beside a client certificate; for those see `node_tls.ts`. Its listener is of no use here:
 * it has no TCP_NODELAY, so the second token of a stream waits 40 ms for the first one's receipt, it asks for no client
 * certificates, and a connection that is closed during its handshake lives on until the peer closes it too (all Deno 2.9.6).
 *
 * @module
 */
import { explainLostTls, PullByteStream } from "@nnrp/core";
import { formatAddress } from "./deno_sockets.ts";
import { type Secured, TLS_ALPN, type TlsClientSettings, type TlsDialer } from "./tls_api.ts";

/** Dials by Deno's own TLS. */
export function denoTlsDialer(settings: TlsClientSettings): TlsDialer {
  return async (host, port, serverName, signal): Promise<Secured> => {
    const tcp = await Deno.connect({ hostname: host, port, signal });
    setNoDelay(tcp, settings.noDelay);
    const conn = await Deno.startTls(tcp, {
      hostname: serverName,
      caCerts: [...settings.caCerts],
      alpnProtocols: [TLS_ALPN],
    });
    const abort = () => close(conn);
    signal?.addEventListener("abort", abort);
    try {
      signal?.throwIfAborted();
      await conn.handshake();
    } catch (cause) {
      close(conn);
      throw cause;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
    return {
      stream: new PullByteStream(conn, (cause) => explainLostTls(cause, "client", { alpn: TLS_ALPN })),
      remote: formatAddress(conn.remoteAddr),
    };
  };
}

function setNoDelay(conn: Deno.TcpConn, noDelay: boolean): void {
  try {
    conn.setNoDelay(noDelay);
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
