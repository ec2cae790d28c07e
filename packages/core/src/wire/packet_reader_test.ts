import { assert, assertEquals, assertInstanceOf, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { bytesOf, headerBytes, join, patterned } from "@nnrp/testing/packets";
import type { CarrierLimits } from "../carrier.ts";
import { NnrpWireError } from "../errors.ts";
import { MessageType } from "./enums.ts";
import { READ_BUFFER_LARGE, READ_BUFFER_SMALL, READ_FIRST_GRANT, READ_OWN_MEMORY } from "./limits.ts";
import type { PacketCursor } from "./packet_cursor.ts";
import { PacketReader } from "./packet_reader.ts";

const KIB = 1024;
const MIB = 1024 * 1024;

function limits(overrides: Partial<CarrierLimits> = {}): CarrierLimits {
  return { maxMetadataBytes: 4096, maxBodyBytes: 32 * MIB, maxProbeBodyBytes: MIB, ...overrides };
}

/** How bytes come in: in chunks the reader may keep, or read into the reader's own memory. */
type Mode = "push" | "fill";
const MODES: readonly Mode[] = ["push", "fill"];

/** Gives bytes to a reader as one piece or, where its target is smaller, as several. */
function feed(reader: PacketReader, mode: Mode, bytes: Uint8Array): void {
  if (mode === "push") {
    if (bytes.length > 0) reader.push(bytes.slice());
    return;
  }
  for (let at = 0; at < bytes.length;) {
    const target = reader.target();
    assert(target.length > 0, "a target is never empty");
    const take = Math.min(target.length, bytes.length - at);
    target.set(bytes.subarray(at, at + take));
    reader.filled(take);
    at += take;
  }
}

/** A reader that copies each packet it shows. */
function copier(overrides: Partial<CarrierLimits> = {}): { reader: PacketReader; packets: Uint8Array[] } {
  const packets: Uint8Array[] = [];
  const reader = new PacketReader(
    limits(overrides),
    (c) => packets.push(c.bytes.slice(c.offset, c.offset + c.length)),
  );
  return { reader, packets };
}

/** Cuts at the given places. */
function cut(bytes: Uint8Array, borders: readonly number[]): Uint8Array[] {
  const at = [...new Set(borders.filter((b) => b > 0 && b < bytes.length))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
}

const SMALL_STREAM: readonly Uint8Array[] = [
  bytesOf({ msgType: MessageType.PING, traceId: 7n }),
  bytesOf({ msgType: MessageType.CLOSE, body: patterned(5, 1) }),
  bytesOf({
    msgType: MessageType.FRAME_SUBMIT,
    frameId: 9,
    metadata: patterned(72, 2),
    body: patterned(61, 3),
  }),
  bytesOf({ msgType: MessageType.RESULT_DROP, frameId: 9 }),
  bytesOf({ msgType: MessageType.RESULT_PUSH, frameId: 0xffffffff, metadata: patterned(64, 4) }),
];

const sizes = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: READ_BUFFER_SMALL - 60, max: READ_BUFFER_SMALL + 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: READ_OWN_MEMORY - 200, max: READ_OWN_MEMORY + 200 }) },
  { weight: 1, arbitrary: fc.integer({ min: READ_BUFFER_LARGE - 200, max: READ_BUFFER_LARGE + 200 }) },
);
const packet = fc.record({
  msgType: fc.constantFrom(...Object.values(MessageType)),
  meta: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 90 })),
  body: sizes,
  frameId: fc.nat(0xffffffff),
}).map(({ msgType, meta, body, frameId }) =>
  bytesOf({ msgType, frameId, metadata: patterned(meta, frameId), body: patterned(body, frameId + 1) })
);
const stream = fc.array(packet, { minLength: 1, maxLength: 12 });

