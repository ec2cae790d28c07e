/**
 * A connection with many streams each way, as QUIC's: control both ways, a stream for each frame, each with a pace of its own.
 *
 * @module
 */
import type { Carrier } from "@nnrp/core";
import type { VirtualHost } from "../time/virtual_host.ts";
import { ArrivalCount, type ConnectionEnd } from "./arrival_count.ts";
import { BufferAccount } from "./buffer_account.ts";
import type { ConnectionInfo, ConnectionPath, VirtualConnection } from "./connection.ts";
import { MultiStreamCarrier } from "./multi_stream_carrier.ts";
import { Pipe } from "./pipe.ts";
import type { StreamsEnd, StreamsEvents } from "./streams_end.ts";
import type { Wire } from "./wire.ts";

/** A connection with many streams. */
export class MultiStreamConnection implements VirtualConnection {
  /** Its number. */
  readonly id: number;
  /** Carrier name, for example `"tcp"`. */
  readonly carrier: string;
  /** Who dialled. */
  readonly client: VirtualHost;
  /** Who listened. */
  readonly server: VirtualHost;
  /** The client's end. */
  readonly clientCarrier: Carrier;
  /** The server's end. */
  readonly serverCarrier: Carrier;
  /** See {@linkcode VirtualConnection.arrivals}. */
  readonly arrivals: { readonly client: ArrivalCount; readonly server: ArrivalCount };
  /** See {@linkcode VirtualConnection.ends}. */
  readonly ends: ConnectionEnd[] = [];
  readonly #ends: readonly [End, End];

  constructor(path: ConnectionPath, info: ConnectionInfo) {
    const { client, server } = path;
    this.id = path.id;
    this.carrier = info.name;
    this.client = client;
    this.server = server;
    const nowMs = path.up.loop.now();
    const arrivals = this.arrivals = { client: new ArrivalCount(nowMs), server: new ArrivalCount(nowMs) };
    const gone = (side: ConnectionEnd["side"]) => (by: ConnectionEnd["by"]) => {
      const { unreadBytes, arrivedBytes, lastArrivalMs } = arrivals[side];
      this.ends.push({ side, by, atMs: path.up.loop.now(), unreadBytes, arrivedBytes, lastArrivalMs });
      if (this.ends.length === 2) path.closed(this);
    };
    const a = new End(client, path.up, true, arrivals.client, gone("client"));
    const b = new End(server, path.down, false, arrivals.server, gone("server"));
    a.peer = b;
    b.peer = a;
    this.#ends = [a, b];
    const clientInfo = { ...info, remote: info.serverAddress, peerIdentity: undefined };
    const serverInfo = { ...info, remote: info.clientAddress, unverified: false };
    this.clientCarrier = new MultiStreamCarrier(a, clientInfo);
    this.serverCarrier = new MultiStreamCarrier(b, serverInfo);
  }

  /** See {@linkcode VirtualConnection.cut}. */
  cut(reason: string = "connection lost by the network"): void {
    for (const end of this.#ends) end.lose("network", 0, "", new Error(reason));
  }
}

/** One end. */
class End implements StreamsEnd {
  readonly host: VirtualHost;
  readonly isClient: boolean;
  peer: End | null = null;
  events: StreamsEvents | null = null;
  #early: [number, boolean, Pipe][] = []; // streams that the peer opened before this end had a carrier
  readonly #wire: Wire;
  readonly #gone: (by: ConnectionEnd["by"]) => void;
  readonly #arrivals: ArrivalCount; // at this end
  readonly #sendBuffer: BufferAccount;
  readonly #receiveBuffer: BufferAccount; // of the peer
  readonly #notKilled: () => void;
  #streams = 0;
  #isOver = false;

  constructor(
    host: VirtualHost,
    wire: Wire,
    isClient: boolean,
    arrivals: ArrivalCount,
    gone: (by: ConnectionEnd["by"]) => void,
  ) {
    this.#arrivals = arrivals;
    this.host = host;
    this.isClient = isClient;
    this.#wire = wire;
    this.#gone = gone;
    this.#sendBuffer = new BufferAccount(() => wire.weather.sendBufferBytes);
    this.#receiveBuffer = new BufferAccount(() => wire.weather.receiveBufferBytes);
    this.#notKilled = host.onKill(() => this.#disconnect("killed", 0, "the process is gone"));
  }

  listen(events: StreamsEvents): void {
    this.events = events;
    for (const [id, isControl, pipe] of this.#early.splice(0)) events.opened(id, isControl, pipe);
  }

  open(isControl: boolean): { readonly id: number; readonly pipe: Pipe } {
    const id = isControl ? 0 : ++this.#streams * 4 - (this.isClient ? 2 : 1);
    const wire = this.#wire;
    const peer = this.peer!;
    // Control has room of its own: frames that wait for it must not fill its place.
    const pipe = new Pipe({
      wire,
      sender: this.host,
      receiver: peer.host,
      sendBuffer: isControl ? new BufferAccount(() => wire.weather.sendBufferBytes) : this.#sendBuffer,
      receiveBuffer: isControl
        ? new BufferAccount(() => wire.weather.receiveBufferBytes)
        : this.#receiveBuffer,
      arrivals: peer.#arrivals,
      unwanted: () => {}, // the end of the connection tells
      isOver: () => this.#isOver || peer.#isOver,
      isReaderOver: () => peer.#isOver,
    });
    if (peer.events === null) peer.#early.push([id, isControl, pipe]);
    else peer.events.opened(id, isControl, pipe);
    return { id, pipe };
  }

  finish(): void {
    const streams = this.#streams;
    this.#tell((events) => events.finished(streams));
  }

  confirm(): void {
    this.#tell((events) => events.confirmed());
  }

  disconnect(code: number, reason: string): void {
    this.#disconnect("itself", code, reason);
  }

  #disconnect(by: ConnectionEnd["by"], code: number, reason: string): void {
    if (this.#isOver) return;
    const peer = this.peer!;
    this.#wire.transit(this.host.now(), () => peer.lose("peer", code, reason));
    this.lose(by, code, reason);
  }

  /** The connection is gone for this end. */
  lose(by: ConnectionEnd["by"], code: number, reason: string, cause?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#gone(by);
    this.#notKilled();
    this.host.deliver(this.host.now(), () => this.events?.gone(code, reason, cause));
  }

  /** Tells the peer something that is no byte of a stream. */
  #tell(what: (events: StreamsEvents) => void): void {
    const peer = this.peer!;
    this.#wire.transit(this.host.now(), () => {
      if (peer.#isOver) return;
      peer.host.deliver(peer.host.now(), () => {
        if (!peer.#isOver && peer.events !== null) what(peer.events);
      });
    });
  }
}
