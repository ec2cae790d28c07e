/**
 * The TCP carrier as a value: picks the runtime's sockets and explains failures (behaviour spec §2).
 *
 * @module
 */
import {
  type ByteStream,
  ByteStreamCarrier,
  type Carrier,
  type CarrierBinding,
  type CarrierDialer,
  type CarrierDialOptions,
  type CarrierListener,
  type DialTarget,
  explainSocket,
  guardListening,
  NnrpTransportError,
  TransportId,
} from "@nnrp/core";
import { after, later } from "./host_timers.ts";
import { checkPort, DEFAULT_PORT } from "./port.ts";
import type { SocketApi } from "./socket_api.ts";

/** Options of {@linkcode tcp}. */
export interface TcpOptions {
  /** Host or address to listen on. Default `"127.0.0.1"`; `"0.0.0.0"` or `"::"` for all interfaces. */
  readonly host?: string;
  /** Port to listen on, 0…65535; 0 = any free one. Default 4433. Dialling takes the port of the URL. */
  readonly port?: number;
  /** Sends small packets at once (TCP_NODELAY). Default true. */
  readonly noDelay?: boolean;
}

/** A TCP carrier that can dial and listen. */
export interface TcpCarrier extends CarrierDialer, CarrierBinding {
  /** `"tcp"`. */
  readonly name: "tcp";
  /** TransportId.TCP. */
  readonly transport: number;
  /** False: plain TCP. */
  readonly encrypted: false;
}

/**
 * TCP as a carrier value.
 *
 * @param options Where to listen; ignored for dialling but for `noDelay`.
 * @throws NnrpValueError if the port is none.
 */
export function tcp(options: TcpOptions = {}): TcpCarrier {
  const port = options.port ?? DEFAULT_PORT;
  const host = options.host ?? "127.0.0.1";
  const noDelay = options.noDelay ?? true;
  checkPort(port, "tcp.port");
  return {
    name: "tcp",
    transport: TransportId.TCP,
    encrypted: false,
    dial: (target, dialOptions) => dial(target, dialOptions ?? {}, noDelay),
    listen: (accept, listenOptions) =>
      listen(host, port, noDelay, guardListening(accept, listenOptions).accept),
  };
}

async function dial(target: DialTarget, options: CarrierDialOptions, noDelay: boolean): Promise<Carrier> {
  const api = await socketApi();
  options.signal?.throwIfAborted();
  try {
    const { stream, remote } = await api.connect(target.host, target.port, noDelay, options.signal);
    return carrierOf(stream, remote);
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new NnrpTransportError(
      "tcp",
      `cannot connect to ${target.host}:${target.port}: ${explainSocket(cause)}`,
      { cause },
    );
  }
}

async function listen(
  host: string,
  port: number,
  noDelay: boolean,
  accept: (carrier: Carrier) => void,
): Promise<CarrierListener> {
  const api = await socketApi();
  try {
    const bound = await api.listen(
      host,
      port,
      noDelay,
      (stream, remote) => accept(carrierOf(stream, remote)),
    );
    return { name: "tcp", host: bound.host, port: bound.port, close: bound.close };
  } catch (cause) {
    throw new NnrpTransportError("tcp", `cannot listen on ${host}:${port}: ${explainSocket(cause)}`, {
      cause,
    });
  }
}

function carrierOf(stream: ByteStream, remote: string): Carrier {
  return new ByteStreamCarrier(stream, {
    transport: TransportId.TCP,
    name: "tcp",
    encrypted: false,
    remote,
    after,
    later,
  });
}

async function socketApi(): Promise<SocketApi> {
  const module = "Deno" in globalThis ? await import("./deno_sockets.ts") : await import("./node_sockets.ts");
  return module.socketApi;
}
