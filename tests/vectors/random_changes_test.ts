/**
 * Packets of the vectors with several random changes at once: whatever comes of it, the codec reads it or refuses it with a
 * wire error, and says the same whether it reads everything or only judges.
 *
 * @module
 */
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { NnrpWireError } from "@nnrp/core";
import { bytesOf } from "../../packages/tools/src/vectors/json_values.ts";
import { loadVectors } from "../../packages/tools/src/vectors/load.ts";
import { checkMessage, decodeMessage } from "../../packages/tools/src/vectors/messages.ts";

const { files } = loadVectors(fileURLToPath(new URL("./data/mutations", import.meta.url)));
const packets = files.flatMap(({ file }) =>
  file.group === "mutations" ? file.cases.map(({ hex }) => bytesOf(hex)) : []
);

/** A packet with some bytes after the header changed, mostly to small numbers. */
const changed = fc.tuple(
  fc.constantFrom(...packets),
  fc.array(
    fc.tuple(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 255 })),
    ),
    { minLength: 1, maxLength: 8 },
  ),
).map(([packet, changes]) => {
  const bytes = packet.slice();
  for (const [where, byte] of changes) bytes[40 + Math.floor(where * (bytes.length - 40))] = byte;
  return bytes;
});

function verdict(run: () => unknown): string {
  try {
    run();
    return "accepted";
  } catch (error) {
    assert(error instanceof NnrpWireError, `${error}`);
    return error.stage;
  }
}

test("changed packets are read or refused with a wire error, never anything else", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(changed, (packet) => {
      const full = verdict(() => decodeMessage(packet));
      assertEquals(verdict(() => checkMessage(packet)), full);
      seen.add(full);
    }),
    { numRuns: 5000 },
  );
  assertEquals([...seen].sort(), ["accepted", "body", "metadata"]);
});

test("cut and lengthened packets are refused by the framing", () => {
  const length = fc.integer({ min: -40, max: 40 }).filter((by) => by !== 0);
  fc.assert(fc.property(fc.constantFrom(...packets), length, (packet, by) => {
    const bytes = new Uint8Array(Math.max(0, packet.length + by));
    bytes.set(packet.subarray(0, bytes.length));
    assertEquals(verdict(() => decodeMessage(bytes)), "framing");
  }));
});