for (const mode of MODES) {
  test(`${mode}: every split in two gives the same packets`, () => {
    const bytes = join(SMALL_STREAM);
    for (let at = 0; at <= bytes.length; at++) {
      const { reader, packets } = copier();
      feed(reader, mode, bytes.subarray(0, at));
      feed(reader, mode, bytes.subarray(at));
      assertEquals(packets, [...SMALL_STREAM], `split at ${at}`);
      assertEquals(reader.pendingBytes, 0);
    }
  });

  test(`${mode}: one byte at a time gives the same packets, each with its last byte`, () => {
    const { reader, packets } = copier();
    let whole = 0;
    for (const expected of SMALL_STREAM) {
      for (let at = 0; at < expected.length; at++) {
        assertEquals(packets.length, whole);
        feed(reader, mode, expected.subarray(at, at + 1));
        assertEquals(reader.pendingBytes, at + 1 === expected.length ? 0 : at + 1);
      }
      whole++;
    }
    assertEquals(packets, [...SMALL_STREAM]);
  });

  test(`${mode}: packets of any size, cut anywhere, come out whole and in order`, () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 24 }), (sent, borders) => {
        const bytes = join(sent);
        const { reader, packets } = copier();
        for (const piece of cut(bytes, borders.map((b) => b % bytes.length))) feed(reader, mode, piece);
        assertEquals(packets.length, sent.length);
        for (let i = 0; i < sent.length; i++) assertEquals(packets[i], sent[i]);
        assertEquals(reader.pendingBytes, 0);
      }),
      { numRuns: 60 },
    );
  });

  test(`${mode}: a stream that ends inside a packet says how many of its bytes came`, () => {
    const whole = SMALL_STREAM[2];
    for (let have = 0; have < whole.length; have++) {
      const { reader, packets } = copier();
      feed(reader, mode, SMALL_STREAM[0]);
      feed(reader, mode, whole.subarray(0, have));
      assertEquals([packets.length, reader.pendingBytes], [1, have]);
    }
  });

  test(`${mode}: a header is judged with its 40th byte, and what came before it is shown`, () => {
    const faults: [string, Parameters<typeof headerBytes>[0]][] = [
      ["header.magic", { magic: "NNRQ" }],
      ["header.wire_format", { format: 1 }],
      ["header.header_len", { headerLen: 41 }],
      ["header.header_len", { headerLen: 0 }],
      ["header.msg_type", { type: 0x07 }],
      ["header.msg_type", { type: 0 }],
      ["header.msg_type", { type: 255 }],
      ["header.meta_len", { meta: 4097 }],
      ["header.body_len", { body: 32 * MIB + 1 }],
      ["header.meta_len", { meta: 0xffffffff, body: 0xffffffff }],
    ];
    for (const [field, fault] of faults) {
      const bad = headerBytes(fault);
      const { reader, packets } = copier();
      feed(reader, mode, join([SMALL_STREAM[1], bad.subarray(0, 39)]));
      assertEquals(packets.length, 1);
      const error = assertThrows(() => feed(reader, mode, bad.subarray(39)), NnrpWireError);
      assertEquals([error.field, error.stage], [field, "framing"]);
      assertEquals(error.limit, "meta" in fault || "body" in fault, field);

      const atOnce = copier();
      assertThrows(() => feed(atOnce.reader, mode, join([...SMALL_STREAM, bad])), NnrpWireError);
      assertEquals(atOnce.packets, [...SMALL_STREAM]);
    }
  });

  test(`${mode}: all 256 message types, known ones pass and no other`, () => {
    const known = new Set<number>(Object.values(MessageType));
    for (let type = 0; type < 256; type++) {
      const { reader, packets } = copier();
      const read = () => feed(reader, mode, headerBytes({ type }));
      if (known.has(type)) read();
      else assertThrows(read, NnrpWireError, "msg_type");
      assertEquals(packets.length, known.has(type) ? 1 : 0);
    }
  });

  test(`${mode}: any version and any flag bits pass`, () => {
    for (const version of [0, 2, 9, 255]) {
      const { reader, packets } = copier();
      const header = headerBytes({ version });
      header.fill(0xff, 8, 12);
      feed(reader, mode, header);
      assertEquals(packets, [header]);
    }
  });

  test(`${mode}: limits hold to the byte and may change while the stream runs`, () => {
    const current = limits({ maxMetadataBytes: 10, maxBodyBytes: 100, maxProbeBodyBytes: 200 });
    let shown = 0;
    const reader = new PacketReader(current, () => shown++);
    const submit = MessageType.FRAME_SUBMIT;
    feed(reader, mode, bytesOf({ msgType: submit, metadata: patterned(10, 0), body: patterned(100, 0) }));
    feed(reader, mode, bytesOf({ msgType: MessageType.TRANSPORT_PROBE, body: patterned(200, 0) }));
    assertEquals(shown, 2);
    current.maxBodyBytes = 101;
    feed(reader, mode, bytesOf({ msgType: submit, body: patterned(101, 0) }));
    assertEquals(shown, 3);
    current.maxBodyBytes = 100;
    assertThrows(
      () => feed(reader, mode, headerBytes({ type: submit, body: 101 })),
      NnrpWireError,
      "at most 100",
    );
    for (const [type, body] of [[MessageType.TRANSPORT_PROBE, 201], [submit, 101]]) {
      const fresh = new PacketReader(current, () => shown++);
      const error = assertThrows(() => feed(fresh, mode, headerBytes({ type, body })), NnrpWireError);
      assertEquals([error.limit, error.actual], [true, body]);
    }
    assertEquals(shown, 3);
  });

  test(`${mode}: what was retained is never written over`, () => {
    let reused = 0;
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 4, maxLength: 30 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.integer({ min: 1, max: 8 }),
        (sent, borders, every) => {
          const kept: { view: Uint8Array; copy: Uint8Array }[] = [];
          const buffers = new Map<ArrayBufferLike, number>();
          let at = 0;
          const reader = new PacketReader(limits(), (cursor: PacketCursor) => {
            const last = buffers.get(cursor.bytes.buffer) ?? -1;
            if (cursor.offset <= last) reused++;
            buffers.set(cursor.bytes.buffer, cursor.offset);
            if (++at % every === 0) {
              cursor.retain();
              const view = cursor.bytes.subarray(cursor.offset, cursor.offset + cursor.length);
              kept.push({ view, copy: view.slice() });
            }
          });
          const bytes = join(sent);
          for (const piece of cut(bytes, borders.map((b) => b % bytes.length))) feed(reader, mode, piece);
          assertEquals(at, sent.length);
          for (const { view, copy } of kept) assertEquals(view, copy);
        },
      ),
      { numRuns: 80 },
    );
    // The property says something only if memory is used again at all where nothing was kept.
    if (mode === "fill") assert(reused > 20, `memory was used again only ${reused} times`);
  });

  test(`${mode}: a large body lies in memory of its own`, () => {
    const body = patterned(300 * KIB, 5);
    const large = bytesOf({ msgType: MessageType.FRAME_SUBMIT, body });
    const seen: { memory: number; body: Uint8Array }[] = [];
    const reader = new PacketReader(limits(), (cursor) => {
      seen.push({ memory: cursor.bytes.buffer.byteLength, body: cursor.body() });
    });
    feed(reader, mode, join([SMALL_STREAM[0], large.subarray(0, 1000)]));
    feed(reader, mode, large.subarray(1000));
    feed(reader, mode, SMALL_STREAM[1]);
    assertEquals(seen.length, 3);
    assertEquals(seen[1], { memory: large.length, body });
    assertEquals(seen[2].body, patterned(5, 1));
  });
}

