/**
 * A network in a virtual world: paths, listeners, and carriers that a real client and a real server use.
 *
 * @module
 */
import {
  type Carrier,
  type CarrierBinding,
  type CarrierDialer,
  type CarrierDialOptions,
  type CarrierListener,
  type CarrierListenOptions,
  type DialTarget,
  type Host,
  NnrpTransportError,
  NnrpValueError,
  type PeerIdentity,
  TransportId,
} from "@nnrp/core";
import { VirtualHost } from "../time/virtual_host.ts";
import type { VirtualWorld } from "../time/virtual_world.ts";
import { dialVirtual } from "./dial.ts";
import { VirtualLink } from "./link.ts";
import type { MakeConnection, VirtualListener } from "./listener.ts";
import { MultiStreamConnection } from "./multi_stream_connection.ts";
import { StreamConnection } from "./stream_connection.ts";
import type { LinkWeather } from "./weather.ts";

/** What a carrier of a virtual network is like. */
export interface VirtualCarrierOptions {
  /** Path that it dials on, by name. Default `"main"`. Those who listen are reached on every path. */
  readonly link?: string;
  /** Port that it listens on. Default 4433, the port of addresses that name none. */
  readonly port?: number;
  /** Host that dials or listens with it, if it is not given by the `runtime` of the client or server. Default `"client"`, `"server"`. */
  readonly host?: VirtualHost;
  /** Address that this end is known by. Default: the name of its host. */
  readonly address?: string;
  /** Carrier name. Default `"virtual-stream"`, `"virtual-streams"`. Client and server must agree. */
  readonly name?: string;
  /** Transport id on the wire. Default TCP for one stream, QUIC for many. */
  readonly transport?: number;
  /** Whether bytes count as encrypted. Default true. */
  readonly encrypted?: boolean;
  /** Who the client proves to be. */
  readonly peerIdentity?: PeerIdentity;
  /** Whether the client leaves the server's certificate unchecked. Default false. */
  readonly unverified?: boolean;
  /** Whether bytes are read into the memory of the packet reader, as on Deno, or come in chunks, as on Node. Default false. */
  readonly readInto?: boolean;
  /** How long the system tries to connect, ms. Default 130,000. */
  readonly connectTimeoutMs?: number;
}

/** A carrier of a virtual network, for clients and servers. */
export interface VirtualCarrier extends CarrierDialer, CarrierBinding {
  /** Carrier name, for example `"tcp"`. */
  readonly name: string;
  /** Transport id on the wire. */
  readonly transport: number;
  /** Whether bytes count as encrypted. */
  readonly encrypted: boolean;
}

const DEFAULT_PORT = 4433;
const CONNECT_TIMEOUT_MS = 130_000;

/**
 * Makes a network.
 *
 * @param world Where it is.
 * @param weather Weather of its paths, until it is changed. Default: clear.
 */
export function virtualNetwork(world: VirtualWorld, weather: LinkWeather = {}): VirtualNetwork {
  return new VirtualNetwork(world, weather);
}

/** A network in a virtual world. */
export class VirtualNetwork {
  /** Where it is. */
  readonly world: VirtualWorld;
  readonly #weather: LinkWeather;
  readonly #links: Map<string, VirtualLink> = new Map();
  readonly #listeners: Map<string, VirtualListener> = new Map();
  #connections = 0;

  /** Makes a VirtualNetwork; {@linkcode virtualNetwork} does. */
  constructor(world: VirtualWorld, weather: LinkWeather) {
    this.world = world;
    this.#weather = weather;
    this.link("main"); // refuses weather that cannot be
  }

  /** The path of this name; made when it is first asked for. */
  link(name: string = "main"): VirtualLink {
    let link = this.#links.get(name);
    if (link === undefined) this.#links.set(name, link = new VirtualLink(this.world, name, this.#weather));
    return link;
  }

  /** All paths. */
  get links(): readonly VirtualLink[] {
    return [...this.#links.values()];
  }

  /** A carrier whose connections are one ordered stream of bytes, like TCP. */
  stream(options: VirtualCarrierOptions = {}): VirtualCarrier {
    return this.#carrier(
      options,
      { name: "virtual-stream", transport: TransportId.TCP },
      (path, info) => new StreamConnection(path, info),
    );
  }

  /** A carrier whose connections have many streams that overtake each other, like QUIC. */
  multiStream(options: VirtualCarrierOptions = {}): VirtualCarrier {
    return this.#carrier(
      options,
      { name: "virtual-streams", transport: TransportId.QUIC },
      (path, info) => new MultiStreamConnection(path, info),
    );
  }

  #carrier(
    options: VirtualCarrierOptions,
    defaults: { name: string; transport: number },
    make: MakeConnection,
  ): VirtualCarrier {
    const { name = defaults.name, transport = defaults.transport, encrypted = true } = options;
    const { peerIdentity, unverified = false, readInto = false } = options;
    return {
      name,
      transport,
      encrypted,
      dial: (target: DialTarget, dialOptions: CarrierDialOptions = {}): Promise<Carrier> => {
        const client = this.#host(dialOptions.runtime, options.host, "client");
        return dialVirtual({
          world: this.world,
          link: this.link(options.link),
          client,
          clientAddress: options.address ?? client.name,
          target,
          listener: () => this.#listeners.get(key(name, target.host, target.port)),
          nextConnection: () => ++this.#connections,
          make,
          info: { name, transport, encrypted, peerIdentity, unverified, readInto },
          connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
          signal: dialOptions.signal,
        });
      },
      listen: (accept, listenOptions: CarrierListenOptions = {}): Promise<CarrierListener> => {
        const host = this.#host(listenOptions.runtime, options.host, "server");
        return this.#listen(name, host, options, accept);
      },
    };
  }

  #listen(
    name: string,
    host: VirtualHost,
    options: VirtualCarrierOptions,
    accept: (carrier: Carrier) => void,
  ): Promise<CarrierListener> {
    const { address = host.name, port = DEFAULT_PORT } = options;
    const at = key(name, address, port);
    if (this.#listeners.get(at)?.isGone() === false) {
      return Promise.reject(
        new NnrpTransportError(name, `cannot listen on ${address}:${port}: address in use`),
      );
    }
    let isClosed = false;
    const listener: VirtualListener = { host, isGone: () => isClosed || host.isKilled, accept };
    this.#listeners.set(at, listener);
    const close = (): Promise<void> => {
      isClosed = true;
      return Promise.resolve();
    };
    return Promise.resolve({ name, host: address, port, close });
  }

  /** The host of one end: the one of the session, or the one that the carrier was made for. */
  #host(runtime: Host | undefined, own: VirtualHost | undefined, fallback: string): VirtualHost {
    if (own === undefined && runtime !== undefined && !(runtime instanceof VirtualHost)) {
      throw new NnrpValueError("a virtual network needs the time of its world", {
        field: "runtime",
        expected: `world.host("…")`,
      });
    }
    const host = own ?? (runtime as VirtualHost | undefined) ?? this.world.host(fallback);
    if (host.loop !== this.world.loop) {
      throw new NnrpValueError("a host of another world", { field: "runtime", actual: host.name });
    }
    return host;
  }
}

function key(name: string, address: string, port: number): string {
  return `${name}://${address}:${port}`;
}
