/**
 * A QUIC connection without carrier or session, for tests of peers that break rules, and a sink that writes down what it hears.
 *
 * @module
 */
import {
  type Carrier,
  type CarrierListener,
  type CarrierListenOptions,
  type CarrierSink,
  type CloseInfo,
  encodePacket,
  type Lane,
  makePacket,
  MessageType,
} from "@nnrp/core";
import { type DevCertificates, makeDevCertificates } from "../../../tests/support/test_certificates.ts";
import { quic, type QuicOptions } from "../mod.ts";

/** One mebibyte. */
export const MIB = 1024 * 1024;

let made: Promise<DevCertificates> | undefined;
/** One set of certificates for all tests of a file. */
export function certificates(): Promise<DevCertificates> {
  return made ??= makeDevCertificates();
}

/** A carrier that writes down what it hears. */
export class Heard implements CarrierSink {
  readonly carrier: Carrier;
  readonly frames: number[] = [];
  readonly lanes: Lane[] = [];
  readonly streams: number[] = [];
  readonly bodies: Uint8Array[] = [];
  readonly events: string[] = [];
  fault_: Error | null = null;
  info: CloseInfo | null = null;
  onPacket: ((frameId: number) => void) | null = null;

  /** `accepted`: with the limits of a session rather than those before its hello. */
  constructor(carrier: Carrier, accepted = true) {
    this.carrier = carrier;
    if (accepted) {
      carrier.limits.maxBodyBytes = 64 * MIB;
      carrier.limits.maxUnshownBytes = Infinity;
    }
    carrier.start(this);
  }
  begin(): void {}
  packet(cursor: Parameters<CarrierSink["packet"]>[0], lane: Lane, streamId: number): void {
    this.frames.push(cursor.frameId);
    this.lanes.push(lane);
    this.streams.push(streamId);
    this.bodies.push(cursor.body());
    this.onPacket?.(cursor.frameId);
  }
  turn(): void {}
  fault(error: Error): void {
    this.fault_ = error;
    this.events.push("fault");
  }
  end(): void {
    this.events.push("end");
  }
  closed(info: CloseInfo): void {
    this.info = info;
    this.events.push("closed");
  }
  send(lane: Lane, frameId: number, body: Uint8Array = new Uint8Array(0), last = true): void {
    const out = this.carrier.begin(lane, frameId, 0);
    const head = packet(lane, frameId, body).subarray(0, 40);
    const at = out.reserve(40);
    out.bytes.set(head, at);
    out.append(body);
    this.carrier.commit(lane, frameId, 0, last);
  }
}

const TYPES = {
  control: MessageType.CLOSE,
  submit: MessageType.FRAME_SUBMIT,
  result: MessageType.RESULT_PUSH,
} as const;

/** A packet of a type that travels on the lane. */
export function packet(lane: Lane, frameId: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  return encodePacket(makePacket({ msgType: TYPES[lane], frameId, body }));
}

/** A listener of ours whose connections can be waited for. */
export interface Listening {
  readonly listener: CarrierListener;
  readonly port: number;
  /** The next accepted carrier. */
  next(): Promise<Carrier>;
}

/** Listens with the test certificates. */
export async function listening(
  options: QuicOptions = {},
  listenOptions?: CarrierListenOptions,
): Promise<Listening> {
  const { cert, key } = await certificates();
  const came: Carrier[] = [];
  const waiting: ((carrier: Carrier) => void)[] = [];
  const listener = await quic({ port: 0, cert, key, ...options }).listen((carrier) => {
    const first = waiting.shift();
    if (first === undefined) came.push(carrier);
    else first(carrier);
  }, listenOptions);
  const next = (): Promise<Carrier> => {
    const first = came.shift();
    return first === undefined ? new Promise((done) => waiting.push(done)) : Promise.resolve(first);
  };
  return { listener, port: listener.port, next };
}

/** Two connected carriers that write down what they hear. */
export async function pair(
  options: QuicOptions = {},
): Promise<{ client: Heard; server: Heard; listener: CarrierListener }> {
  const { listener, port, next } = await listening(options);
  const { ca } = await certificates();
  const client = new Heard(await quic({ caCerts: [ca] }).dial({ host: "127.0.0.1", port }));
  // A server hears of a client once its control stream carries something.
  client.send("control", 0);
  const server = new Heard(await next());
  return { client, server, listener };
}

/** A raw connection to a port. */
export async function connectRaw(port: number, alpnProtocols: string[] = ["nnrp/1"]): Promise<Deno.QuicConn> {
  const { ca } = await certificates();
  const conn = await Deno.connectQuic({
    hostname: "127.0.0.1",
    port,
    alpnProtocols,
    caCerts: [ca],
    maxConcurrentUnidirectionalStreams: 1000,
  });
  conn.closed.catch(() => {});
  return conn;
}

// Deno ends a stream that nobody refers to once the collector finds it: what a test opens lives as long as its connection.
const kept = new WeakMap<Deno.QuicConn, unknown[]>();

function keep<T>(conn: Deno.QuicConn, stream: T): T {
  const streams = kept.get(conn);
  if (streams === undefined) kept.set(conn, [stream]);
  else streams.push(stream);
  return stream;
}

/** Opens a bidirectional stream and sends bytes on it; the first one is control. It stays open. */
export async function openBidi(
  conn: Deno.QuicConn,
  bytes: Uint8Array,
): Promise<{ control: Deno.QuicBidirectionalStream; writer: WritableStreamDefaultWriter<Uint8Array> }> {
  const control = keep(conn, await conn.createBidirectionalStream({ waitUntilAvailable: true }));
  const writer = keep(conn, control.writable.getWriter());
  writer.closed.catch(() => {});
  await writer.write(bytes);
  return { control, writer };
}

/** A listener without rules. */
export async function listenRaw(): Promise<{ port: number; next(): Promise<Deno.QuicConn>; close(): void }> {
  const { cert, key } = await certificates();
  const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
  const listener = endpoint.listen({ cert, key, alpnProtocols: ["nnrp/1"] });
  return {
    port: endpoint.addr.port,
    async next() {
      const conn = await (await listener.incoming()).accept();
      conn.closed.catch(() => {});
      return conn;
    },
    close() {
      listener.stop();
      endpoint.close();
    },
  };
}

/** Sends bytes on a fresh unidirectional stream; `end`: FIN after them. */
export async function sendOn(
  conn: Deno.QuicConn,
  bytes: Uint8Array,
  end = true,
): Promise<WritableStreamDefaultWriter<Uint8Array>> {
  const writer = (await conn.createUnidirectionalStream({ waitUntilAvailable: true })).getWriter();
  writer.closed.catch(() => {});
  if (!end) keep(conn, writer);
  if (bytes.length > 0) await writer.write(bytes);
  if (end) await writer.close();
  return writer;
}

/** All bytes of a stream until its end. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}
