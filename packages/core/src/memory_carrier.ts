/**
 * Carriers that never leave the process: for users' own tests, and for ours, which may split bytes anywhere and deliver
 * them when they like. The same byte stream, packets and limits as TCP; no sockets, and timers only of a host that is given.
 *
 * @module
 */
import type { ByteStream, ByteStreamEvents } from "./byte_stream.ts";
import { ByteStreamCarrier } from "./byte_stream_carrier.ts";
import { guardListening } from "./callbacks.ts";
import type { Carrier, CarrierBinding, CarrierDialer, CarrierListener } from "./carrier.ts";
import { NnrpTransportError } from "./errors.ts";
import type { Host } from "./host.ts";
import { TransportId } from "./wire/enums.ts";

/** Options of {@linkcode memoryNetwork} and {@linkcode memoryPair}. */
export interface MemoryOptions {
  /** Runs a delivery later. Default: `queueMicrotask`. A test may keep the tasks and run them in its own order. */
  readonly schedule?: (task: () => void) => void;
  /** Cuts a batch of bytes into the chunks that arrive. Default: one chunk. */
  readonly split?: (bytes: Uint8Array) => readonly Uint8Array[];
  /**
   * Whose timers to use to end carriers whose peer does not close; `runtime` of a dial or listener comes
   * first. Default: none, and such carriers wait as long as it takes.
   */
  readonly runtime?: Host;
}

/** A place in memory where servers listen and clients dial. */
export interface MemoryNetwork extends CarrierDialer, CarrierBinding {
  /** `"memory"`. */
  readonly name: "memory";
  /** TransportId.TCP: the wire knows no other byte stream. */
  readonly transport: number;
  /** True: nobody can listen in. */
  readonly encrypted: true;
}

/**
 * A network of its own: `serve({ listen: [net] }, handler)` and `dialClient("nnrp://memory", { carriers: [net] })`.
 *
 * @param options How bytes travel.
 */
export function memoryNetwork(options: MemoryOptions = {}): MemoryNetwork {
  let accept: ((carrier: Carrier) => void) | null = null;
  let serverHost: Host | undefined;
  return {
    name: "memory",
    transport: TransportId.TCP,
    encrypted: true,
    dial(_target, dialOptions): Promise<Carrier> {
      if (accept === null) {
        return Promise.reject(
          new NnrpTransportError(
            "memory",
            "nobody listens on this memory network; call serve({ listen: [net] }) first",
          ),
        );
      }
      const [client, server] = connect(options, dialOptions?.runtime, serverHost);
      accept(server);
      return Promise.resolve(client);
    },
    listen(onCarrier, listenOptions): Promise<CarrierListener> {
      if (accept !== null) {
        return Promise.reject(new NnrpTransportError("memory", "somebody listens here already"));
      }
      accept = guardListening(onCarrier, listenOptions).accept;
      serverHost = listenOptions?.runtime;
      const close = () => {
        accept = null;
        return Promise.resolve();
      };
      return Promise.resolve({ name: "memory", host: "memory", port: 1, close });
    },
  };
}

/** Two connected carriers, client's and server's. */
export function memoryPair(options: MemoryOptions = {}): [Carrier, Carrier] {
  return connect(options, undefined, undefined);
}

function connect(
  options: MemoryOptions,
  client: Host | undefined,
  server: Host | undefined,
): [Carrier, Carrier] {
  const a = new MemoryStream(options);
  const b = new MemoryStream(options);
  a.peer = b;
  b.peer = a;
  const info = { transport: TransportId.TCP, name: "memory", encrypted: true };
  const { runtime } = options;
  return [
    new ByteStreamCarrier(a, { ...info, remote: "memory:server", host: client ?? runtime }),
    new ByteStreamCarrier(b, { ...info, remote: "memory:client", host: server ?? runtime }),
  ];
}

/** One end of a byte stream in memory. */
class MemoryStream implements ByteStream {
  peer: MemoryStream | null = null;
  readonly #schedule: (task: () => void) => void;
  readonly #split: (bytes: Uint8Array) => readonly Uint8Array[];
  #events: ByteStreamEvents | null = null;
  #paused = false;
  #closed = false;
  #ended = false;
  // What the peer wrote and this end has not taken yet, in order; null = the end of the stream.
  #inbox: ({ chunks: readonly Uint8Array[]; done: () => void } | null)[] = [];
  #due = false;

  constructor(options: MemoryOptions) {
    this.#schedule = options.schedule ?? ((task) => queueMicrotask(task)); // browsers want it called as their own
    this.#split = options.split ?? ((bytes) => [bytes]);
  }

  start(events: ByteStreamEvents): void {
    this.#events = events;
    this.#wake();
  }

  write(ranges: Uint8Array[]): void {
    const peer = this.peer!;
    if (this.#closed || peer.#closed) {
      this.#schedule(() => this.#events?.writeFailed(new Error("the other end is gone")));
      return;
    }
    let length = 0;
    for (const range of ranges) length += range.length;
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const range of ranges) {
      bytes.set(range, at);
      at += range.length;
    }
    peer.#inbox.push({ chunks: this.#split(bytes), done: () => this.#closed || this.#events!.written() });
    peer.#wake();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  shutdown(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.peer!.#inbox.push(null);
    this.peer!.#wake();
  }

  destroy(): void {
    if (this.#closed) return;
    this.shutdown();
    this.#closed = true;
    const lost = this.#inbox.length > 0;
    this.#inbox = [];
    const peer = this.peer!;
    if (lost) {
      this.#schedule(() => peer.#closed || peer.#events?.writeFailed(new Error("the other end is gone")));
    }
    this.#schedule(() => this.#events?.closed());
  }

  #wake(): void {
    if (this.#due || this.#closed || this.#events === null || this.#inbox.length === 0) return;
    this.#due = true;
    this.#schedule(() => {
      this.#due = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const events = this.#events!;
    while (!this.#paused && !this.#closed && this.#inbox.length > 0) {
      const item = this.#inbox.shift();
      if (item === null || item === undefined) {
        events.ended();
        continue;
      }
      for (const chunk of item.chunks) if (!this.#closed) events.data(chunk);
      item.done();
    }
  }
}
