/**
 * The carriers of this runtime, loaded when they are first used: Deno has all, Node and Bun all but QUIC, browsers WebTransport
 * and WebSocket.
 *
 * @module
 */
import type { CarrierDialer, Credential } from "@nnrp/core";
import { type Endpoint, isLoopback } from "./endpoint.ts";

/** Certificates of a client: fixed, or functions that are asked before each dial. */
export interface ClientTlsOptions {
  /** Certificates to trust instead of the system's, PEM text. */
  readonly caCerts?: Credential<readonly string[]>;
  /** Name the server's certificate must have. Default: the host of the address. */
  readonly serverName?: string;
  /** Trusts any certificate: for experiments only. Default false. */
  readonly insecureSkipVerify?: boolean;
  /** This client's certificate, PEM text (TLS only). */
  readonly cert?: Credential<string>;
  /** Its key, PEM text. */
  readonly key?: Credential<string>;
  /** SHA-256 hashes of certificates to trust, for WebTransport in browsers. */
  readonly serverCertificateHashes?: Credential<readonly Uint8Array[]>;
}

/**
 * Carriers for an address, best first.
 *
 * QUIC is among them where the runtime has it and it can succeed: not towards this very machine in plain `nnrp://` unless
 * certificates are given, since a development server's certificate would not be trusted.
 */
export async function runtimeCarriers(
  endpoint: Endpoint,
  tls: ClientTlsOptions | undefined,
): Promise<CarrierDialer[]> {
  const wanted = (name: string) => endpoint.carrier === null || endpoint.carrier === name;
  const { Deno, process } = globalThis as {
    Deno?: { connectQuic?: unknown };
    process?: { versions?: unknown };
  };
  const carriers: CarrierDialer[] = [];
  const sockets = Deno !== undefined || process?.versions !== undefined;
  const quicHasSense = tls !== undefined || endpoint.encrypted || !isLoopback(endpoint.host);
  if (sockets) {
    if (typeof Deno?.connectQuic === "function" && wanted("quic") && quicHasSense) {
      carriers.push((await import("@nnrp/quic")).quic(tls));
    }
    if (endpoint.carrier === "quic" && carriers.length === 0) {
      carriers.push((await import("@nnrp/quic")).quic(tls));
    }
    if (wanted("tls") && (endpoint.encrypted || tls !== undefined)) {
      carriers.push((await import("@nnrp/tcp")).tls(tls));
    }
    if (wanted("tcp") && !endpoint.encrypted) carriers.push((await import("@nnrp/tcp")).tcp());
    if (endpoint.carrier === "webtransport") {
      carriers.push((await import("@nnrp/quic/webtransport")).webTransport(tls));
    }
    if (endpoint.carrier === "websocket") carriers.push((await import("@nnrp/websocket")).webSocket({ tls }));
    return carriers;
  }
  if (wanted("webtransport") && "WebTransport" in globalThis) {
    carriers.push((await import("@nnrp/quic/webtransport")).webTransport(tls));
  }
  if (wanted("websocket")) carriers.push((await import("@nnrp/websocket")).webSocket());
  return carriers;
}
