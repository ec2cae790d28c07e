/**
 * Addresses of servers: `nnrp://host[:port]` (any carrier), `nnrps://` (encrypted ones), `nnrp+tcp://` and the like for one
 * certain carrier, `ws://`, `wss://` and `https://` for the carriers of the web.
 *
 * @module
 */
import { type CarrierDialer, type DialScheme, NnrpValueError, shownAddress } from "@nnrp/core";
import { DEFAULT_PORT } from "./defaults.ts";

/** A server's address, taken apart. */
export interface Endpoint {
  /** Host name or address, without brackets. */
  readonly host: string;
  /** Port, 1…65535. */
  readonly port: number;
  /** Name of the only carrier allowed; null = any. */
  readonly carrier: string | null;
  /** Whether only encrypted carriers are allowed. */
  readonly encrypted: boolean;
  /** Path on the server, for WebSocket and WebTransport; undefined = the carrier's own. */
  readonly path?: string;
}

interface Scheme extends Omit<DialScheme, "scheme"> {
  readonly carrier: string | null;
}

/** Schemes of any carrier, and those of the carriers that are loaded only when an address asks for them. */
const SCHEMES: Readonly<Record<string, Scheme>> = {
  "nnrp": { carrier: null, encrypted: false },
  "nnrps": { carrier: null, encrypted: true },
  "nnrp+tcp": { carrier: "tcp", encrypted: false },
  "nnrp+tls": { carrier: "tls", encrypted: true },
  "nnrp+quic": { carrier: "quic", encrypted: true },
  "ws": { carrier: "websocket", encrypted: false, port: 80, hasPath: true },
  "wss": { carrier: "websocket", encrypted: true, port: 443, hasPath: true },
  "https": { carrier: "webtransport", encrypted: true, port: 443, hasPath: true },
};

/** All schemes: what a dialer declares counts where nothing of that name is known. */
function schemesOf(dialers: readonly CarrierDialer[]): Readonly<Record<string, Scheme>> {
  const all: Record<string, Scheme> = Object.create(null);
  for (const { name, schemes = [] } of dialers) {
    for (const { scheme, ...rest } of schemes) all[scheme] = { carrier: name, ...rest };
  }
  return Object.assign(all, SCHEMES);
}

/**
 * Takes an address apart. User names and passwords have no place in it; a query may stand behind the path of a web address.
 *
 * @param address The address.
 * @param dialers Carriers that may declare schemes of their own.
 * @throws NnrpValueError that says what an address looks like, and shows this one without what may be secret.
 */
export function parseEndpoint(address: string | URL, dialers: readonly CarrierDialer[] = []): Endpoint {
  const schemes = schemesOf(dialers);
  const text = String(address);
  const match = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-fA-F:.]+\]|[^/:?#@\[\]]+)(?::(\d+))?(\/[^#]*)?$/.exec(
    text,
  );
  const scheme = match === null ? undefined : schemes[match[1]];
  const path = match === null || match[4] === undefined || match[4] === "/" ? undefined : match[4];
  if (match === null || scheme === undefined || (path !== undefined && !scheme.hasPath)) {
    throw new NnrpValueError("is no server address", {
      field: "address",
      expected: `nnrp://host:port (schemes: ${Object.keys(schemes).join(", ")})`,
      actual: JSON.stringify(shownAddress(text)),
    });
  }
  const port = match[3] === undefined ? scheme.port ?? DEFAULT_PORT : Number(match[3]);
  if (port < 1 || port > 65535) {
    throw new NnrpValueError("has no valid port", {
      field: "address",
      expected: "1 to 65535",
      actual: match[3],
    });
  }
  const { carrier, encrypted } = scheme;
  const host = match[2].replace(/^\[|\]$/g, "");
  return { host, port, carrier, encrypted, ...(path === undefined ? {} : { path }) };
}

/** An address for people. */
export function describeEndpoint({ host, port }: Pick<Endpoint, "host" | "port">): string {
  return `${bracket(host)}:${port}`;
}

/** An IPv6 address as addresses write it. */
export function bracket(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** Whether a host is this machine, so that plain text does not leave it. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "memory" || /^127(\.\d{1,3}){3}$/.test(host);
}
