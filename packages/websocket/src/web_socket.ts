/**
 * WebSocket as a carrier value: in browsers on the global `WebSocket`, elsewhere on sockets and framing of our own (the built-in
 * client of Deno waits 44 ms per message, none of them can stop reading, and Node 20 has none).
 *
 * @module
 */
import {
  type Carrier,
  type CarrierBinding,
  type CarrierDialer,
  type CarrierDialOptions,
  type Credential,
  type DialTarget,
  explainSocket,
  explainTls,
  NnrpTransportError,
  NnrpUnsupportedError,
  NnrpValueError,
  originRules,
  shownAddress,
  TransportId,
} from "@nnrp/core";
import { askCredential, isAsked, systemHost } from "@nnrp/runtime";
import type { RawSocket, TlsDialing } from "@nnrp/runtime/sockets";
import { dialBrowser } from "./browser_dial.ts";
import { shakeHands } from "./client_handshake.ts";
import { FramedStream } from "./framed_stream.ts";
import { listen } from "./listen.ts";
import { HTTP_ALPN, runtimeSockets, TLS_OPTIONS } from "./runtime_sockets.ts";
import { carrierOn, DEFAULT_PATH } from "./websocket_carrier.ts";

/**
 * Certificates of a {@linkcode webSocket}: fixed, or functions that give them. They are asked before each dial (the first, a reconnect, a
 * move, a probe), `cert` first, then `key`, then `caCerts`; a listener asks for `cert` and `key` once, when it begins. The dial's time
 * limit and signal bound the answer; a function that fails fails that dial, with a NnrpCredentialError.
 */
export interface WebSocketTls {
  /** Own certificate chain in PEM, the leaf first. Listening: the server's. Dialling: the client's, if it has one. */
  readonly cert?: Credential<string>;
  /** Its private key in PEM. */
  readonly key?: Credential<string>;
  /** Dialling: certificates in PEM that are trusted besides those of the system. Not in browsers. */
  readonly caCerts?: Credential<readonly string[]>;
  /** Dialling: name the certificate must be for. Default: the host that is dialled. Not in browsers. */
  readonly serverName?: string;
  /**
   * Dialling: accepts any certificate, so that anybody on the path can read and change everything. Default
   * false. Reported as {@linkcode Carrier.unverified}. Not in browsers.
   */
  readonly insecureSkipVerify?: boolean;
}

/** Options of {@linkcode webSocket}. */
export interface WebSocketOptions {
  /** Path of the endpoint. Default `"/nnrp"`. A path in the dialled address comes first. */
  readonly path?: string;
  /**
   * Dialling: further fields of the HTTP request, for example `authorization`, or a function that gives them: asked before each dial, as
   * {@linkcode WebSocketTls} has it. Not in browsers.
   */
  readonly headers?: Credential<Readonly<Record<string, string>>>;
  /** Listening: host or address. Default `"127.0.0.1"`; `"0.0.0.0"` or `"::"` for all interfaces. */
  readonly host?: string;
  /** Listening: port, 0…65535; 0 = any free one. Default 4434. Dialling takes the port of the address. */
  readonly port?: number;
  /**
   * Listening: origins of web pages that may connect, for example `"https://app.example"`, and no others; `"*"` = all. Default:
   * pages of {@linkcode WebSocketOptions.hosts} on any port (`https://` ones if the listener speaks `wss://`), and pages of
   * loopback hosts for visitors on this machine. Programs send no origin and are not affected. See docs/security.md.
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * Listening: names and addresses the server is known by, without port, for example `"render.example"`; the bound `host` is one
   * of them unless it means all interfaces. Their pages may connect unless `allowedOrigins` is given.
   */
  readonly hosts?: readonly string[];
  /** Certificates. With `cert` and `key` the listener speaks `wss://`. */
  readonly tls?: WebSocketTls;
}

/** A WebSocket carrier that can dial and, on Deno, Node and Bun, listen. */
export interface WebSocketCarrier extends CarrierDialer, CarrierBinding {
  /** `"websocket"`. */
  readonly name: "websocket";
  /** TransportId.TCP: to the protocol a WebSocket is a byte stream like TCP. */
  readonly transport: number;
  /** False: only if the address asks for it. */
  readonly encrypted: false;
  /** True: `wss://`. */
  readonly canEncrypt: true;
}

/** Port of a listener that names none: beside the 4433 of TCP. */
const DEFAULT_PORT = 4434;

/**
 * WebSocket as a carrier value.
 *
 * @param options Where to listen, and what to send when dialling.
 * @throws NnrpValueError if an option cannot be used.
 * @example
 * ```ts
 * import { webSocket } from "@nnrp/websocket";
 *
 * const dialer = webSocket({ headers: async () => ({ authorization: `Bearer ${await freshToken()}` }) });
 * const binding = webSocket({ port: 8080, allowedOrigins: ["https://app.example"] });
 * ```
 */
