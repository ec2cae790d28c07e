/**
 * TLS over TCP as a carrier value: options, their checks, and which way of the runtime is taken (behaviour spec §2).
 *
 * @module
 */
import {
  ByteStreamCarrier,
  type Carrier,
  type CarrierBinding,
  type CarrierDialer,
  type CarrierListener,
  type CarrierListenOptions,
  type Credential,
  type DialTarget,
  explainSocket,
  explainTls,
  guardListening,
  type Host,
  NnrpTransportError,
  NnrpValueError,
  TransportId,
} from "@nnrp/core";
import { type HandshakeKind, Handshakes, isAsked, systemHost } from "@nnrp/runtime";
import {
  askKeyPair,
  checkMaterial,
  checkPairSource,
  listenTls,
  type RawSocket,
  splitCertificates,
  type TlsDialer,
  tlsDialer,
  TlsDialing,
  type TlsServerSettings,
} from "@nnrp/runtime/sockets";
import { checkPort, DEFAULT_PORT } from "./port.ts";

/** ALPN protocol name (behaviour spec §2). A peer that names no protocol at all is served too. */
export const TLS_ALPN = "nnrp/1-tcp";

const HANDSHAKE: HandshakeKind = {
  carrier: "tls",
  what: "TLS handshake",
  explain: (cause) => explainTls(cause, "server", { alpn: TLS_ALPN }),
};

/**
 * Options of {@linkcode tls}. Certificates and keys are PEM texts, or functions that give them: asked before each dial (the first, a
 * reconnect, a move, a probe), `cert` first, then `key`, then `caCerts`; a listener asks for `cert` and `key` once, when it begins.
 * The dial's time limit and signal bound the answer; a function that fails fails that dial, with a NnrpCredentialError.
 */
export interface TlsOptions {
  /** Host or address to listen on. Default `"127.0.0.1"`; `"0.0.0.0"` or `"::"` for all interfaces. */
  readonly host?: string;
  /** Port to listen on, 0…65535; 0 = any free one. Default 4433. Dialling takes the port of the URL. */
  readonly port?: number;
  /** Sends small packets at once (TCP_NODELAY, no Nagle delay). Default true. */
  readonly noDelay?: boolean;
  /** Listening: the server's certificate, followed by those between it and its authority. Dialling: the client's, if it has one. */
  readonly cert?: Credential<string>;
  /** Private key of `cert`, not encrypted. */
  readonly key?: Credential<string>;
  /** Dialling: authorities trusted beside the runtime's own. */
  readonly caCerts?: Credential<readonly string[]>;
  /** Dialling: whose certificate the server must show. Default: the host that is dialled. */
  readonly serverName?: string;
  /**
   * Dialling: accepts any certificate, so that anybody on the path can read and change everything. Default
   * false. Reported as {@linkcode Carrier.unverified}.
   */
  readonly insecureSkipVerify?: boolean;
  /**
   * Listening: asks clients for a certificate of one of these authorities; {@linkcode Carrier.peerIdentity}
   * then holds it. Default: none is asked for.
   */
  readonly clientCaCerts?: readonly string[];
  /** Listening: refuses clients without certificate. Default: true where `clientCaCerts` is given. */
  readonly requireClientCertificate?: boolean;
}

/** A TLS carrier that can dial and listen. */
export interface TlsCarrier extends CarrierDialer, CarrierBinding {
  /** `"tls"`. */
  readonly name: "tls";
  /** TransportId.TCP. */
  readonly transport: number;
  /** True. */
  readonly encrypted: true;
}

/**
 * TLS over TCP as a carrier value. Servers are verified, against the runtime's authorities and `caCerts`.
 *
 * ```ts
 * serve({ listen: [tls({ port: 4433, cert, key })] }, handler);
 * dialClient("nnrps://render-7.lan", { carriers: [tls({ caCerts: [ca] })] });
 * ```
 *
 * @param options Certificates, and where to listen.
 * @throws NnrpValueError if an option cannot be right; what needs a closer check (whether a key is that of
 *   its certificate) is found when it is first used, and what a function gives when it gave it.
 */