test("both modes show the same packets for the same bytes", () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 10 }), fc.nat(), (sent, borders, end) => {
      const bytes = join(sent);
      const cutShort = bytes.subarray(0, bytes.length - end % 100);
      const results = MODES.map((mode) => {
        const { reader, packets } = copier();
        for (const piece of cut(cutShort, borders.map((b) => b % bytes.length))) feed(reader, mode, piece);
        return { packets, pending: reader.pendingBytes };
      });
      assertEquals(results[0].pending, results[1].pending);
      assertEquals(results[0].packets.length, results[1].packets.length);
      results[0].packets.forEach((shown, i) => assertEquals(shown, results[1].packets[i]));
    }),
    { numRuns: 40 },
  );
});

test("ten thousand headers that lie about their lengths make nobody set memory aside", () => {
  let memory = 0;
  const buffers = new Set<ArrayBufferLike>();
  for (let i = 0; i < 10_000; i++) {
    const reader = new PacketReader(limits({ maxBodyBytes: 64 * KIB }), () => {});
    const target = reader.target();
    if (!buffers.has(target.buffer)) {
      buffers.add(target.buffer);
      memory = Math.max(memory, target.buffer.byteLength);
    }
    const lie = headerBytes({
      type: MessageType.CLIENT_HELLO,
      meta: 4096 + i * 400_000,
      body: 64 * KIB + 1 + i * 400_000,
    });
    target.set(lie);
    assertThrows(() => reader.filled(40), NnrpWireError);
    buffers.clear();
  }
  assertEquals(memory, READ_BUFFER_SMALL);
});

test("memory for a claimed body follows the bytes that really come", () => {
  for (const claimed of [33 * KIB, 64 * KIB, 200 * KIB, 8 * MIB, 32 * MIB]) {
    const reader = new PacketReader(limits(), () => {});
    let target = reader.target();
    target.set(headerBytes({ type: MessageType.FRAME_SUBMIT, body: claimed }));
    reader.filled(40);
    let received = 40;
    const end = 40 + Math.min(claimed, 12 * MIB);
    while (received < end) {
      target = reader.target();
      // Never more than a first grant on the word of a header; then at most four times what is there.
      const most = Math.max(READ_FIRST_GRANT, READ_BUFFER_LARGE, received * 4);
      assertLessOrEqual(target.buffer.byteLength, most, `${received} of ${claimed} received`);
      const take = Math.min(target.length, 100_000, end - received);
      received += take;
      reader.filled(take);
    }
  }
});

