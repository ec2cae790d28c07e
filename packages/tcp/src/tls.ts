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
  type CarrierDialOptions,
  type CarrierListener,
  type CarrierListenOptions,
  type DialTarget,
  explainSocket,
  explainTls,
  type GuardedListening,
  guardListening,
  NnrpTransportError,
  NnrpValueError,
  TransportId,
} from "@nnrp/core";
import { Handshakes } from "./handshakes.ts";
import { after, later } from "./host_timers.ts";
import { checkPort, DEFAULT_PORT } from "./port.ts";
import {
  type KeyPair,
  type Secured,
  TLS_ALPN,
  type TlsClientSettings,
  type TlsDialer,
  type TlsServerSettings,
} from "./tls_api.ts";
import { checkMaterial, checkPair, splitCertificates } from "./tls_material.ts";

/** Options of {@linkcode tls}. Certificates and keys are PEM texts. */
export interface TlsOptions {
  /** Host or address to listen on. Default `"127.0.0.1"`; `"0.0.0.0"` or `"::"` for all interfaces. */
  readonly host?: string;
  /** Port to listen on, 0…65535; 0 = any free one. Default 4433. Dialling takes the port of the URL. */
  readonly port?: number;
  /** Sends small packets at once (TCP_NODELAY). Default true. */
  readonly noDelay?: boolean;
  /** Listening: the server's certificate, followed by those between it and its authority. Dialling: the client's, if it has one. */
  readonly cert?: string;
  /** Private key of `cert`, not encrypted. */
  readonly key?: string;
  /** Dialling: authorities trusted beside the runtime's own. */
  readonly caCerts?: readonly string[];
  /** Dialling: whose certificate the server must show. Default: the host that is dialled. */
  readonly serverName?: string;
  /**
   * Dialling: takes any certificate, so anybody on the way can read and change everything. Default false. The carrier says so
   * ({@linkcode Carrier.unverified}).
   */
  readonly insecureSkipVerify?: boolean;
  /**
   * Listening: asks clients for a certificate of one of these authorities; {@linkcode Carrier.peerIdentity} then tells who it is.
   * Default: none is asked for.
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
 * @throws NnrpValueError if an option cannot be right; what needs a closer look (whether a key is that of its certificate) is
 *   found when it is first used.
 */
export function tls(options: TlsOptions = {}): TlsCarrier {
  const { host = "127.0.0.1", port = DEFAULT_PORT, noDelay = true, cert, key, serverName } = options;
  const insecureSkipVerify = options.insecureSkipVerify ?? false;
  checkPort(port, "tls.port");
  checkPair(cert, key);
  if (serverName === "") throw new NnrpValueError("is empty", { field: "tls.serverName" });
  const identity: KeyPair | null = cert === undefined ? null : { cert, key: key! };
  const caCerts = splitCertificates(options.caCerts ?? [], "tls.caCerts");
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

  let preparing: Promise<TlsDialer> | null = null;
  const prepare = async (): Promise<TlsDialer> => {
    await checkMaterial(identity, caCerts, "tls.caCerts");
    return await dialerOf({ noDelay, caCerts, identity, insecureSkipVerify });
  };

  return {
    name: "tls",
    transport: TransportId.TCP,
    encrypted: true,
    dial: async (target, dialOptions = {}) => {
      const dialer = await (preparing ??= prepare());
      const secured = await dial(dialer, target, serverName ?? target.host, dialOptions);
      return carrierOf(secured, insecureSkipVerify);
    },
    listen: async (accept, listenOptions = {}) => {
      if (identity === null) {
        throw new NnrpValueError("a TLS server needs a certificate and its key (nnrp cert makes some)", {
          field: "tls.cert",
          expected: "a PEM text",
          actual: "nothing",
        });
      }
      await checkMaterial(identity, clientCaCerts ?? [], "tls.clientCaCerts");
      const settings = { host, port, noDelay, identity, clientCaCerts, requireClientCertificate };
      return await listen(settings, guardListening(accept, listenOptions), listenOptions);
    },
  };
}

async function dial(
  dialer: TlsDialer,
  target: DialTarget,
  serverName: string,
  { signal }: CarrierDialOptions,
): Promise<Secured> {
  signal?.throwIfAborted();
  try {
    return await dialer(target.host, target.port, serverName, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    const words = explainTls(cause, "client", { serverName, alpn: TLS_ALPN });
    throw new NnrpTransportError("tls", `cannot connect to ${target.host}:${target.port}: ${words}`, {
      cause,
    });
  }
}

async function listen(
  settings: TlsServerSettings,
  { accept, failed }: GuardedListening,
  options: CarrierListenOptions,
): Promise<CarrierListener> {
  const { listenTls } = await import("./node_tls.ts");
  try {
    const bound = await listenTls(
      settings,
      new Handshakes({ ...options, failed }),
      (secured) => accept(carrierOf(secured, false)),
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

function carrierOf(secured: Secured, unverified: boolean): Carrier {
  return new ByteStreamCarrier(secured.stream, {
    transport: TransportId.TCP,
    name: "tls",
    encrypted: true,
    remote: secured.remote,
    peerIdentity: secured.peerIdentity,
    unverified,
    after,
    later,
  });
}

/** Deno's own TLS where it can do what is wanted, else `node:tls`. */
async function dialerOf(settings: TlsClientSettings): Promise<TlsDialer> {
  if ("Deno" in globalThis && settings.identity === null && !settings.insecureSkipVerify) {
    return (await import("./deno_tls.ts")).denoTlsDialer(settings);
  }
  return (await import("./node_tls.ts")).nodeTlsDialer(settings);
}
