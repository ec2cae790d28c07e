/**
 * Dialling by Deno's own TLS: it tells an end from a cut-off connection, and reads go straight into the packet reader's memory. It
 * always verifies and sets no TCP_NODELAY beside a client certificate; for those see `node_tls.ts`. Its listener is of no use here:
 * it has no TCP_NODELAY, so the second token of a stream waits 40 ms for the first one's receipt, it asks for no client
 * certificates, and a connection that is closed during its handshake lives on until the peer closes it too (all Deno 2.9.6).
 *
 * @module
 */
import { explainLostTls } from "@nnrp/core";
import { closeQuietly, connectTcp, DenoRawSocket } from "./deno_sockets.ts";
import type { TlsClientSettings, TlsDialer } from "./tls_settings.ts";

/** Dials by Deno's own TLS. */
export function denoTlsDialer({ alpn, caCerts }: TlsClientSettings): TlsDialer {
  return async (place, serverName, signal) => {
    const tcp = await connectTcp(place, signal);
    const conn = await Deno.startTls(tcp, {
      hostname: serverName,
      caCerts: [...caCerts],
      alpnProtocols: [alpn],
    });
    const abort = () => closeQuietly(conn);
    signal?.addEventListener("abort", abort);
    try {
      signal?.throwIfAborted();
      await conn.handshake();
    } catch (cause) {
      closeQuietly(conn);
      signal?.throwIfAborted();
      throw cause;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
    return new DenoRawSocket(conn, (cause) => explainLostTls(cause, "client", { alpn }));
  };
}
