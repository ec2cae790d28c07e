/**
 * WebTransport as a carrier value for clients: browsers and Deno. Servers take it with `quic()`. Nothing here names a runtime,
 * so browsers can bundle it alone (`@nnrp/quic/webtransport`).
 *
 * @module
 */
import {
  type Carrier,
  type CarrierDialer,
  type CarrierDialOptions,
  type Credential,
  cutPeerText,
  type DialTarget,
  type Host,
  NnrpTransportError,
  NnrpUnsupportedError,
  NnrpValueError,
  shownAddress,
  TransportId,
} from "@nnrp/core";
import { askCredential, isAsked, systemHost, type WaitOptions } from "@nnrp/runtime";
import { type CertificateHashes, hashesOf, type RuntimeHash } from "./certificate_hash.ts";
import { CONNECT_TIMEOUT_MS } from "./connect_timeout.ts";
import { explain } from "./explain.ts";
import { DATA_STREAMS, MAX_DATA_STREAMS, WebTransportCarrier } from "./web_transport_carrier.ts";

/** The option with the hashes, for errors. */
const HASHES = "webTransport.serverCertificateHashes";

/** Options of {@linkcode webTransport}. */
export interface WebTransportOptions {
  /**
   * Certificates accepted without an authority: ECDSA, valid for at most 14 days in browsers. `nnrp cert` makes them. Default:
   * none, and the certificate must be one that the browser trusts. Plain bytes are SHA-256. A function is asked before each dial (the
   * first, a reconnect, a move, a probe), within `connectTimeoutMs`; if it fails, that dial fails with a NnrpCredentialError.
   */
  readonly serverCertificateHashes?: Credential<CertificateHashes>;
  /** Path on the server for targets that name none. Default `"/nnrp"`. */
  readonly path?: string;
  /** Data streams beside control, 1…16. Default 4. */
  readonly dataStreams?: number;
  /** Longest time of dialling, hashes that are asked for included, ms: sessions that stall in silence are a known fault of some browsers. Default 5,000. */
  readonly connectTimeoutMs?: number;
}

/** A WebTransport carrier that can dial. */
export interface WebTransportDialer extends CarrierDialer {
  /** `"webtransport"`. */
  readonly name: "webtransport";
  /** TransportId.QUIC: that is what runs below it. */
  readonly transport: number;
  /** True: QUIC always encrypts. */
  readonly encrypted: true;
}

/**
 * WebTransport as a carrier value.
 *
 * @param options Which certificates to accept, where, how patiently.
 * @throws NnrpValueError for options out of range. Dialling rejects with NnrpUnsupportedError where there is no WebTransport,
 *   NnrpTransportError where it fails.
 */
export function webTransport(options: WebTransportOptions = {}): WebTransportDialer {
  const dataStreams = options.dataStreams ?? DATA_STREAMS;
  if (!Number.isInteger(dataStreams) || dataStreams < 1 || dataStreams > MAX_DATA_STREAMS) {
    throw new NnrpValueError("is out of range", {
      field: "webTransport.dataStreams",
      expected: `a whole number from 1 to ${MAX_DATA_STREAMS}`,
      actual: String(dataStreams),
    });
  }
  const { serverCertificateHashes: hashes } = options;
  if (hashes !== undefined && !isAsked(hashes)) hashesOf(hashes, HASHES);
  return {
    name: "webtransport",
    transport: TransportId.QUIC,
    encrypted: true,
    schemes: [{ scheme: "https", encrypted: true, port: 443, hasPath: true }],
    portFamilies: ["webtransport", "quic"],
    dial: (target, dialOptions = {}) => dial(target, dialOptions, options, dataStreams),
  };
}

async function dial(
  target: DialTarget,
  { signal, runtime = systemHost() }: CarrierDialOptions,
  options: WebTransportOptions,
  dataStreams: number,
): Promise<Carrier> {
  demandWebTransport();
  signal?.throwIfAborted();
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const endsMs = runtime.now() + connectTimeoutMs;
  const trusted = await askHashes(options.serverCertificateHashes, runtime, {
    signal,
    timeoutMs: connectTimeoutMs,
  });
  const host = target.host.includes(":") && !target.host.startsWith("[") ? `[${target.host}]` : target.host;
  const url = `https://${host}:${target.port}${target.path ?? options.path ?? "/nnrp"}`;
  let stop!: (reason: unknown) => void;
  const stopped = new Promise<never>((_, reject) => stop = reject);
  stopped.catch(() => {});
  const cancelTimer = runtime.after(Math.max(0, endsMs - runtime.now()), () => stop(new Error("timed out")));
  const abort = () => stop(signal!.reason);
  signal?.addEventListener("abort", abort);
  let session: WebTransport | null = null;
  try {
    session = new WebTransport(url, trusted);
    session.closed.catch(() => {}); // an unhandled one ends a Deno process
    session.ready.catch(() => {});
    await Promise.race([session.ready, stopped]);
    const opening = session.createBidirectionalStream();
    opening.catch(() => {});
    const control = await Promise.race([opening, stopped]);
    return new WebTransportCarrier(
      session,
      control,
      `${host}:${target.port}`,
      runtime,
      dataStreams,
      () => {},
    );
  } catch (cause) {
    const said = session === null ? null : await lastWords(session, runtime);
    if (session !== null) giveUp(session);
    signal?.throwIfAborted();
    const why = said ?? explain(cause, "dial WebTransport");
    throw new NnrpTransportError("webtransport", `cannot connect to ${shownAddress(url)}: ${why}`, { cause });
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", abort);
  }
}

async function askHashes(
  hashes: Credential<CertificateHashes> | undefined,
  host: Host,
  limits: WaitOptions,
): Promise<{ serverCertificateHashes?: RuntimeHash[] }> {
  if (hashes === undefined) return {};
  return { serverCertificateHashes: hashesOf(await askCredential(host, hashes, HASHES, limits), HASHES) };
}

/** What the server said when it closed the session; null if it did not. */
async function lastWords(session: WebTransport, host: Host): Promise<string | null> {
  const closed = session.closed.then((info) => info ?? null, () => null);
  const none = new Promise<null>((done) => host.after(0, () => done(null)));
  const info = await Promise.race([closed, none]);
  if (info === null) return null;
  return `the server refused it${info.reason ? `: ${cutPeerText(info.reason)}` : ""}${
    info.closeCode ? ` (${info.closeCode})` : ""
  }`;
}

/** Lets go of a session that may not be ready yet. */
function giveUp(session: WebTransport): void {
  const close = () => {
    try {
      session.close();
    } catch {
      // Not ready, or gone already.
    }
  };
  close();
  session.ready.then(close, () => {});
}

function demandWebTransport(): void {
  const world = globalThis as { WebTransport?: unknown; Deno?: unknown };
  if (world.WebTransport !== undefined) return;
  throw new NnrpUnsupportedError(
    world.Deno !== undefined
      ? 'WebTransport needs Deno\'s unstable network API: run with --unstable-net, or put "unstable": ["net"] into deno.json'
      : "this runtime has no WebTransport: use webSocket() instead",
  );
}
