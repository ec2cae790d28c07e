/**
 * Dials QUIC on Deno, bounded in time: on its own the runtime waits for a dead port as long as for an idle connection.
 *
 * @module
 */
import {
  type Carrier,
  type CarrierDialOptions,
  type DialTarget,
  type Host,
  NnrpTransportError,
} from "@nnrp/core";
import { askCredential, systemHost, type WaitOptions } from "@nnrp/runtime";
import { hashesOf } from "./certificate_hash.ts";
import { closeEndpoint, giveBackClientEndpoint, takeClientEndpoint } from "./endpoints.ts";
import { explain } from "./explain.ts";
import { QuicCarrier } from "./quic_carrier.ts";
import { pemTexts, type QuicSettings } from "./quic_options.ts";

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
  const endsMs = runtime.now() + settings.connectTimeoutMs;
  const trusted = await askTrust(settings, runtime, { signal, timeoutMs: settings.connectTimeoutMs });
  const endpoint = takeClientEndpoint();
  let stop: (reason: unknown) => void;
  const stopped = new Promise<never>((_, reject) => stop = reject);
  const cancelTimer = runtime.after(Math.max(0, endsMs - runtime.now()), () => stop(new Error("timed out")));
  const abort = () => stop(signal!.reason);
  signal?.addEventListener("abort", abort);
  try {
    const connecting = Promise.resolve(Deno.connectQuic({
      ...trusted,
      hostname: host,
      port,
      alpnProtocols: [ALPN],
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

/** Trust anchors and hashes as they are now. */
async function askTrust(settings: QuicSettings, host: Host, limits: WaitOptions) {
  const { caCerts, serverCertificateHashes: hashes } = settings;
  const endsMs = host.now() + limits.timeoutMs!;
  const certs = caCerts &&
    pemTexts(await askCredential(host, caCerts, "quic.caCerts", limits), "quic.caCerts");
  if (hashes === undefined) return { caCerts: certs };
  const field = "quic.serverCertificateHashes";
  const left = { ...limits, timeoutMs: Math.max(0, endsMs - host.now()) };
  // Deno accepts the hashes though its types lack them (2.9.6).
  return {
    caCerts: certs,
    serverCertificateHashes: hashesOf(await askCredential(host, hashes, field, left), field),
  };
}

/** An address as text. */
export function format(address: Deno.NetAddr): string {
  const host = address.hostname.startsWith("::ffff:") ? address.hostname.slice(7) : address.hostname;
  return `${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}
