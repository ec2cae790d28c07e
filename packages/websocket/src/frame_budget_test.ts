import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { frame } from "../tests/raw_web_socket.ts";
import {
  BYTES_PER_CONTROL_FRAME,
  BYTES_PER_DATA_FRAME,
  IDLE_FRAMES,
  IDLE_FRAMES_PER_SECOND,
} from "./frame_budget.ts";
import { FrameViolation } from "./frame_header.ts";
import { FrameReader } from "./frame_reader.ts";

const BINARY = 2;

/** A reader in virtual time that counts what it took. */
class Reading {
  nowMs = 0;
  bytes = 0;
  taken = 0;
  violation: FrameViolation | null = null;
  readonly #masked: boolean;
  readonly #reader: FrameReader;

  constructor(masked: boolean) {
    this.#masked = masked;
    this.#reader = new FrameReader(masked, {
      payload: (_bytes, start, end) => this.bytes += end - start,
      ping: () => {},
      close: () => {},
    }, () => this.nowMs);
  }

  /** Takes a frame; false once the peer went too far. */
  take(opcode: number, length = 0, fin = true): boolean {
    if (this.violation !== null) return false;
    const bytes = frame(opcode, new Uint8Array(length), { mask: this.#masked, fin });
    try {
      this.#reader.push(bytes, 0, bytes.length);
    } catch (error) {
      if (!(error instanceof FrameViolation)) throw error;
      this.violation = error;
      return false;
    }
    this.taken++;
    return true;
  }
}

// One round of frames that bring little, over and over: opcode and payload bytes.
const FLOODS: readonly (readonly [what: string, round: readonly (readonly [number, number])[]])[] = [
  ["pings", [[9, 0]]],
  ["full pings", [[9, 125]]],
  ["pongs", [[10, 0]]],
  ["pings and pongs in turn", [[9, 0], [10, 4]]],
  ["empty pieces of a message", [[0, 0]]],
  ["single bytes", [[0, 1]]],
  ["pieces of fifteen bytes", [[0, 15]]],
  ["a ping, a data byte", [[9, 0], [0, 1]]],
  ["many pings, a data byte", [...new Array(900).fill([9, 0]), [0, 1]]],
  ["a ping, an empty piece", [[9, 0], [0, 0]]],
  ["a ping, a piece that pays for itself", [[9, 0], [0, BYTES_PER_DATA_FRAME]]],
  ["a ping, half of what pays for it", [[9, 0], [0, BYTES_PER_CONTROL_FRAME / 2]]],
];

test("a million frames that bring little are cut, whatever is between them, on both sides", () => {
  for (const masked of [true, false]) {
    for (const [what, round] of FLOODS) {
      const reading = new Reading(masked);
      reading.take(BINARY, 40, false);
      for (let i = 0; i < 1_000_000 && reading.violation === null; i++) {
        const [opcode, length] = round[i % round.length];
        reading.take(opcode, length, opcode >= 8);
        reading.nowMs += 0.1; // 10,000 a second
      }
      assert(reading.violation !== null, what);
      assertEquals([reading.violation.closeCode, reading.violation.error.limit], [1008, true], what);
      assertStringIncludes(reading.violation.message, "too many");
      assert(reading.taken >= IDLE_FRAMES, what);
    }
  }
});

test("keep-alive, small messages now and then, and messages in very many pieces go on for ever", () => {
  const lives: Readonly<Record<string, (reading: Reading) => void>> = {
    "a ping every 50 ms, for an hour": (reading) => {
      for (let i = 0; i < 72_000; i++, reading.nowMs += 50) reading.take(9, 8);
    },
    "a ping and a pong a second beside messages of one byte": (reading) => {
      for (let i = 0; i < 20_000; i++, reading.nowMs += 100) {
        reading.take(BINARY, 1);
        if (i % 10 === 0) reading.take(9) && reading.take(10);
      }
    },
    "100,000 pieces of sixteen bytes at one moment": (reading) => {
      reading.take(BINARY, 16, false);
      for (let i = 0; i < 100_000; i++) reading.take(0, 16, false);
      reading.take(0, 0);
    },
    "head, metadata and body each in a message, 20,000 times": (reading) => {
      for (let i = 0; i < 20_000; i++) for (const length of [40, 28, 5]) reading.take(BINARY, length);
    },
    "a ping with every KiB": (reading) => {
      for (let i = 0; i < 20_000; i++) reading.take(BINARY, BYTES_PER_CONTROL_FRAME) && reading.take(9);
    },
  };
  for (const [what, live] of Object.entries(lives)) {
    const reading = new Reading(true);
    live(reading);
    assertEquals(reading.violation, null, what);
  }
});

test("no more pings and pongs pass than the burst, the rate and the payload allow, in whatever order", () => {
  const step = fc.tuple(
    fc.constantFrom(0, 9, 10),
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 1, max: 400 }),
    fc.integer({ min: 0, max: 2000 }),
  );
  fc.assert(fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
    const reading = new Reading(true);
    let control = 0;
    let data = 0;
    reading.take(BINARY, 0, false);
    for (const [opcode, length, times, waitMs] of steps) {
      for (let i = 0; i < times && reading.take(opcode, opcode === 0 ? length : 0, opcode !== 0); i++) {
        if (opcode === 0) data++;
        else control++;
      }
      const rest = IDLE_FRAMES + reading.nowMs * IDLE_FRAMES_PER_SECOND / 1000 + 1;
      assert(control <= rest + reading.bytes / BYTES_PER_CONTROL_FRAME);
      assert(data <= rest + reading.bytes / BYTES_PER_DATA_FRAME);
      reading.nowMs += waitMs;
    }
  }));
});
