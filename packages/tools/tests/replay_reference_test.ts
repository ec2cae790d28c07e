/**
 * Replay against nnrp-py 1.0.0rc2, live: packets byte for byte, lines character for character, and an error wherever it
 * raises one. Needs Python with that package. Deno only.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { decodePacket, decodeReplayCameraBlock, encodePacket, NnrpError } from "@nnrp/core";
import {
  compareWireSize,
  enhanceResultToPacket,
  frameFeaturesToPacket,
  FrameResultBuffer,
  renderWireSizeComparison,
  renderWireSummary,
  summarizeWirePacket,
} from "../mod.ts";
import { featuresOptions, recordedFeatures, recordedResult, resultOptions } from "./recordings.ts";
import { askReference, skipReference } from "./reference_python.ts";

const SEED = 20_261;
/** Inputs of each kind. */
const COUNT = 400;

/** What either side makes of a request. */
type Answer = Readonly<Record<string, unknown>>;

/** Asks both sides; returns the requests that succeeded on both. */
async function compared<T>(
  inputs: readonly T[],
  request: (input: T) => Answer,
  ours: (input: T) => Answer,
): Promise<{ input: T; answer: Answer }[]> {
  const theirs = await askReference<Answer[]>(
    "rc2_replay.py",
    inputs.map((input) => forPython(request(input))),
  );
  assertEquals(theirs.length, inputs.length);
  const agreed: { input: T; answer: Answer }[] = [];
  inputs.forEach((input, i) => {
    const about = () =>
      `${JSON.stringify(forPython(request(input)))}\nreference: ${JSON.stringify(theirs[i])}`;
    let answer: Answer;
    try {
      answer = ours(input);
    } catch (error) {
      assert(error instanceof NnrpError, `${error}\n${about()}`);
      assert("error" in theirs[i], `${error.message}\n${about()}`);
      return;
    }
    assertEquals(answer, theirs[i], about());
    agreed.push({ input, answer });
  });
  return agreed;
}

/** Values as the script reads them, names as the reference spells them. */
function forPython(value: unknown): unknown {
  if (typeof value === "bigint") return { int: String(value) };
  if (Object.is(value, -0)) return { float: "-0.0" };
  if (typeof value === "number" && !Number.isFinite(value)) {
    return { float: String(value).replace("Infinity", "inf") };
  }
  if (value instanceof Uint8Array) return { hex: hex(value) };
  if (Array.isArray(value)) return value.map(forPython);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      forPython(item),
    ]),
  );
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const reference = fc.tuple(fc.oneof(fc.constant(0), fc.nat(900)), fc.string({ maxLength: 4 }));

test("recorded frames become the reference's packets and lines", { skip: skipReference }, async () => {
  const inputs = fc.sample(fc.tuple(recordedFeatures, featuresOptions, reference), {
    seed: SEED,
    numRuns: COUNT,
  });
  const agreed = await compared(
    inputs,
    ([recording, options, [referenceBytes, label]]) => ({
      kind: "features",
      recording,
      options,
      referenceBytes,
      label,
    }),
    ([recording, options, [length, label]]) => {
      const packet = frameFeaturesToPacket(recording, options);
      return lines(packet, length, label, "frame_submit");
    },
  );
  assertGreater(agreed.length, COUNT / 2);
  assertGreater(COUNT, agreed.length); // some were broken on purpose
});

test("recorded results become the reference's packets and lines", { skip: skipReference }, async () => {
  const inputs = fc.sample(fc.tuple(recordedResult, resultOptions, reference), {
    seed: SEED,
    numRuns: COUNT,
  });
  const agreed = await compared(
    inputs,
    ([recording, options, [referenceBytes, label]]) => ({
      kind: "result",
      recording,
      options,
      referenceBytes,
      label,
    }),
    ([recording, options, [length, label]]) => {
      const packet = enhanceResultToPacket(recording, options);
      return lines(packet, length, label, "result_push");
    },
  );
  assertGreater(agreed.length, COUNT / 3);
  assertGreater(COUNT, agreed.length);
});

function lines(
  packet: ReturnType<typeof decodePacket>,
  length: number,
  label: string,
  subject: string,
): Answer {
  const comparison = compareWireSize(packet, { payload: new Uint8Array(length), label }, subject);
  return {
    hex: hex(encodePacket(packet)),
    summary: renderWireSummary(comparison.current),
    comparison: renderWireSizeComparison(comparison),
  };
}

