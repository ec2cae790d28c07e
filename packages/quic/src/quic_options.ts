/**
 * Options of the QUIC carrier and their checks.
 *
 * @module
 */
import { type Credential, NnrpValueError, type OriginRules, originRules } from "@nnrp/core";
import { isAsked } from "@nnrp/runtime";
import { type CertificateHashes, hashesOf } from "./certificate_hash.ts";
import { CONNECT_TIMEOUT_MS } from "./connect_timeout.ts";
import { MAX_DATA_STREAMS } from "./web_transport_carrier.ts";

/** Port of `nnrp://` addresses that name none. */
const DEFAULT_PORT = 4433;

/** Unidirectional streams of a client: one for each frame of its credit. More bring no speed. */
const CLIENT_UNI_STREAMS = 64;
/** Unidirectional streams of a server: one for each frame that has several results, as long as it lasts. */
const SERVER_UNI_STREAMS = 1024;
/** Bidirectional streams of raw QUIC: control, and a few that mean nothing. */
const RAW_BIDI_STREAMS = 4;
/** The same where WebTransport is served: the request, control, data streams, and a few that mean nothing. */
const WEB_TRANSPORT_BIDI_STREAMS = RAW_BIDI_STREAMS + MAX_DATA_STREAMS;

/**
 * Options of {@linkcode quic}. Times in ms. Certificates, keys and hashes are fixed, or functions that give them: what dialling needs is
 * asked for before each dial (the first, a reconnect, a move, a probe), what listening needs once, when it begins. `connectTimeoutMs`
 * and the dial's signal bound the answer; a function that fails fails that dial, with a NnrpCredentialError.
 */
export interface QuicOptions {
  /** Host or address to listen on. Default `"127.0.0.1"`; `"0.0.0.0"` or `"::"` for all interfaces. */
  readonly host?: string;
  /** UDP port to listen on, 0…65535; 0 = any free one. Default 4433. Dialling takes the port of the URL. */
  readonly port?: number;
  /** Certificate chain of the server, PEM. Needed to listen. */
  readonly cert?: Credential<string>;
  /** Private key of the server, PEM (PKCS#8). Needed to listen. */
  readonly key?: Credential<string>;
  /** Certificate authorities that a server's certificate may come from, PEM, beside the runtime's own. */
  readonly caCerts?: Credential<readonly string[]>;
  /** Certificates accepted by their hash instead of their authority. Plain bytes are SHA-256. */
  readonly serverCertificateHashes?: Credential<CertificateHashes>;
  /** Name the server's certificate must be for. Default: the host that is dialled. */
  readonly serverName?: string;
  /** Would not verify the server's certificate. Deno cannot do that: dialling then rejects with NnrpUnsupportedError. */
  readonly insecureSkipVerify?: boolean;
  /** How often something is sent on a connection that is quiet otherwise. Default 10,000; 0 = never. */
  readonly keepAliveMs?: number;
  /** Silence after which the connection is lost; the smaller one of both sides counts. Default 120,000. */
  readonly idleTimeoutMs?: number;
  /** Longest time of dialling: credentials that are asked for, name look-up and handshake. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /**
   * Unidirectional streams that the peer may have open at once. Each may fill a window of 1.25 MB while nobody reads
   * (docs/quic.md, "Memory"). Default 64 for a listener; 1,024 for a client, since each frame with several results has one.
   */
  readonly maxUniStreams?: number;
  /**
   * Bidirectional streams that the peer may have open at once, with the same window. Default 20: what WebTransport needs for 16
   * data streams; 4 for a listener without WebTransport, and for a client.
   */
  readonly maxBidiStreams?: number;
  /** Whether the listener takes WebTransport sessions too, on the same port. Default true. */
  readonly webTransport?: boolean;
  /** Path that WebTransport clients must ask for. Default `"/nnrp"`; `"*"` takes any. */
  readonly path?: string;
  /**
   * Names the listener is known by, without port, for example `"render.example"`; the bound `host` is one of them unless it means
   * all interfaces. A WebTransport session that was opened under another name is refused, since a web page could have made its own
   * name point here; addresses and `localhost` always pass. Raw QUIC is not affected: no page can speak it.
   */
  readonly hosts?: readonly string[];
  /**
   * Origins of web pages whose WebTransport sessions are taken. Only `["*"]` can be had, which takes sessions under any name too:
   * Deno does not show a session's Origin, so with any other list listening rejects with NnrpUnsupportedError unless `webTransport`
   * is false. docs/security.md says what protects a WebTransport server instead.
   */
  readonly allowedOrigins?: readonly string[];
}

