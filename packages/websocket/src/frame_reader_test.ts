import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { systemHost } from "@nnrp/runtime";
import { test } from "node:test";
import { join, patterned } from "@nnrp/testing/packets";
import { closePayload, frame, row } from "../tests/raw_web_socket.ts";
import { FrameViolation, MAX_SENT_MESSAGE } from "./frame_header.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { maskKeysOf } from "./mask.ts";

/** What a reader found, in order: payload in one row, the rest as words. */
class Found {
  payload: Uint8Array[] = [];
  events: string[] = [];
  readonly reader: FrameReader;

  constructor(masked: boolean) {
    this.reader = new FrameReader(masked, {
      payload: (bytes, start, end) => this.payload.push(bytes.slice(start, end)),
      ping: (payload) => this.events.push(`ping ${payload.join()}`),
      close: (code, reason) => this.events.push(`close ${code} ${reason}`),
    }, () => 0);
  }

  /** Pushes copies cut into pieces of these sizes, over and over; a violation becomes an event. */
  push(bytes: Uint8Array, sizes: readonly number[]): this {
    try {
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length];
        const piece = new Uint8Array(size + 3); // at any alignment
        const end = Math.min(bytes.length, at + size);
        piece.set(bytes.subarray(at, end), i % 4);
        this.reader.push(piece, i % 4, i % 4 + end - at);
        at = end;
      }
    } catch (error) {
      if (!(error instanceof FrameViolation)) throw error;
      this.events.push(`violation ${error.closeCode} ${error.error.field}`);
    }
    return this;
  }

  get bytes(): Uint8Array {
    return join(this.payload);
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });

test("what is written is read again, however the ranges and the reads are cut, masked or not", () => {
  const range = fc.oneof(
    fc.integer({ min: 1, max: 300 }), // an empty range is one whose memory has vanished
    fc.integer({ min: 30_000, max: 70_000 }),
    fc.integer({ min: 250_000, max: 600_000 }),
  );
  const cut = fc.array(fc.integer({ min: 30, max: 100_000 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(range, { minLength: 1, maxLength: 5 }),
      cut,
      (masks, lengths, cuts) => {
        const ranges = lengths.map((length, i) => patterned(length, i));
        const writer = new FrameWriter(masks ? maskKeysOf(systemHost()) : null);
        writer.begin(ranges);
        const found = new Found(masks);
        while (writer.left > 0) {
          const before = writer.left;
          found.push(row(...writer.next()), cuts);
          assert(before - writer.left <= MAX_SENT_MESSAGE);
          writer.sent();
        }
        assertEquals(found.events, []);
        const expected = row(...ranges);
        const got = found.bytes;
        assertEquals(got.length, expected.length);
        assert(got.every((byte, i) => byte === expected[i]));
        ranges.forEach((bytes, i) =>
          assertEquals(bytes, patterned(lengths[i], i), "the caller's bytes stay as they are")
        );
      },
    ),
    { numRuns: 30 },
  );
});

test("messages in any number of frames, with pings and pongs between them, give their payload in order", () => {
  const part = fc.uint8Array({ maxLength: 200 });
  const control = fc.record({ opcode: fc.constantFrom(9, 10), payload: fc.uint8Array({ maxLength: 125 }) });
  const message = fc.array(fc.record({ part, before: fc.array(control, { maxLength: 2 }) }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(fc.property(fc.boolean(), fc.array(message, { maxLength: 5 }), sizes, (mask, messages, cuts) => {
    const wire: Uint8Array[] = [];
    const payload: Uint8Array[] = [];
    const events: string[] = [];
    for (const parts of messages) {
      parts.forEach(({ part, before }, i) => {
        for (const { opcode, payload } of before) {
          wire.push(frame(opcode, payload, { mask }));
          if (opcode === 9) events.push(`ping ${payload.join()}`);
        }
        wire.push(frame(i === 0 ? 2 : 0, part, { mask, fin: i === parts.length - 1 }));
        payload.push(part);
      });
    }
    wire.push(frame(8, closePayload(1000, "bye"), { mask }), frame(2, "not read any more", { mask }));
    events.push("close 1000 bye");
    const found = new Found(mask).push(row(...wire), cuts);
    assertEquals(found.events, events);
    assertEquals(found.bytes, row(...payload));
  }));
});

test("arbitrary bytes are payload or a violation, never anything else, and the same however they are cut", () => {
  const start = fc.constantFrom(
    ...[0x82, 0x02, 0x80, 0x88, 0x89, 0x8a, 0xc2, 0x81].map((b) => new Uint8Array([b])),
  );
  const bytes = fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), start), { maxLength: 10 });
  fc.assert(
    fc.property(fc.boolean(), bytes, sizes, (masked, parts, cuts) => {
      const wire = row(...parts);
      const whole = new Found(masked).push(wire, [wire.length || 1]);
      const cut = new Found(masked).push(wire, cuts);
      const single = new Found(masked).push(wire, [1]);
      for (const other of [cut, single]) {
        assertEquals(other.events, whole.events);
        assertEquals(other.bytes, whole.bytes);
      }
      assert(whole.bytes.length <= wire.length);
    }),
    { numRuns: 500 },
  );
});

test("a changed bit in a stream of frames is payload or a violation", () => {
  const wire = row(
    frame(2, patterned(300, 1)),
    frame(9, "x"),
    frame(2, patterned(70_000, 2), { fin: false }),
    frame(0, patterned(10, 3)),
    frame(8, closePayload(1001)),
  );
  const heads = [0, 1, 2, 3, 308, 309, 315, 316, 317, 324, 70_329, 70_330, 70_345, 70_346];
  for (const at of heads) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = wire.slice();
      changed[at] ^= 1 << bit;
      const found = new Found(true).push(changed, [50_000]);
      assert(found.bytes.length <= wire.length);
      assert(found.events.every((event) => /^(ping|close|violation) /.test(event)), found.events.join());
    }
  }
});

test("payload that is read straight to its place is unmasked as if it had been pushed", () => {
  for (const mask of [true, false]) {
    const body = patterned(100_003, 5);
    const wire = frame(2, body, { mask });
    const found = new Found(mask);
    const head = wire.length - body.length;
    found.reader.push(wire.slice(0, head + 1), 0, head + 1);
    let at = head + 1;
    for (const size of [1, 2, 50_000, 3]) {
      assertEquals(found.reader.remaining, wire.length - at);
      const place = wire.slice(at, at + size);
      found.reader.direct(place, size);
      found.payload.push(place);
      at += size;
    }
    found.push(wire.subarray(at), [7000]);
    assertEquals([found.reader.remaining, found.bytes], [0, body]);
  }
});

test("a control frame is written with its payload, masked for servers", () => {
  for (const masks of [true, false]) {
    const bytes = new FrameWriter(masks ? maskKeysOf(systemHost()) : null).control(
      9,
      new TextEncoder().encode("are you there"),
    );
    assertEquals(bytes.length, 2 + (masks ? 4 : 0) + 13);
    const found = new Found(masks).push(bytes, [3]);
    assertEquals(found.events, [`ping ${new TextEncoder().encode("are you there").join()}`]);
    assertThrows(() => new Found(!masks).reader.push(bytes, 0, bytes.length), FrameViolation);
  }
});
