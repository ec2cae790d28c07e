/**
 * The TCP carrier as a value: picks the runtime's sockets and explains failures (behaviour spec §2).
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
  guardListening,
  type Host,
  NnrpTransportError,
  TransportId,
} from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { connect, listen as listenSocket, type RawSocket, type SocketPlace } from "@nnrp/runtime/sockets";
import { checkPort, DEFAULT_PORT } from "./port.ts";

/** Options of {@linkcode tcp}. */
export interface TcpOptions {
  /** Host or address to listen on. Default `"127.0.0.1"`; `"0.0.0.0"` or `"::"` for all interfaces. */
  readonly host?: string;
  /** Port to listen on, 0…65535; 0 = any free one. Default 4433. Dialling takes the port of the URL. */
  readonly port?: number;
  /** Sends small packets at once (TCP_NODELAY, no Nagle delay). Default true. */
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
    schemes: [{ scheme: "nnrp+tcp", encrypted: false }],
    portFamilies: ["tcp"],
    dial: (target, dialOptions) => dial(target, dialOptions ?? {}, noDelay),
    listen: (accept, listenOptions) => listen({ host, port, noDelay }, accept, listenOptions ?? {}),
  };
}

async function dial(target: DialTarget, options: CarrierDialOptions, noDelay: boolean): Promise<Carrier> {
  const { signal, runtime = systemHost() } = options;
  const { host, port } = target;
  try {
    return carrierOf(await connect({ host, port, noDelay }, signal), runtime);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new NnrpTransportError("tcp", `cannot connect to ${host}:${port}: ${explainSocket(cause)}`, {
      cause,
    });
  }
}

async function listen(
  place: SocketPlace,
  onCarrier: (carrier: Carrier) => void,
  options: CarrierListenOptions,
): Promise<CarrierListener> {
  const { runtime = systemHost() } = options;
  const { accept } = guardListening(onCarrier, options);
  try {
    const bound = await listenSocket(place, runtime, (socket) => accept(carrierOf(socket, runtime)));
    return { name: "tcp", host: bound.host, port: bound.port, close: bound.close };
  } catch (cause) {
    throw new NnrpTransportError(
      "tcp",
      `cannot listen on ${place.host}:${place.port}: ${explainSocket(cause)}`,
      { cause },
    );
  }
}

function carrierOf(socket: RawSocket, host: Host): Carrier {
  return new ByteStreamCarrier(socket.stream(), {
    transport: TransportId.TCP,
    name: "tcp",
    encrypted: false,
    remote: socket.remote,
    host,
  });
}