/** Options of a connection in the runtime's names. */
export interface TransportSettings {
  /** Keep-alive, ms; undefined = none. */
  readonly keepAliveInterval: number | undefined;
  /** Idle time, ms. */
  readonly maxIdleTimeout: number;
  /** Bidirectional streams of the peer. */
  readonly maxConcurrentBidirectionalStreams: number;
  /** Unidirectional streams of the peer. */
  readonly maxConcurrentUnidirectionalStreams: number;
}

/** The options with their defaults. */
export interface QuicSettings {
  /** Host to listen on. */
  readonly host: string;
  /** Port to listen on. */
  readonly port: number;
  /** Certificate chain, if any. */
  readonly cert: Credential<string> | undefined;
  /** Private key, if any. */
  readonly key: Credential<string> | undefined;
  /** Own certificate authorities. */
  readonly caCerts: Credential<readonly string[]> | undefined;
  /** Hashes of certificates. */
  readonly serverCertificateHashes: Credential<CertificateHashes> | undefined;
  /** Name in the certificate. */
  readonly serverName: string | undefined;
  /** Asked for, and refused. */
  readonly insecureSkipVerify: boolean;
  /** Bound of dialling, ms. */
  readonly connectTimeoutMs: number;
  /** Whether WebTransport is taken too. */
  readonly webTransport: boolean;
  /** Path of WebTransport. */
  readonly path: string;
  /** Under which names WebTransport is taken. */
  readonly origins: OriginRules;
  /** Transport settings of connections that are dialled. */
  readonly dialled: TransportSettings;
  /** The same for those that are accepted. */
  readonly accepted: TransportSettings;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws NnrpValueError for numbers out of range, a certificate without key or the other way round, names that are none.
 */
export function quicSettings(options: QuicOptions): QuicSettings {
  const port = whole("port", options.port ?? DEFAULT_PORT, 0, 65535);
  const keepAliveMs = whole("keepAliveMs", options.keepAliveMs ?? 10_000, 0);
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new NnrpValueError("belong together", {
      field: "quic.cert, quic.key",
      expected: "both or none",
      actual: options.cert === undefined ? "a key without certificate" : "a certificate without key",
    });
  }
  const webTransport = options.webTransport ?? true;
  const transport = (maxUniStreams: number, maxBidiStreams: number): TransportSettings => ({
    keepAliveInterval: keepAliveMs === 0 ? undefined : keepAliveMs,
    maxIdleTimeout: whole("idleTimeoutMs", options.idleTimeoutMs ?? 120_000, 1),
    maxConcurrentBidirectionalStreams: whole("maxBidiStreams", options.maxBidiStreams ?? maxBidiStreams, 1),
    maxConcurrentUnidirectionalStreams: whole("maxUniStreams", options.maxUniStreams ?? maxUniStreams, 1),
  });
  const host = options.host ?? "127.0.0.1";
  return {
    host,
    port,
    cert: options.cert,
    key: options.key,
    caCerts: fixed(options.caCerts, (certs) => pemTexts(certs, "quic.caCerts")),
    serverCertificateHashes: fixed(
      options.serverCertificateHashes,
      (hashes) => hashesOf(hashes, "quic.serverCertificateHashes"),
    ),
    serverName: options.serverName,
    insecureSkipVerify: options.insecureSkipVerify ?? false,
    connectTimeoutMs: whole("connectTimeoutMs", options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, 1),
    webTransport,
    path: options.path ?? "/nnrp",
    origins: originRules(options, host, "quic."),
    dialled: transport(SERVER_UNI_STREAMS, RAW_BIDI_STREAMS),
    accepted: transport(CLIENT_UNI_STREAMS, webTransport ? WEB_TRANSPORT_BIDI_STREAMS : RAW_BIDI_STREAMS),
  };
}

/** A credential that is checked now if it is known now. */
function fixed<T>(given: Credential<T> | undefined, checked: (given: T) => T): Credential<T> | undefined {
  return given === undefined || isAsked(given) ? given : checked(given);
}

/**
 * A copy of a list of PEM texts; what they hold is the runtime's to say.
 *
 * @throws NnrpValueError if it is none.
 */
export function pemTexts(texts: readonly string[], field: string): string[] {
  if (Array.isArray(texts) && texts.every((text) => typeof text === "string")) return [...texts];
  throw new NnrpValueError("is no list of PEM texts", {
    field,
    expected: "an array of strings",
    actual: kindOf(texts),
  });
}

/**
 * A PEM text.
 *
 * @throws NnrpValueError if it is no text.
 */
export function pemText(text: string, field: string): string {
  if (typeof text === "string") return text;
  throw new NnrpValueError("is no PEM text", { field, expected: "a string", actual: kindOf(text) });
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array of other things" : typeof value;
}

function whole(name: string, value: number, min: number, max = 2 ** 31 - 1): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new NnrpValueError("is out of range", {
    field: `quic.${name}`,
    expected: `a whole number from ${min} to ${max}`,
    actual: String(value),
  });
}