/** Packets of recordings, each changed in up to two bytes. */
function changedPackets(): Uint8Array[] {
  const packets = fc.sample(recordedFeatures, { seed: SEED, numRuns: COUNT }).map((it) => () =>
    frameFeaturesToPacket(it)
  ).concat(
    fc.sample(recordedResult, { seed: SEED, numRuns: COUNT }).map((it) => () => enhanceResultToPacket(it)),
  ).flatMap((make) => {
    try {
      return [encodePacket(make())];
    } catch {
      return [];
    }
  });
  const changes = fc.sample(
    fc.array(fc.tuple(fc.nat(400), fc.oneof(fc.nat(3), fc.nat(255))), { maxLength: 2 }),
    { seed: SEED, numRuns: packets.length },
  );
  packets.forEach((bytes, i) => {
    for (const [at, byte] of changes[i]) bytes[40 + at % (bytes.length - 40)] = byte;
  });
  return packets;
}

test("whole, changed and foreign packets get the reference's summary", { skip: skipReference }, async () => {
  const ping = Uint8Array.from({ length: 40 }, (_, i) => [0x4e, 0x4e, 0x52, 0x50, 1, 0, 0x20, 40][i] ?? 0);
  const inputs = [...changedPackets(), ping, ping.subarray(1)].map((bytes, i) => ({
    bytes,
    subject: [null, "", "frame 7"][i % 3],
  }));
  const agreed = await compared(
    inputs,
    ({ bytes, subject }) => ({ kind: "packet", bytes, subject }),
    ({ bytes, subject }) => ({
      summary: renderWireSummary(summarizeWirePacket(decodePacket(bytes), subject ?? undefined)),
    }),
  );
  assertGreater(agreed.length, inputs.length / 3);
  assertGreater(inputs.length, agreed.length);
});

test(
  "camera blocks, whole and broken, are read as the reference reads them",
  { skip: skipReference },
  async () => {
    const block = fc.tuple(
      fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4)),
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      fc.constantFrom(0, 0, 0, 1, -1, -20),
      fc.constantFrom(0, 0, 0, 0, 1),
      fc.infiniteStream(fc.nat(255)),
    ).map(([counts, jitter, longer, broken, stream]) => {
      const floats = 4 * (counts[0] + counts[1] + counts[2]);
      const head = [0x4e, 0x52, 0x43, 0x4d, 1, 0, ...counts.flatMap((count) => [count, 0]), 9, 9, ...jitter];
      const bytes = Uint8Array.from(
        { length: 22 + floats + longer },
        (_, i) => head[i] ?? stream.next().value,
      );
      if (broken) bytes[stream.next().value! % 6] ^= 1;
      return bytes;
    });
    const inputs = fc.sample(block, { seed: SEED, numRuns: COUNT });
    const agreed = await compared(
      inputs,
      (bytes) => ({ kind: "camera", bytes }),
      (bytes) => {
        const { view, proj, prevViewProj, jitterX, jitterY } = decodeReplayCameraBlock(bytes);
        const floats = [view, proj, prevViewProj].flatMap((list) => Array.from(list)).concat(
          jitterX,
          jitterY,
        );
        const out = new DataView(new ArrayBuffer(8 * floats.length));
        floats.forEach((float, i) => out.setFloat64(8 * i, float, true));
        return { counts: [view.length, proj.length], floats: hex(new Uint8Array(out.buffer)) };
      },
    );
    assertGreater(agreed.length, COUNT / 3);
    assertGreater(COUNT, agreed.length);
  },
);

test("a result buffer hands out what the reference's hands out", { skip: skipReference }, async () => {
  const frame = fc.nat(6);
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constant("add"), frame, fc.string({ maxLength: 3 })) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("next"), fc.option(frame, { nil: null })) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("frame"), frame) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("peek")) },
  );
  const inputs = fc.sample(fc.array(step, { maxLength: 25, size: "max" }), { seed: SEED, numRuns: COUNT });
  await compared(inputs, (steps) => ({ kind: "buffer", steps }), (steps) => {
    const buffer = new FrameResultBuffer<string>();
    const taken: unknown[] = [];
    for (const [name, first, second] of steps as [string, number, string][]) {
      if (name === "add") buffer.add(first, second);
      else if (name === "next") taken.push(buffer.popNext(first ?? undefined));
      else if (name === "frame") taken.push(buffer.popFrame(first));
      else taken.push(buffer.peekNextFrameId());
    }
    return { taken, left: buffer.size };
  });
});