test("thousands of idle connections cost nothing before their first byte and 1 KiB after it", () => {
  const reader = new PacketReader(limits(), () => {});
  assertEquals(reader.pendingBytes, 0);
  for (let i = 0; i < 100; i++) {
    const target = reader.target();
    assertEquals([target.buffer.byteLength, READ_BUFFER_SMALL], [1024, 1024]);
    target.set(SMALL_STREAM[0]);
    reader.filled(40);
  }
});

test("a busy connection that falls idle keeps its large buffer for two pings, not for minutes", () => {
  const reader = new PacketReader(limits(), () => {});
  const burst = join(
    Array.from({ length: 64 }, () => bytesOf({ msgType: MessageType.FRAME_SUBMIT, body: patterned(256, 1) })),
  );
  feed(reader, "fill", burst);
  feed(reader, "fill", burst);
  assertEquals(reader.target().buffer.byteLength, READ_BUFFER_LARGE);
  const ping = bytesOf({ msgType: MessageType.PING });
  feed(reader, "fill", ping);
  assertEquals(
    reader.target().buffer.byteLength,
    READ_BUFFER_LARGE,
    "one ping between two frames is nothing special",
  );
  feed(reader, "fill", ping);
  assertEquals(reader.target().buffer.byteLength, READ_BUFFER_SMALL);
});

test("a busy connection gets a large buffer, and gives it back once it is quiet", () => {
  const reader = new PacketReader(limits(), () => {});
  const busy = bytesOf({ msgType: MessageType.FRAME_SUBMIT, body: patterned(3000, 1) });
  const burst = join(Array.from({ length: 100 }, () => busy));
  for (let i = 0; i < 4; i++) feed(reader, "fill", burst);
  assertEquals(reader.target().buffer.byteLength, READ_BUFFER_LARGE);
  let reads = 0;
  while (reader.target().buffer.byteLength > READ_BUFFER_SMALL && reads < 1000) {
    feed(reader, "fill", SMALL_STREAM[0]);
    reads++;
  }
  assertEquals(reader.target().buffer.byteLength, READ_BUFFER_SMALL);
  assertLessOrEqual(reads, 200);
});

test("an unfinished packet survives the change of buffers", () => {
  const { reader, packets } = copier();
  const sent: Uint8Array[] = [];
  for (let i = 0; i < 60; i++) {
    sent.push(bytesOf({ msgType: MessageType.FRAME_SUBMIT, body: patterned(3001, i) }));
  }
  // Reads of a prime length, so that each buffer ends inside another place of a packet.
  const bytes = join(sent);
  for (let at = 0; at < bytes.length; at += 1009) feed(reader, "fill", bytes.subarray(at, at + 1009));
  assertEquals(packets.length, sent.length);
  packets.forEach((shown, i) => assertEquals(shown, sent[i]));
});

test("arbitrary bytes end in packets or in a wire error, never in anything else", () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.uint8Array({ minLength: 36, maxLength: 80 })).map(([rest]) =>
      join([headerBytes({}).subarray(0, 4), rest])
    ),
    fc.tuple(fc.nat(39), fc.nat(255)).map(([at, value]) => {
      const header = headerBytes({ type: MessageType.CLOSE, body: 3 });
      header[at] = value;
      return join([header, patterned(3, 0)]);
    }),
  );
  fc.assert(
    fc.property(fc.array(noise, { maxLength: 6 }), fc.constantFrom(...MODES), (chunks, mode) => {
      const { reader } = copier({ maxBodyBytes: 1000 });
      try {
        for (const chunk of chunks) feed(reader, mode, chunk);
      } catch (error) {
        assertInstanceOf(error, NnrpWireError);
        assertEquals(error.stage, "framing");
      }
    }),
    { numRuns: 2000 },
  );
});

