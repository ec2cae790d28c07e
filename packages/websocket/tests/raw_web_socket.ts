/**
 * WebSocket peers without rules, for tests: they send whatever bytes a test wants and keep the frames that come back. Their codec is
 * written apart from the one under test.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Longest wait for something that must come, ms. */
const PATIENCE_MS = 20_000;
/** A key that is one. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** A frame as it came. */
export interface RawFrame {
  /** Low four bits of the first byte. */
  readonly opcode: number;
  /** High bit of the first byte. */
  readonly fin: boolean;
  /** Whether it was masked. */
  readonly masked: boolean;
  /** Unmasked. */
  readonly payload: Uint8Array;
}

/** How to make a frame. */
export interface FrameOptions {
  /** Default true. */
  readonly fin?: boolean;
  /** Three bits, default 0. */
  readonly rsv?: number;
  /** Default true: a client's frame. */
  readonly mask?: boolean;
  /** 7, 16 or 64 bits of length; default: as few as will do. */
  readonly bits?: 7 | 16 | 64;
  /** A length that lies. */
  readonly length?: bigint;
}

/** The bytes of a frame, right or wrong. */
export function frame(
  opcode: number,
  payload: Uint8Array | string = "",
  options: FrameOptions = {},
): Uint8Array {
  const body = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const { fin = true, rsv = 0, mask = true, length = BigInt(body.length) } = options;
  const bits = options.bits ?? (length < 126n ? 7 : length < 65536n ? 16 : 64);
  const head = [(fin ? 0x80 : 0) | rsv << 4 | opcode];
  head.push((mask ? 0x80 : 0) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127));
  for (let shift = bits === 7 ? -8 : bits - 8; shift >= 0; shift -= 8) {
    head.push(Number((length >> BigInt(shift)) & 0xffn));
  }
  const key = [0x37, 0xfa, 0x21, 0x3d];
  if (mask) head.push(...key);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  for (let i = 0; i < body.length; i++) bytes[head.length + i] = mask ? body[i] ^ key[i % 4] : body[i];
  return bytes;
}

/** Payload of a close frame. */
export function closePayload(code: number, reason: Uint8Array | string = ""): Uint8Array {
  const words = typeof reason === "string" ? new TextEncoder().encode(reason) : reason;
  return new Uint8Array([code >> 8, code & 0xff, ...words]);
}

