/**
 * Dials QUIC on Deno, bounded in time: on its own the runtime waits for a dead port as long as for an idle connection.
 *
 * @module
 */
import { type Carrier, type CarrierDialOptions, type DialTarget, NnrpTransportError } from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { closeEndpoint, giveBackClientEndpoint, takeClientEndpoint } from "./endpoints.ts";
import { explain } from "./explain.ts";
import { QuicCarrier } from "./quic_carrier.ts";
import type { QuicSettings } from "./quic_options.ts";

/** ALPN name of NNRP on raw QUIC (behaviour spec §3). */
export const ALPN = "nnrp/1";

/** Opens a connection and its control stream. */
export async function dialQuic(
  target: DialTarget,
  options: CarrierDialOptions,
  settings: QuicSettings,
): Promise<Carrier> {
  const { signal, runtime = systemHost() } = options;
  signal?.throwIfAborted();
  const { host, port } = target;
  const endpoint = takeClientEndpoint();
  let stop: (reason: unknown) => void;
  const stopped = new Promise<never>((_, reject) => stop = reject);
  const cancelTimer = runtime.after(settings.connectTimeoutMs, () => stop(new Error("timed out")));
  const abort = () => stop(signal!.reason);
  signal?.addEventListener("abort", abort);
  try {
    // Deno takes the hashes though its types do not say so (2.9.6).
    const hashes = settings.serverCertificateHashes &&
      { serverCertificateHashes: settings.serverCertificateHashes };
    const connecting = Promise.resolve(Deno.connectQuic({
      ...hashes,
      hostname: host,
      port,
      alpnProtocols: [ALPN],
      caCerts: settings.caCerts,
      serverName: settings.serverName,
      endpoint,
      ...settings.dialled,
    }));
    connecting.catch(() => {}); // nobody waits for it any more once the time is over
    const conn = await Promise.race([connecting, stopped]);
    const control = await Promise.race([conn.createBidirectionalStream(), stopped]);
    const ended = () => giveBackClientEndpoint(endpoint);
    return new QuicCarrier(conn, control, format(conn.remoteAddr), runtime, ended);
  } catch (cause) {
    closeEndpoint(endpoint); // the only way to end an attempt
    signal?.throwIfAborted();
    throw new NnrpTransportError("quic", `cannot connect to ${host}:${port}: ${explain(cause, "dial")}`, {
      cause,
    });
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", abort);
    stop!(undefined);
    stopped.catch(() => {});
  }
}

/** An address as text. */
export function format(address: Deno.NetAddr): string {
  const host = address.hostname.startsWith("::ffff:") ? address.hostname.slice(7) : address.hostname;
  return `${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}
