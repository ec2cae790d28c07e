/**
 * The carriers that `nnrp serve` listens on, and the certificate of the encrypted ones: given as files, or made for this run.
 *
 * @module
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import type { CarrierBinding } from "@nnrp/core";
import { tcp } from "@nnrp/tcp";
import { CommandError } from "../command.ts";

/** Where to listen. Ports: 0 = any free one, undefined = not on this carrier. */
export interface ListenChoice {
  /** Host to listen on. */
  readonly host: string;
  /** Plain TCP. */
  readonly port: number | undefined;
  /** TLS. */
  readonly tlsPort: number | undefined;
  /** QUIC and WebTransport (UDP). */
  readonly quicPort: number | undefined;
  /** WebSocket: `wss://` with a certificate, else `ws://`. */
  readonly webSocketPort: number | undefined;
  /** Certificate: files, `"dev"` = made for this run, undefined = none. */
  readonly certificate: { readonly cert: string; readonly key: string } | "dev" | undefined;
  /** Names the server is known by, for web pages; on all interfaces this machine's own are among them. */
  readonly hosts?: readonly string[];
  /** Origins of web pages that may connect. */
  readonly allowedOrigins?: readonly string[];
}

/** A certificate that was made for this run. */
export interface DevCertificate {
  /** Absolute path of the authority's certificate, for clients. */
  readonly caFile: string;
  /** SHA-256 of the server's certificate in base64, for browsers. */
  readonly sha256: string;
  /** Names and addresses it is good for. */
  readonly hosts: readonly string[];
}

/** What to listen on. */
export interface Bindings {
  /** Carriers, in the order of {@linkcode ListenChoice}. */
  readonly listen: readonly CarrierBinding[];
  /** Whether WebSocket is `wss://`. */
  readonly secureWebSocket: boolean;
  /** Whether QUIC takes WebTransport sessions too. */
  readonly webTransport: boolean;
  /** The certificate, if it was made for this run. */
  readonly dev: DevCertificate | null;
  /** Removes what was written for this run. */
  clean(): Promise<void>;
}

/**
 * Makes the carriers and reads or makes the certificate.
 *
 * @throws CommandError if a file cannot be read, or the host cannot be in a certificate.
 */
export async function bindingsOf(choice: ListenChoice): Promise<Bindings> {
  const { host, port, tlsPort, quicPort, webSocketPort, certificate, allowedOrigins } = choice;
  const hosts = [
    ...choice.hosts ?? [],
    ...isEverywhere(host) ? hostsOf(host).filter((name) => name !== "localhost") : [],
  ];
  const { pair, dev, clean } = await certificateOf(certificate, host);
  const listen: CarrierBinding[] = [];
  // A list of origins cannot be kept there: Deno does not show the Origin of a WebTransport session.
  const webTransport = allowedOrigins === undefined || allowedOrigins.includes("*");
  if (port !== undefined) listen.push(tcp({ host, port }));
  if (tlsPort !== undefined) {
    const { tls } = await import("@nnrp/tcp");
    listen.push(tls({ host, port: tlsPort, ...pair }));
  }
  if (quicPort !== undefined) {
    const { quic } = await import("@nnrp/quic");
    listen.push(quic({ host, port: quicPort, ...pair, hosts, allowedOrigins, webTransport }));
  }
  if (webSocketPort !== undefined) {
    const { webSocket } = await import("@nnrp/websocket");
    listen.push(
      webSocket({
        host,
        port: webSocketPort,
        hosts,
        allowedOrigins,
        ...(pair === undefined ? {} : { tls: pair }),
      }),
    );
  }
  return { listen, secureWebSocket: pair !== undefined, webTransport, dev, clean };
}

interface Certificate {
  readonly pair: { readonly cert: string; readonly key: string } | undefined;
  readonly dev: DevCertificate | null;
  clean(): Promise<void>;
}

async function certificateOf(certificate: ListenChoice["certificate"], host: string): Promise<Certificate> {
  const nothing = () => Promise.resolve();
  if (certificate === undefined) return { pair: undefined, dev: null, clean: nothing };
  if (certificate !== "dev") {
    const [cert, key] = await Promise.all([
      readPem(certificate.cert, "--cert"),
      readPem(certificate.key, "--key"),
    ]);
    return { pair: { cert, key }, dev: null, clean: nothing };
  }
  const { makeAuthority } = await import("../cert/mod.ts");
  const authority = await makeAuthority();
  const { cert, key, sha256, hosts } = await authority.issueServer({ hosts: hostsOf(host) });
  const folder = await mkdtemp(join(tmpdir(), "nnrp-serve-"));
  const caFile = join(folder, "ca.pem");
  await writeFile(caFile, authority.cert);
  return {
    pair: { cert, key },
    dev: { caFile, sha256: btoa(String.fromCharCode(...sha256)), hosts },
    clean: () => rm(folder, { recursive: true, force: true }),
  };
}

function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** What clients may call this host: for all interfaces, this machine's name and addresses. */
function hostsOf(host: string): string[] {
  if (!isEverywhere(host)) return [host];
  const addresses = Object.values(networkInterfaces()).flatMap((of) => of ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address }) => address);
  const name = hostname();
  return /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name) ? [name, ...addresses] : addresses;
}

async function readPem(path: string, option: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    throw new CommandError(`cannot read ${path}; ${option} wants a PEM file (nnrp cert makes one)`, 2);
  }
  const wanted = option === "--cert" ? "-----BEGIN CERTIFICATE-----" : "PRIVATE KEY-----";
  if (!text.includes(wanted)) {
    throw new CommandError(
      `${path} holds no "${wanted}"; ${option} wants a PEM file (nnrp cert makes one)`,
      2,
    );
  }
  return text;
}
