/**
 * A connection that is one ordered byte stream each way, as TCP's.
 *
 * @module
 */
import { type ByteStream, ByteStreamCarrier, type ByteStreamEvents, type Carrier } from "@nnrp/core";
import type { VirtualHost } from "../time/virtual_host.ts";
import { ArrivalCount, type ConnectionEnd } from "./arrival_count.ts";
import { BufferAccount } from "./buffer_account.ts";
import type { ConnectionInfo, ConnectionPath, VirtualConnection } from "./connection.ts";
import { Pipe } from "./pipe.ts";
import type { Wire } from "./wire.ts";

/** A connection of two byte streams. */
export class StreamConnection implements VirtualConnection {
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
  readonly #up: Pipe;
  readonly #down: Pipe;

  constructor(path: ConnectionPath, info: ConnectionInfo) {
    const { client, server } = path;
    this.id = path.id;
    this.carrier = info.name;
    this.client = client;
    this.server = server;
    const nowMs = path.up.loop.now();
    const arrivals = this.arrivals = { client: new ArrivalCount(nowMs), server: new ArrivalCount(nowMs) };
    this.#up = pipe(path.up, path.down, client, server, arrivals.server, () => this.#up);
    this.#down = pipe(path.down, path.up, server, client, arrivals.client, () => this.#down);
    const gone = (side: ConnectionEnd["side"]) => (by: ConnectionEnd["by"]) => {
      const { unreadBytes, arrivedBytes, lastArrivalMs } = arrivals[side];
      this.ends.push({ side, by, atMs: path.up.loop.now(), unreadBytes, arrivedBytes, lastArrivalMs });
      if (this.ends.length === 2) path.closed(this);
    };
    const { name, transport, encrypted } = info;
    const common = { name, transport, encrypted };
    this.clientCarrier = new ByteStreamCarrier(
      new StreamEnd(client, this.#up, this.#down, info.readInto, gone("client")),
      {
        ...common,
        remote: info.serverAddress,
        unverified: info.unverified,
        host: client,
      },
    );
    this.serverCarrier = new ByteStreamCarrier(
      new StreamEnd(server, this.#down, this.#up, info.readInto, gone("server")),
      {
        ...common,
        remote: info.clientAddress,
        peerIdentity: info.peerIdentity,
        host: server,
      },
    );
  }

  /** See {@linkcode VirtualConnection.cut}. */
  cut(reason: string = "connection reset by the network"): void {
    const cause = new Error(reason);
    this.#up.break(cause);
    this.#down.break(cause);
  }
}

/**
 * `self`: the pipe; its sender is notified by a reset that travels against it, if its receiver is gone and it
 * sends on.
 */
function pipe(
  wire: Wire,
  back: Wire,
  sender: VirtualHost,
  receiver: VirtualHost,
  arrivals: ArrivalCount,
  self: () => Pipe,
): Pipe {
  let wasReset = false;
  return new Pipe({
    wire,
    sender,
    receiver,
    arrivals,
    sendBuffer: new BufferAccount(() => wire.weather.sendBufferBytes),
    receiveBuffer: new BufferAccount(() => wire.weather.receiveBufferBytes),
    unwanted: () => {
      if (wasReset) return;
      wasReset = true;
      back.transit(wire.loop.now(), () => self().breakWriting(new Error("the other end is gone")));
    },
  });
}

/** One end of a byte stream. */
class StreamEnd implements ByteStream {
  readonly #host: VirtualHost;
  readonly #out: Pipe;
  readonly #in: Pipe;
  readonly #readInto: boolean;
  readonly #gone: (by: ConnectionEnd["by"]) => void;
  readonly #notKilled: () => void;
  #events: ByteStreamEvents | null = null;
  #isOver = false;

  constructor(
    host: VirtualHost,
    out: Pipe,
    incoming: Pipe,
    readInto: boolean,
    gone: (by: ConnectionEnd["by"]) => void,
  ) {
    this.#host = host;
    this.#out = out;
    this.#in = incoming;
    this.#readInto = readInto;
    this.#gone = gone;
    this.#notKilled = host.onKill(() => this.#end("killed"));
  }

  start(events: ByteStreamEvents): void {
    this.#events = events;
    this.#out.writer = events;
    this.#in.read({
      data: (chunk) => this.#readInto ? readInto(events, chunk) : events.data(chunk),
      ended: () => events.ended(),
      broke: (cause) => this.#end("network", cause),
    });
  }

  write(ranges: Uint8Array[]): void {
    this.#out.write(ranges);
  }

  pause(): void {
    this.#in.pause();
  }

  resume(): void {
    this.#in.resume();
  }

  shutdown(): void {
    this.#out.end();
  }

  destroy(): void {
    this.#end("itself");
  }

  /** This end is gone: by a failure of the connection, or because its owner lets go. */
  #end(by: ConnectionEnd["by"], cause?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#gone(by); // before what is unread is thrown away
    this.#notKilled();
    this.#out.abandon();
    this.#in.refuse();
    const events = this.#events;
    if (events !== null) this.#host.deliver(this.#host.now(), () => events.closed(cause));
  }
}

/** As sockets do that are asked for bytes: so many as the reader has room for, and the rest at the next reading. */
function readInto(events: ByteStreamEvents, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) {
    const target = events.target();
    const part = chunk.subarray(at, at + target.length);
    target.set(part);
    at += part.length;
    events.filled(part.length);
  }
}
