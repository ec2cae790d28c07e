/**
 * The bare peer on QUIC, Deno only: one unidirectional stream per frame, both ways, opened when it is needed, ended with the
 * frame. The results of a stream request share one stream; with the word `streams` first each has its own.
 * `server` prints its port; `client PORT` measures.
 *
 * @module
 */
import {
  HEAD,
  ID,
  KIND,
  LARGE,
  LENGTH,
  type OnFrame,
  STREAM,
  sumHead,
  WANTED,
  writeHead,
} from "./bare_frame.ts";
import { answer, Client } from "./bare_load.ts";
import type { FrameWriter } from "./bare_writer.ts";
import { benchCertificates } from "./certificates.ts";
import { control } from "./control.ts";

/** ALPN name of this peer. */
const ALPN = "bare";
/** Bytes per read. */
const READ = 64 * 1024;
/** Streams that may be on their way to being opened. */
const MAX_OPENING = 256;
const LIMITS = {
  maxConcurrentUnidirectionalStreams: 4096,
  maxIdleTimeout: 120_000,
  keepAliveInterval: 10_000,
};

/** The sum of all heads read: it keeps the reads from being optimised away. */
export let checksum = 0;

/** Sends frames, each on a stream of its own; results of one request share one if `shared`. */
class StreamWriter implements FrameWriter {
  readonly #conn: Deno.QuicConn;
  readonly #shared: boolean;
  #waiting: Uint8Array[][] = [];
  #opening = 0;
  #parts: Uint8Array[] = []; // of the stream that is being collected
  #bytes = new Uint8Array(0);
  #at = 0;

  constructor(conn: Deno.QuicConn, shared: boolean) {
    this.#conn = conn;
    this.#shared = shared;
  }

  frame(kind: number, id: number, wanted: number, bytes: Uint8Array, start: number, length: number): void {
    const body = bytes.subarray(start, start + length);
    const more = this.#shared && kind === STREAM && wanted > 1;
    if (length >= LARGE) {
      writeHead(new DataView(this.#room(HEAD).buffer), this.#at - HEAD, kind, id, length, wanted);
      this.#cut();
      this.#parts.push(body);
    } else {
      const room = this.#room(HEAD + length, more);
      const at = this.#at - HEAD - length;
      writeHead(new DataView(room.buffer), at, kind, id, length, wanted);
      room.set(body, at + HEAD);
    }
    if (more) return;
    this.#cut();
    this.#bytes = new Uint8Array(0);
    this.#at = 0;
    this.#send(this.#parts);
    this.#parts = [];
  }

  #from = 0;
  #room(size: number, more = false): Uint8Array {
    if (this.#at + size > this.#bytes.length) {
      this.#cut();
      this.#bytes = new Uint8Array(more ? READ : size);
      this.#at = this.#from = 0;
    }
    this.#at += size;
    return this.#bytes;
  }

  #cut(): void {
    if (this.#at > this.#from) this.#parts.push(this.#bytes.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  #send(parts: Uint8Array[]): void {
    if (this.#opening >= MAX_OPENING) this.#waiting.push(parts);
    else this.#open(parts).catch(() => {});
  }

  async #open(parts: Uint8Array[]): Promise<void> {
    this.#opening++;
    const stream = await this.#conn.createUnidirectionalStream({ waitUntilAvailable: true });
    this.#opening--;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#open(next).catch(() => {});
    const writer = stream.getWriter();
    for (const part of parts) writer.write(part).catch(() => {});
    await writer.close();
  }
}

/** Reads all streams of a connection. */
async function receive(conn: Deno.QuicConn, onFrame: OnFrame): Promise<void> {
  const streams = conn.incomingUnidirectionalStreams.getReader();
  for (;;) {
    const { value, done } = await streams.read();
    if (done) return;
    read(value, onFrame).catch(() => {});
  }
}

const pool: ArrayBuffer[] = [];

/** Reads one stream; a frame that spans reads is assembled once. */
async function read(stream: Deno.QuicReceiveStream, onFrame: OnFrame): Promise<void> {
  const reader = stream.getReader({ mode: "byob" });
  let part: Uint8Array | null = null; // of a frame
  let have = 0;
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(pool.pop() ?? new ArrayBuffer(READ)));
    if (done) return;
    let at = 0;
    while (part !== null && at < value.length) {
      const take = Math.min(part.length - have, value.length - at);
      part.set(value.subarray(at, at + take), have);
      have += take;
      at += take;
      if (have < part.length) break;
      const whole: Uint8Array = part;
      const total = HEAD + new DataView(whole.buffer).getUint32(LENGTH, true);
      if (total > whole.length) {
        part = new Uint8Array(total);
        part.set(whole);
      } else {
        part = null;
        emit(whole, new DataView(whole.buffer), 0, total, onFrame);
      }
    }
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    while (value.length - at >= HEAD) {
      const total = HEAD + view.getUint32(LENGTH + at, true);
      if (value.length - at < total) break;
      emit(value, view, at, total, onFrame);
      at += total;
    }
    if (at < value.length) {
      const rest = value.length - at;
      part = new Uint8Array(rest < HEAD ? HEAD : HEAD + view.getUint32(LENGTH + at, true));
      part.set(value.subarray(at));
      have = rest;
    }
    if (pool.length < 64) pool.push(value.buffer);
  }
}

function emit(bytes: Uint8Array, view: DataView, at: number, total: number, onFrame: OnFrame): void {
  checksum = (checksum + sumHead(view, at)) % 0x40000000;
  const kind = view.getUint32(at + KIND, true);
  onFrame(
    kind,
    view.getUint32(at + ID, true),
    view.getUint32(at + WANTED, true),
    bytes,
    at + HEAD,
    total - HEAD,
  );
}

const shared = Deno.args[0] !== "streams";
const [role, port] = Deno.args.slice(shared ? 0 : 1);
const { ca, cert, key } = await benchCertificates();

if (role === "server") {
  const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
  const listener = endpoint.listen({ cert, key, alpnProtocols: [ALPN], ...LIMITS });
  (async () => {
    for (;;) {
      const conn = await (await listener.incoming()).accept();
      conn.closed.catch(() => {});
      receive(conn, answer(new StreamWriter(conn, shared))).catch(() => {});
    }
  })();
  await control({ port: endpoint.addr.port }, () => Promise.reject(new Error("a server takes no jobs")));
} else {
  const conn = await Deno.connectQuic({
    hostname: "127.0.0.1",
    port: Number(port),
    alpnProtocols: [ALPN],
    caCerts: [ca],
    ...LIMITS,
  });
  const client = new Client(new StreamWriter(conn, false), () => {});
  receive(conn, client.onFrame).catch(() => {});
  await control({ ready: true }, (job) => client.run(job));
}
