/**
 * What a peer can make a side hold: before its hello was accepted, in the middle of packets, and while nobody reads. And that
 * nothing of it depends on how the bytes are cut.
 *
 * @module
 */
import { ErrorCode, MAX_UNSHOWN_BYTES_BEFORE_HELLO, NnrpWireError } from "@nnrp/core";
import { assertEquals, assertInstanceOf, assertLess, assertLessOrEqual } from "@std/assert";
import { test } from "node:test";
import { until } from "../../../tests/support/raw_peer.ts";
import { patterned } from "@nnrp/testing/packets";
import { systemHost } from "@nnrp/runtime";
import { QuicCarrier } from "../src/quic_carrier.ts";
import { connectRaw, Heard, listening, MIB, openBidi, packet, pair, sendOn } from "./raw_quic.ts";

const KIB = 1024;
/** What Deno's QUIC takes of a stream that nobody reads, bytes. */
const STREAM_WINDOW = 1_250_000;
/** Largest read, bytes. */
const READ = 64 * KIB;

/** Ways to send more than a client may before its hello is accepted: with control silent, or with the hello being judged. */
const FLOODS: { name: string; hello: boolean; flood(conn: Deno.QuicConn): Promise<unknown> }[] = [
  {
    name: "frames on many streams",
    hello: false,
    flood: (conn) => onStreams(conn, 20, packet("submit", 1, patterned(60_000, 1))),
  },
  {
    name: "frames on one stream without end",
    hello: false,
    flood: async (conn) => {
      const writer = await sendOn(conn, packet("submit", 1, patterned(60_000, 1)), false);
      for (;;) await writer.write(packet("submit", 2, patterned(60_000, 1)));
    },
  },
  {
    name: "more streams with a small frame each than can be open at once",
    hello: false,
    flood: async (conn) => {
      for (let id = 1;; id++) await sendOn(conn, packet("submit", id));
    },
  },
  {
    name: "packets that are never whole on many streams",
    hello: false,
    flood: (conn) =>
      onStreams(conn, 20, packet("result", 1, patterned(60_000, 1)).subarray(0, 50_000), false),
  },
  {
    name: "the same on bidirectional streams",
    hello: false,
    flood: async (conn) => {
      for (let id = 1;; id++) {
        const { writer } = await openBidi(
          conn,
          packet("result", id, patterned(60_000, 1)).subarray(0, 50_000),
        );
        void writer.write(new Uint8Array(10_000)).catch(() => {});
      }
    },
  },
  {
    name: "frames while the hello is judged",
    hello: true,
    flood: (conn) => onStreams(conn, 20, packet("submit", 1, patterned(60_000, 1))),
  },
];

/** So many streams, each with these bytes. */
function onStreams(conn: Deno.QuicConn, count: number, bytes: Uint8Array, end = true): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, () => sendOn(conn, bytes, end)));
}

/** Chunks of a stream as the runtime would hand them out, and the moment at which all were taken. */
function played(chunks: Uint8Array[], id: bigint) {
  let taken = () => {};
  const done = new Promise<void>((resolve) => taken = resolve);
  const left = [...chunks];
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = left.shift();
      if (next === undefined) taken();
      else controller.enqueue(next);
    },
  }, { highWaterMark: 0 });
  return { stream: Object.assign(stream, { id }), done };
}

/** A server's carrier on a connection that is played. */
function scriptedServer() {
  let uni!: ReadableStreamDefaultController<ReadableStream<Uint8Array>>;
  let bidi!: ReadableStreamDefaultController<unknown>;
  let end!: (info: Deno.QuicCloseInfo) => void;
  const conn = {
    closed: new Promise<Deno.QuicCloseInfo>((done) => end = done),
    incomingUnidirectionalStreams: new ReadableStream({ start: (controller) => void (uni = controller) }),
    incomingBidirectionalStreams: new ReadableStream({ start: (controller) => void (bidi = controller) }),
    createUnidirectionalStream: () => Promise.resolve(Object.assign(new WritableStream(), { id: 3n })),
    close: (info: Deno.QuicCloseInfo) => end(info),
  } as unknown as Deno.QuicConn;
  const ours = new Heard(new QuicCarrier(conn, null, "somewhere:1", systemHost(), () => {}), false);
  return {
    ours,
    /** A unidirectional stream comes; resolves once every chunk of it was read. */
    uni(chunks: Uint8Array[]): Promise<void> {
      const { stream, done } = played(chunks, 2n);
      uni.enqueue(stream);
      return done;
    },
    /** Control comes. */
    control(chunks: Uint8Array[]): Promise<void> {
      const { stream, done } = played(chunks, 0n);
      bidi.enqueue({ readable: stream, writable: Object.assign(new WritableStream(), { id: 0n }) });
      return done;
    },
  };
}

/** Both in one. */
function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

test("a frame waits for control however its bytes are cut", async () => {
  const frame = packet("submit", 2, patterned(20, 1));
  const cuts = [
    ...Array.from({ length: frame.length - 1 }, (_, i) => [frame.subarray(0, i + 1), frame.subarray(i + 1)]),
    Array.from(frame, (_, i) => frame.subarray(i, i + 1)),
    [frame.subarray(0, 6), frame.subarray(6, 7), frame.subarray(7)],
    [joined(frame, packet("submit", 3).subarray(0, 5)), packet("submit", 3).subarray(5)],
    [joined(frame, packet("control", 4))],
  ];
  for (const chunks of cuts) {
    const { ours, uni, control } = scriptedServer();
    await uni(chunks);
    assertEquals(ours.frames, [], `cut into ${chunks.map((chunk) => chunk.length)}`);
    await control([packet("control", 1)]);
    await until(() => ours.frames.includes(2), "the frame");
    assertEquals(ours.frames.slice(0, 2), [1, 2], `cut into ${chunks.map((chunk) => chunk.length)}`);
    assertEquals(ours.bodies[1], patterned(20, 1));
    await ours.carrier.close({ graceful: false });
  }
});