for (const mode of MODES) {
  test(`${mode}: bodies that nobody wants are read past, however they are cut, and cost no memory`, () => {
    const sizes = fc.constantFrom(0, 1, 100, 999, 1000, 1001, 5000, READ_OWN_MEMORY, 200 * KIB);
    const kinds = fc.constantFrom(MessageType.FRAME_SUBMIT, MessageType.RESULT_PUSH);
    const packets = fc.array(fc.tuple(kinds, sizes, fc.constantFrom(0, 3, 64), fc.boolean()), {
      maxLength: 8,
    });
    fc.assert(fc.property(
      packets,
      fc.constantFrom(1000, 150 * KIB, 32 * MIB),
      fc.array(fc.nat(600 * KIB), { maxLength: 20 }),
      fc.boolean(),
      (all, maxBodyBytes, borders, small) => {
        const bytes = all.map(([msgType, size, meta, unwanted], i) =>
          bytesOf({
            msgType,
            frameId: i,
            viewId: unwanted ? 1 : 0,
            metadata: patterned(meta, i),
            body: patterned(size, i),
          })
        );
        const shown: Uint8Array[] = [];
        const skipped: number[] = [];
        const reader = new PacketReader(
          limits({ maxBodyBytes, skipsBodies: true }),
          (c) => shown.push(c.bytes.slice(c.offset, c.offset + c.length)),
          (c) => {
            const [msgType, size, meta] = all[c.frameId];
            assertEquals([c.msgType, c.bodyLength], [msgType, size]);
            assertEquals(c.metadata().slice(), patterned(meta, c.frameId), "the metadata is there");
            const isSkipped = size > maxBodyBytes || c.viewId === 1;
            if (isSkipped) skipped.push(c.frameId);
            return isSkipped;
          },
        );
        const stream = join(bytes);
        const cuts = small ? borders.map((b) => b % 300) : borders;
        for (const chunk of cut(stream, cuts)) feed(reader, mode, chunk);
        assertEquals([reader.pendingBytes, reader.endError("x")], [0, null]);
        for (const [i, [, size]] of all.entries()) if (size > maxBodyBytes) assert(skipped.includes(i));
        assertEquals(new Set(skipped).size, skipped.length, "asked once each");
        assertEquals(shown, bytes.filter((_, i) => !skipped.includes(i)));
      },
    ));
  });

  test(`${mode}: while a body is read past nothing is kept, and a stream that ends in it was cut`, () => {
    const reader = new PacketReader(limits({ maxBodyBytes: 1000, skipsBodies: true }), () => {}, () => true);
    feed(reader, mode, headerBytes({ type: MessageType.RESULT_PUSH, body: 0xffff_ffff }));
    for (let i = 0; i < 64; i++) {
      feed(reader, mode, new Uint8Array(MIB));
      assertEquals(reader.pendingBytes, 0);
    }
    assertEquals(reader.endError("x")?.actual, `all but ${0xffff_ffff - 64 * MIB} bytes`);
  });

  test(`${mode}: only frames and results can be passed over, and a body over the limit that is wanted is refused`, () => {
    for (const msgType of Object.values(MessageType)) {
      const mayBe = msgType === MessageType.FRAME_SUBMIT || msgType === MessageType.RESULT_PUSH;
      let asked = 0;
      const reader = new PacketReader(
        limits({ maxBodyBytes: 10, maxProbeBodyBytes: 10, skipsBodies: true }),
        () => {},
        () => {
          asked++;
          return false;
        },
      );
      const error = assertThrows(
        () => feed(reader, mode, headerBytes({ type: msgType, body: 11 })),
        NnrpWireError,
      );
      assertEquals([error.field, error.limit, asked], ["header.body_len", true, mayBe ? 1 : 0]);
    }
  });
}

for (const mode of MODES) {
  test(`${mode}: neither the reader nor the cursor it showed keeps a large packet alive`, () => {
    let shown: PacketCursor | null = null;
    const lengths: number[] = [];
    const reader = new PacketReader(limits(), (cursor) => {
      shown = cursor;
      lengths.push(cursor.bytes.length);
    });
    const large = join([
      headerBytes({ type: MessageType.CACHE_PUT, meta: 0, body: MIB }),
      new Uint8Array(MIB),
    ]);
    for (let round = 0; round < 3; round++) {
      feed(reader, mode, large.subarray(0, 1000));
      assert(reader.heldBytes >= 1000);
      feed(reader, mode, large.subarray(1000));
      assertEquals(reader.heldBytes, 0);
      assertLessOrEqual(shown!.bytes.length, READ_BUFFER_LARGE);
      assertLessOrEqual(shown!.view.byteLength, READ_BUFFER_LARGE);
    }
    assertEquals(lengths.length, 3);
    feed(reader, mode, large.subarray(0, MIB >> 1));
    assert(reader.heldBytes >= MIB >> 1);
    reader.clear();
    assertEquals([reader.heldBytes, reader.pendingBytes, shown!.bytes.length], [0, 0, 0]);
  });
}