export function tls(options: TlsOptions = {}): TlsCarrier {
  const { host = "127.0.0.1", port = DEFAULT_PORT, noDelay = true, cert, key, serverName } = options;
  const insecureSkipVerify = options.insecureSkipVerify ?? false;
  checkPort(port, "tls.port");
  checkPairSource({ cert, key }, "tls");
  if (serverName === "") throw new NnrpValueError("is empty", { field: "tls.serverName" });
  const { caCerts = [] } = options;
  if (!isAsked(caCerts)) splitCertificates(caCerts, "tls.caCerts");
  const clientCaCerts = options.clientCaCerts === undefined
    ? null
    : splitCertificates(options.clientCaCerts, "tls.clientCaCerts");
  const requireClientCertificate = options.requireClientCertificate ?? clientCaCerts !== null;
  if (clientCaCerts?.length === 0 || (requireClientCertificate && clientCaCerts === null)) {
    throw new NnrpValueError("client certificates need an authority", {
      field: "tls.clientCaCerts",
      expected: "one or more certificates",
    });
  }

  const dialling = new TlsDialing(
    { alpn: TLS_ALPN, cert, key, caCerts, insecureSkipVerify },
    "tls",
    tlsDialer,
  );

  return {
    name: "tls",
    transport: TransportId.TCP,
    encrypted: true,
    schemes: [{ scheme: "nnrp+tls", encrypted: true }],
    portFamilies: ["tls", "tcp"],
    dial: async (target, dialOptions = {}) => {
      const { signal, runtime = systemHost() } = dialOptions;
      const dialer = await dialling.dialer(runtime, { signal });
      const socket = await dial(dialer, target, noDelay, serverName ?? target.host, signal);
      return carrierOf(socket, insecureSkipVerify, runtime);
    },
    listen: async (accept, listenOptions = {}) => {
      const identity = await askKeyPair(listenOptions.runtime ?? systemHost(), { cert, key }, "tls", {});
      if (identity === null) {
        throw new NnrpValueError("a TLS server needs a certificate and its key (nnrp cert makes some)", {
          field: "tls.cert",
          expected: "a PEM text",
          actual: "nothing",
        });
      }
      await checkMaterial(identity, clientCaCerts ?? [], "tls", "clientCaCerts");
      const settings = {
        ...{ host, port, noDelay, alpn: TLS_ALPN },
        ...{ identity, clientCaCerts, requireClientCertificate },
      };
      return await listen(settings, accept, listenOptions);
    },
  };
}

async function dial(
  dialer: TlsDialer,
  { host, port }: DialTarget,
  noDelay: boolean,
  serverName: string,
  signal: AbortSignal | undefined,
): Promise<RawSocket> {
  signal?.throwIfAborted();
  try {
    return await dialer({ host, port, noDelay }, serverName, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    const words = explainTls(cause, "client", { serverName, alpn: TLS_ALPN });
    throw new NnrpTransportError("tls", `cannot connect to ${host}:${port}: ${words}`, { cause });
  }
}

async function listen(
  settings: TlsServerSettings,
  onCarrier: (carrier: Carrier) => void,
  options: CarrierListenOptions,
): Promise<CarrierListener> {
  const { runtime = systemHost() } = options;
  const { accept, failed } = guardListening(onCarrier, options);
  const handshakes = new Handshakes(HANDSHAKE, runtime, { ...options, failed });
  try {
    const bound = await listenTls(
      settings,
      handshakes,
      (socket) => accept(carrierOf(socket, false, runtime)),
    );
    return { name: "tls", host: bound.host, port: bound.port, close: bound.close };
  } catch (cause) {
    throw new NnrpTransportError(
      "tls",
      `cannot listen on ${settings.host}:${settings.port}: ${explainSocket(cause)}`,
      { cause },
    );
  }
}

function carrierOf(socket: RawSocket, unverified: boolean, host: Host): Carrier {
  return new ByteStreamCarrier(socket.stream(), {
    transport: TransportId.TCP,
    name: "tls",
    encrypted: true,
    remote: socket.remote,
    peerIdentity: socket.peerIdentity,
    unverified,
    host,
  });
}