export function webSocket(options: WebSocketOptions = {}): WebSocketCarrier {
  const { port = DEFAULT_PORT, host = "127.0.0.1", path = DEFAULT_PATH, tls = {} } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new NnrpValueError("is no TCP port", {
      field: "webSocket.port",
      expected: "0 to 65535",
      actual: String(port),
    });
  }
  checkPath(path, "webSocket.path");
  const { headers = {} } = options;
  const own: DialSettings = {
    path,
    headers: isAsked(headers) ? headers : checkedHeaders(headers),
    choosesHeaders: isAsked(headers) || Object.keys(headers).length > 0,
    tls: options.tls,
  };
  const origins = originRules(options, host, "webSocket.");
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new NnrpValueError("is of no use alone", {
      field: tls.cert === undefined ? "webSocket.tls.key" : "webSocket.tls.cert",
      expected: "both cert and key",
    });
  }
  let dialling: TlsDialing | null = null;
  const tlsDialing = (sockets: Sockets) =>
    dialling ??= new sockets.TlsDialing({ ...tls, alpn: HTTP_ALPN }, TLS_OPTIONS, sockets.tlsDialer);
  return {
    name: "websocket",
    transport: TransportId.TCP,
    encrypted: false,
    canEncrypt: true,
    schemes: [
      { scheme: "ws", encrypted: false, port: 80, hasPath: true },
      { scheme: "wss", encrypted: true, port: 443, hasPath: true },
    ],
    portFamilies: ["websocket", "tcp"],
    dial: (target, dialOptions) => dial(target, dialOptions ?? {}, own, tlsDialing),
    listen: (accept, listenOptions) =>
      listen({ host, port, tls, rules: { path, origins } }, accept, listenOptions ?? {}),
  };
}

type Sockets = typeof import("@nnrp/runtime/sockets");

/** What a carrier was made with that its dials need. */
interface DialSettings {
  readonly path: string;
  readonly headers: Credential<Readonly<Record<string, string>>>;
  /** Whether there are headers, as far as is known before they are asked for. */
  readonly choosesHeaders: boolean;
  readonly tls: WebSocketTls | undefined;
}

async function dial(
  target: DialTarget,
  { signal, runtime = systemHost() }: CarrierDialOptions,
  own: DialSettings,
  tlsDialing: (sockets: Sockets) => TlsDialing,
): Promise<Carrier> {
  const path = target.path ?? own.path;
  checkPath(path, "path");
  signal?.throwIfAborted();
  const encrypted = target.encrypted ?? false;
  const host = target.host.includes(":") && !target.host.startsWith("[") ? `[${target.host}]` : target.host;
  const usual = target.port === (encrypted ? 443 : 80);
  const authority = usual ? host : `${host}:${target.port}`;
  const url = `${encrypted ? "wss" : "ws"}://${authority}${path}`;
  const unverified = encrypted && (own.tls?.insecureSkipVerify ?? false);
  const sockets = await runtimeSockets();
  if (sockets === null) {
    const wanted = own.choosesHeaders ? "headers" : own.tls !== undefined ? "tls" : null;
    if (wanted !== null) {
      throw new NnrpUnsupportedError(
        `webSocket.${wanted}: browsers do not let a page choose that for a WebSocket`,
      );
    }
    return dialBrowser(url, `${host}:${target.port}`, encrypted, runtime, signal);
  }
  const headers = isAsked(own.headers)
    ? checkedHeaders(await askCredential(runtime, own.headers, "webSocket.headers", { signal }))
    : own.headers;
  const dialTls = encrypted ? await tlsDialing(sockets).dialer(runtime, { signal }) : null;
  const serverName = own.tls?.serverName ?? target.host.replace(/^\[(.*)\]$/, "$1");
  let socket: RawSocket | null = null;
  const abort = () => socket?.destroy();
  signal?.addEventListener("abort", abort);
  try {
    const place = { host: host.replace(/^\[(.*)\]$/, "$1"), port: target.port, noDelay: true };
    socket = dialTls === null
      ? await sockets.connect(place, signal)
      : await dialTls(place, serverName, signal);
    signal?.throwIfAborted();
    const rest = await shakeHands(socket, { authority, path, headers }, runtime);
    const stream = new FramedStream(socket.stream(), { client: true, rest, host: runtime });
    return carrierOn(stream, runtime, { remote: socket.remote, encrypted, unverified });
  } catch (cause) {
    socket?.destroy();
    signal?.throwIfAborted();
    const why = cause instanceof NnrpTransportError
      ? cause.message
      : `cannot be reached: ${
        encrypted ? explainTls(cause, "client", { serverName, alpn: HTTP_ALPN }) : explainSocket(cause)
      }`;
    throw new NnrpTransportError("websocket", `${shownAddress(url)} ${why}`, { cause });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** A path goes into the request line as it is. */
function checkPath(path: string, field: string): void {
  if (/^\/[\x21-\x22\x24-\x7e]*$/.test(path)) return;
  throw new NnrpValueError("is no path", {
    field,
    expected: "a / and printable ASCII without spaces and #",
    actual: JSON.stringify(shownAddress(path)),
  });
}

const OWN_FIELDS = /^(host|connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/i;

/**
 * Fields as they go into the request, a copy.
 *
 * @throws NnrpValueError for what is no plain object of texts, and for names and values that no request can have.
 */
function checkedHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  // Of a Headers or a Map Object.entries shows nothing: they would be left out without a word.
  if (typeof headers !== "object" || headers === null || Symbol.iterator in headers) {
    throw new NnrpValueError("is no plain object of names and values", {
      field: "webSocket.headers",
      expected: "for example { authorization: … }",
      actual: headers === null ? "null" : typeof headers === "object" ? "another object" : typeof headers,
    });
  }
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || OWN_FIELDS.test(name)) {
      throw new NnrpValueError("cannot be set", { field: `webSocket.headers.${name}` });
    }
    if (typeof value !== "string" || !/^[\t\x20-\x7e]*$/.test(value)) {
      throw new NnrpValueError("is no field value", {
        field: `webSocket.headers.${name}`,
        expected: "printable ASCII",
      });
    }
    checked[name] = value;
  }
  return checked;
}