test("what is held back comes whole and in order, also what ended meanwhile; while paused nothing is shown", async () => {
  const { ours, uni, control } = scriptedServer();
  const frames = Array.from({ length: 60 }, (_, i) => packet("submit", 100 + i, patterned(i * 100, i)));
  const bytes = joined(...frames);
  const chunks: Uint8Array[] = [];
  for (let at = 0, size = 1; at < bytes.length; at += size, size = size * 3 % 4001) {
    chunks.push(bytes.slice(at, at + size));
  }
  ours.carrier.pause();
  await Promise.all([uni(chunks), control([packet("control", 1), packet("control", 2)])]);
  assertEquals([ours.frames, ours.carrier.receivedBytes], [[], bytes.length + 80]);
  ours.carrier.resume();
  await until(() => ours.frames.length === 62, "all of it");
  const submits = ours.frames.filter((id) => id >= 100);
  assertEquals(submits, frames.map((_, i) => 100 + i));
  const bodies = ours.bodies.filter((_, i) => ours.frames[i] >= 100);
  bodies.forEach((body, i) => assertEquals(body, patterned(i * 100, i)));
  assertEquals(ours.events, []);
  await ours.carrier.close({ graceful: false });
});

if ("Deno" in globalThis) {
  for (const { name, hello, flood } of FLOODS) {
    test(`before the hello is accepted a connection holds little: ${name}`, async () => {
      const { port, next, listener } = await listening();
      const good = await connectRaw(port);
      await openBidi(good, packet("control", 1));
      const other = new Heard(await next());
      const conn = await connectRaw(port);
      if (hello) {
        await openBidi(conn, packet("control", 1));
      }
      const flooding = flood(conn).catch(() => {}); // it is cut
      const ours = new Heard(await next(), false);
      if (hello) ours.onPacket = () => ours.carrier.pause();
      await until(() => ours.info !== null, "the end");
      assertEquals([ours.events, ours.info!.code], [["fault", "closed"], ErrorCode.LIMIT_EXCEEDED]);
      assertInstanceOf(ours.fault_, NnrpWireError);
      const held = Number.parseInt(String(ours.fault_.actual));
      assertLessOrEqual(held, MAX_UNSHOWN_BYTES_BEFORE_HELLO + 2 * READ);
      assertEquals((await conn.closed).closeCode, ErrorCode.LIMIT_EXCEEDED);
      await flooding;
      await sendOn(good, packet("submit", 7));
      await until(() => other.frames.includes(7), "the other client's frame");
      good.close({ closeCode: 0, reason: "" });
      await until(() => other.info !== null, "the end");
      await listener.close();
    });
  }

  test("packets that are not whole take as much as two of the largest, however many streams; small ones pass them", async () => {
    const { port, next, listener } = await listening();
    const conn = await connectRaw(port);
    await openBidi(conn, packet("control", 1));
    const ours = new Heard(await next());
    ours.carrier.limits.maxBodyBytes = MIB;
    await until(() => ours.frames.length === 1, "the control stream");
    const streams = 30;
    const large = packet("submit", 5, patterned(MIB, 5));
    const writers = await Promise.all(
      Array.from({ length: streams }, () => sendOn(conn, large.subarray(0, large.length - 10), false)),
    );
    // Each of these came after the large ones and passes them, so those have had their time.
    for (let id = 100; id < 150; id++) {
      await sendOn(conn, packet("submit", id, patterned(2000, id)));
      await until(() => ours.frames.includes(id), "the small frame");
      assertLess(ours.carrier.receivedBytes, 2 * MIB + streams * 2 * READ + 50 * 4000);
    }
    assertEquals(ours.frames.length, 51);
    for (const writer of writers) {
      await writer.write(large.subarray(large.length - 10));
      await writer.close();
    }
    await until(() => ours.frames.length === 51 + streams, "all frames");
    for (const body of ours.bodies.slice(51)) assertEquals(body.length, MIB);
    assertEquals(ours.events, []);
    conn.close({ closeCode: 0, reason: "" });
    await until(() => ours.info !== null, "the end");
    await listener.close();
  });

  test("a peer that does not read: the runtimes keep what is documented, the rest waits, is counted, and goes once it reads", async () => {
    const maxUniStreams = 8;
    const { client, server, listener } = await pair({ maxUniStreams });
    await until(() => server.frames.length === 1, "the first packet");
    server.carrier.pause();
    const body = patterned(MIB, 3);
    const frames = 40;
    for (let id = 1; id <= frames; id++) client.send("submit", id, body);
    const total = client.carrier.bufferedBytes;
    assertLess(30 * MIB, total);
    const released = client.carrier.released();
    let drained = false;
    const draining = client.carrier.drained().then(() => drained = true);
    // What is paused still sends: each answer took a way over the network on which the frames could have gone, too.
    for (let id = 1; id <= 200; id++) {
      server.send("result", id, patterned(1000, id));
      await until(() => client.frames.length === id, "a result");
      const taken = total - client.carrier.bufferedBytes;
      assertLess(taken, maxUniStreams * (STREAM_WINDOW + 2 * READ));
    }
    assertEquals([drained, released !== null, server.frames.length], [false, true, 1]);
    server.carrier.resume();
    await Promise.all([released, draining]);
    assertEquals([client.carrier.bufferedBytes, client.carrier.released()], [0, null]);
    await until(() => server.frames.length === frames + 1, "all packets");
    await Promise.all([client, server].map((side) => side.carrier.close()));
    await listener.close();
  });
}
