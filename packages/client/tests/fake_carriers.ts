/**
 * Carriers in memory under any name and transport, and what a test does at their other end: answers by its own script, or
 * stays silent. Dials may also wait for the test, or fail.
 *
 * @module
 */
import {
  type Carrier,
  type CarrierDialer,
  decodePacket,
  type DialScheme,
  type DialTarget,
  enumName,
  memoryPair,
  MessageType,
  type NnrpPacket,
  NnrpTransportError,
  PacketWriter,
} from "@nnrp/core";
import { ackFor } from "@nnrp/testing/engines";
import { errorPacket } from "@nnrp/testing/packets";

/** Quick, encrypted carriers of one transport. */
export const QUIC = 1;
/** The other transport. */
export const TCP = 2;

/** The server's end of a fake connection. */
export class FakePeer {
  /** Names of the packets received. */
  readonly heard: string[] = [];
  /** The packets. */
  readonly packets: NnrpPacket[] = [];
  /** Whether the client let go. */
  isClosed = false;
  /** The server's carrier. */
  readonly carrier: Carrier;
  readonly #writer: PacketWriter;

  constructor(carrier: Carrier, script: Script) {
    this.carrier = carrier;
    this.#writer = new PacketWriter(carrier);
    carrier.start({
      begin: () => {},
      packet: (cursor) => {
        const bytes = cursor.bytes.slice(cursor.offset, cursor.offset + cursor.length);
        const packet = decodePacket(bytes);
        this.packets.push(packet);
        this.heard.push(enumName(MessageType, cursor.msgType));
        script(packet, this);
      },
      turn: () => {},
      fault: () => {},
      end: () => void carrier.close(),
      closed: () => this.isClosed = true,
    });
  }

  /** Sends a packet. */
  send(packet: NnrpPacket): void {
    this.#writer.raw("control", packet);
  }

  /** Goes away at once. */
  drop(): void {
    void this.carrier.close({ graceful: false });
  }
}

/** What a server does with a packet. */
export type Script = (packet: NnrpPacket, peer: FakePeer) => void;

/** A server that never says a word. */
export const silent: Script = () => {};

/** A server that says yes to every hello and nothing else. */
export const welcoming: Script = (packet, peer) => {
  if (packet.header.msgType === MessageType.CLIENT_HELLO) peer.send(ackFor(packet));
};

/** A server that answers every first word with an ERROR that ends the connection. */
export function refusing(errorCode: number, retryAfterMs = 0): Script {
  return (_packet, peer) =>
    peer.send(errorPacket({ errorCode, errorScope: 0, isFatal: 1, retryAfterMs, relatedSessionId: 0 }, {
      sessionId: 0,
    }, "no"));
}

/** A dialer that a test watches. */
export interface FakeDialer extends CarrierDialer {
  /** Where it was told to dial, in order. */
  readonly dialled: DialTarget[];
  /** The server's ends of the connections it made. */
  readonly peers: FakePeer[];
  /** The client's ends. */
  readonly carriers: Carrier[];
  /** Signals of the dials. */
  readonly signals: AbortSignal[];
}

/** How a fake dialer behaves. */
export interface FakeOptions {
  /** TransportId. Default TCP. */
  readonly transport?: number;
  /** Default true. */
  readonly encrypted?: boolean;
  /** See CarrierDialer. */
  readonly portFamilies?: readonly string[];
  /** See CarrierDialer. */
  readonly schemes?: readonly DialScheme[];
  /** What its server does. Default {@linkcode welcoming}. */
  readonly script?: Script;
  /** Makes the connection instead of a pair with a script. */
  readonly connect?: (signal: AbortSignal) => Promise<Carrier>;
}

/** A dialer of this name. */
export function fakeDialer(name: string, options: FakeOptions = {}): FakeDialer {
  const { transport = TCP, encrypted = true, script = welcoming, portFamilies, schemes } = options;
  const fake: FakeDialer = {
    name,
    transport,
    encrypted,
    portFamilies,
    schemes,
    dialled: [],
    peers: [],
    carriers: [],
    signals: [],
    async dial(target, { signal } = {}) {
      fake.dialled.push(target);
      fake.signals.push(signal!);
      const carrier = options.connect === undefined ? pair() : await options.connect(signal!);
      fake.carriers.push(disguise(carrier, name, transport, encrypted));
      return carrier;
    },
  };
  const pair = () => {
    const [client, server] = memoryPair();
    fake.peers.push(new FakePeer(server, script));
    return client;
  };
  return fake;
}

/** A dialer that cannot connect. */
export function failing(name: string, transport: number = TCP): FakeDialer {
  const connect = () => Promise.reject(new NnrpTransportError(name, `${name} is broken`));
  return fakeDialer(name, { transport, connect });
}

/** A carrier under another name. */
export function disguise(carrier: Carrier, name: string, transport: number, encrypted = true): Carrier {
  return Object.assign(carrier as { name: string; transport: number; encrypted: boolean }, {
    name,
    transport,
    encrypted,
  }) as Carrier;
}

/** A promise with its handles. */
export class Later<T> {
  /** Settled by the test. */
  readonly promise: Promise<T>;
  /** Fulfils it. */
  resolve!: (value: T) => void;
  /** Rejects it. */
  reject!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => {});
  }
}

/** Lets everything happen that is due without a timer. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}