/** All bytes in one row. */
export function row(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** One end of a connection: HTTP text first, frames later. */
export class RawWebSocket {
  /** Frames received and not taken. */
  readonly frames: RawFrame[] = [];
  /** Whether the other side finished sending, or the connection is gone. */
  ended = false;
  readonly #socket: Socket;
  #bytes = new Uint8Array(0);
  #framing = false;
  #wake: (() => void)[] = [];

  /** Takes a connected socket. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => {
      this.#bytes = row(this.#bytes, chunk) as Uint8Array<ArrayBuffer>;
      if (this.#framing) this.#cut();
      this.#changed();
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.ended = true;
        this.#changed();
      });
    }
  }

  /** Connects and says nothing. */
  static connect(port: number): Promise<RawWebSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new RawWebSocket(socket)));
    });
  }

  /** Connects and upgrades. */
  static async open(port: number): Promise<RawWebSocket> {
    const peer = await RawWebSocket.connect(port);
    peer.send(upgradeRequest());
    const head = await peer.head();
    if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(head);
    return peer;
  }

  /** Sends bytes or text as they are. */
  send(...parts: (Uint8Array | string)[]): void {
    for (const part of parts) this.#socket.write(part);
  }

  /** Resolves when what was sent has left. */
  drained(): Promise<void> {
    if (this.#socket.writableLength === 0) return Promise.resolve();
    return new Promise((done) => this.#socket.once("drain", done));
  }

  /** The HTTP head that comes, and from then on frames. Empty if the connection ended first. */
  async head(): Promise<string> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#bytes);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#bytes = this.#bytes.slice(end + 4);
        this.#framing = text.startsWith("GET") || text.startsWith("HTTP/1.1 101");
        if (this.#framing) this.#cut();
        return text.slice(0, end);
      }
      if (this.ended) return "";
      await this.change();
    }
  }

  /** Everything that came and is no frame, once the other side has ended. */
  async text(): Promise<string> {
    while (!this.ended) await this.change();
    return new TextDecoder().decode(this.#bytes);
  }

  /** The next frame; with an opcode, the next of this kind. */
  async next(opcode?: number): Promise<RawFrame> {
    for (;;) {
      const found = this.frames.shift();
      if (found === undefined) {
        if (this.ended) throw new Error("the connection ended before a frame came");
        await this.change();
      } else if (opcode === undefined || found.opcode === opcode) return found;
    }
  }

  /** Code of the close frame that comes. */
  async closeCode(): Promise<number> {
    const { payload } = await this.next(8);
    return payload.length < 2 ? 1005 : payload[0] << 8 | payload[1];
  }

  /** Resolves when the other side has finished sending. */
  async end(): Promise<void> {
    while (!this.ended) await this.change();
  }

  /** Resolves when something came. */
  change(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("nothing came")), PATIENCE_MS);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Finishes sending. */
  finish(): void {
    this.#socket.end();
  }

  /** Stops reading. */
  pause(): void {
    this.#socket.pause();
  }

  /** Goes away at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  #changed(): void {
    for (const call of this.#wake.splice(0)) call();
  }

  #cut(): void {
    for (;;) {
      const b = this.#bytes;
      if (b.length < 2) return;
      const masked = (b[1] & 0x80) !== 0;
      const short = b[1] & 0x7f;
      const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
      const start = 2 + extra + (masked ? 4 : 0);
      if (b.length < start) return;
      let length = short;
      if (extra > 0) {
        length = 0;
        for (let i = 0; i < extra; i++) length = length * 256 + b[2 + i];
      }
      if (b.length < start + length) return;
      const payload = b.slice(start, start + length);
      if (masked) { for (let i = 0; i < length; i++) payload[i] ^= b[start - 4 + i % 4]; }
      this.frames.push({ opcode: b[0] & 15, fin: (b[0] & 0x80) !== 0, masked, payload });
      this.#bytes = b.slice(start + length);
    }
  }
}

/** A request that is right but for what is said. */
export function upgradeRequest(
  options: { line?: string; fields?: Readonly<Record<string, string | null>> } = {},
): string {
  const fields: Record<string, string | null> = {
    host: "127.0.0.1",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": KEY,
    "sec-websocket-version": "13",
    ...options.fields,
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== null).map(([n, v]) =>
    `${n}: ${v}\r\n`
  );
  return `${options.line ?? "GET /nnrp HTTP/1.1"}\r\n${lines.join("")}\r\n`;
}

/** A port at which clients arrive and get what a test answers. */
export class RawWebSocketServer {
  /** The port. */
  readonly port: number;
  readonly #server: Server;
  readonly #arrived: RawWebSocket[] = [];
  readonly #waiting: ((peer: RawWebSocket) => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket: Socket) => {
      const peer = new RawWebSocket(socket);
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) waiting(peer);
      else this.#arrived.push(peer);
    });
  }

  /** Listens. */
  static listen(): Promise<RawWebSocketServer> {
    const server = createServer({ allowHalfOpen: true });
    return new Promise((resolve) =>
      server.listen({ host: "127.0.0.1", port: 0 }, () => resolve(new RawWebSocketServer(server)))
    );
  }

  /** The next connection. */
  accept(): Promise<RawWebSocket> {
    const peer = this.#arrived.shift();
    return peer === undefined ? new Promise((done) => this.#waiting.push(done)) : Promise.resolve(peer);
  }

  /** The next connection, upgraded. */
  async acceptOpen(): Promise<RawWebSocket> {
    const peer = await this.accept();
    peer.send(switching(await peer.head()));
    return peer;
  }

  /** Stops listening. */
  close(): void {
    this.#server.close();
  }
}

/** The right answer to a request. */
export function switching(request: string, extra = ""): string {
  const key = /sec-websocket-key: (\S+)/i.exec(request)?.[1] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n${extra}\r\n`;
}
