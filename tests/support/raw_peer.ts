/**
 * A peer without a session: a plain socket that sends what a test wants and keeps what comes back. For tests of carriers,
 * clients and servers against peers that break rules.
 *
 * @module
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import {
  buildClientHello,
  type ClientHelloOptions,
  decodePacket,
  encodeClientHelloMetadata,
  encodePacket,
  enumName,
  makePacket,
  MessageType,
  type NnrpPacket,
  PacketReader,
} from "@nnrp/core";

/** Longest wait of a test for something that must come, ms; far beyond what it takes. */
const PATIENCE_MS = 20_000;

/** One end of a TCP connection, without any rules. */
export class RawPeer {
  /** Packets received and not taken by {@linkcode RawPeer.next}, in order. */
  readonly packets: NnrpPacket[] = [];
  /** Bytes received. */
  receivedBytes = 0;
  /** Resolves when the other side has finished sending. */
  readonly ended: Promise<void>;
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
  /** Whether it is gone. */
  isClosed = false;
  /** Whether the other side has finished sending. */
  isEnded = false;

  readonly #socket: Socket;
  readonly #reader: PacketReader;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new PacketReader(
      { maxMetadataBytes: 1 << 20, maxBodyBytes: 1 << 30, maxProbeBodyBytes: 1 << 30 },
      (cursor) => {
        this.packets.push(decodePacket(cursor.bytes.slice(cursor.offset, cursor.offset + cursor.length)));
        this.#wake();
      },
    );
    this.ended = new Promise((done) =>
      socket.on("end", () => {
        this.isEnded = true;
        done();
        this.#wake();
      })
    );
    this.closed = new Promise((done) =>
      socket.on("close", () => {
        this.isClosed = true;
        done();
        this.#wake();
      })
    );
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => {
      this.receivedBytes += chunk.length;
      this.#reader.push(new Uint8Array(chunk));
    });
  }

  /** Connects to a port of this machine. */
  static connect(port: number): Promise<RawPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new RawPeer(socket));
      });
    });
  }

  /** Connects and shakes hands; the answer stays in `packets` if it is not the ack. */
  static async shakeHands(port: number, options: ClientHelloOptions = {}): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    peer.send(helloPacket(options));
    await peer.next("SERVER_HELLO_ACK");
    return peer;
  }

  /** Sends packets or bytes as they are. False: the runtime wants the caller to wait for {@linkcode RawPeer.drained}. */
  send(...what: (NnrpPacket | Uint8Array)[]): boolean {
    let room = true;
    for (const item of what) {
      room = this.#socket.write(item instanceof Uint8Array ? item : encodePacket(item));
    }
    return room;
  }

  /** Resolves when what was sent has left, or the socket is gone. */
  drained(): Promise<void> {
    if (this.isClosed || this.#socket.writableLength === 0) return Promise.resolve();
    return new Promise((done) => {
      this.#socket.once("drain", done);
      this.#socket.once("close", done);
    });
  }

  /** Bytes that the runtime has not taken. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** The next packet; with a name, the next one of this type, and what came before it is dropped. */
  async next(name?: keyof typeof MessageType): Promise<NnrpPacket> {
    for (;;) {
      const packet = this.packets.shift();
      if (packet === undefined) {
        if (this.isEnded || this.isClosed) {
          throw new Error(`the connection ended before ${name ?? "a packet"} came`);
        }
        await this.change();
      } else if (name === undefined || packet.header.msgType === MessageType[name]) return packet;
    }
  }

  /** Resolves when a packet came or the connection ended; rejects after a long time. */
  change(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("nothing came")), PATIENCE_MS);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** All packets until the other side has finished sending, by name. */
  async rest(): Promise<string[]> {
    while (!this.isEnded && !this.isClosed) await this.change();
    return this.packets.splice(0).map((p) => enumName(MessageType, p.header.msgType));
  }

  /** Stops reading. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#socket.resume();
  }

  /** Finishes sending. */
  end(): void {
    this.#socket.end();
  }

  /** Goes away at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) call();
  }
}

/** A port at which raw peers arrive. */
export class RawServer {
  /** The port. */
  readonly port: number;
  readonly #server: Server;
  #arrived: RawPeer[] = [];
  #waiting: ((peer: RawPeer) => void)[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Listens on any free port. */
  static listen(): Promise<RawServer> {
    return new Promise((resolve) => {
      let raw: RawServer | null = null;
      const server = createServer({ allowHalfOpen: true }, (socket) => raw!.#arrive(new RawPeer(socket)));
      server.listen({ host: "127.0.0.1", port: 0 }, () => {
        raw = new RawServer(server, (server.address() as AddressInfo).port);
        resolve(raw);
      });
    });
  }

  /** The next connection. */
  accept(): Promise<RawPeer> {
    const peer = this.#arrived.shift();
    return peer !== undefined ? Promise.resolve(peer) : new Promise((done) => this.#waiting.push(done));
  }

  /** Stops listening. */
  close(): void {
    this.#server.close();
  }

  #arrive(peer: RawPeer): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(peer);
    else this.#arrived.push(peer);
  }
}

/** A CLIENT_HELLO of a client that cannot come back, as rc2's. */
export function helloPacket(options: ClientHelloOptions = {}): NnrpPacket {
  const { metadata, body } = buildClientHello({ migrationToken: false, ...options });
  const bytes = new Uint8Array(64);
  encodeClientHelloMetadata(metadata, new DataView(bytes.buffer), 0);
  return makePacket({ msgType: MessageType.CLIENT_HELLO, flags: 1, metadata: bytes, body });
}

/** Resolves once `holds` does; rejects after a long time, so that a test never waits for ever. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const startedMs = performance.now();
  while (!holds()) {
    if (performance.now() - startedMs > PATIENCE_MS) throw new Error(`waited in vain for: ${what}`);
    // fixed wait: between two looks at the condition
    await new Promise((done) => setTimeout(done, 2));
  }
}
