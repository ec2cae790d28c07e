/**
 * Recoding what the reference wrote, refused or let pass: the vectors of tests/vectors as requests. Deno, Node, Bun.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { bytesOf, hexOf, viewOf } from "./hex.ts";
import { recode, RECODE_KINDS } from "./recode.ts";

const DATA = new URL("../../vectors/data/", import.meta.url);

interface VectorCase {
  readonly name: string;
  readonly kind: string;
  readonly hex: string;
  /** What wrote it, where a builder did. */
  readonly builder?: string;
}

/** Packets whose metadata and body are both judged. */
const PACKET_KINDS: Readonly<Record<number, string>> = {
  0x10: "frame_submit_packet",
  0x12: "result_push_packet",
  0x17: "flow_update_packet",
  0x18: "result_hint_packet",
};

function casesOf(path: string): VectorCase[] {
  return JSON.parse(readFileSync(new URL(path, DATA), "utf8")).cases;
}

/** Cases of a group that have a kind of request. */
function requestsOf(group: string): VectorCase[] {
  const files = readdirSync(new URL(`${group}/`, DATA)).filter((name) => name.endsWith(".json"));
  return files.flatMap((name) => casesOf(`${group}/${name}`)).flatMap((vector) => {
    const kind = kindOf(vector);
    return kind === undefined ? [] : [{ ...vector, kind }];
  });
}

function kindOf({ kind, hex }: VectorCase): string | undefined {
  if (RECODE_KINDS.includes(kind)) return kind;
  if (RECODE_KINDS.includes(`${kind}_metadata`)) return `${kind}_metadata`;
  return kind === "message" || kind === "packet" ? packetKind(hex) : undefined;
}

function packetKind(hex: string): string | undefined {
  return PACKET_KINDS[Number.parseInt(hex.slice(12, 14), 16)];
}

/** A result that refers to cached objects: readable, but refused without a cache. */
function refersToObjects(hex: string): boolean {
  const bytes = bytesOf(hex)!;
  const body = 40 + 64;
  return packetKind(hex) === "result_push_packet" && bytes.length >= body + 32 &&
    viewOf(bytes).getUint32(body + 4, true) > 0;
}

test("what the reference wrote comes back byte for byte, but for results that refer to cached objects", () => {
  const requests = requestsOf("valid");
  const changed = requests.filter(({ name, kind, hex }) => {
    const answer = recode({ name, kind, hex });
    return !("hex" in answer) || answer.hex !== hex;
  });
  assertEquals(changed.filter(({ hex }) => !refersToObjects(hex)).map(({ name }) => name), []);
  for (const { name, kind, hex } of changed) {
    assertEquals(recode({ name, kind, hex }), { name, accept: false });
  }
  assertEquals(changed.length, 12);
  assertEquals(requests.length > 1700, true);
});

test("what the reference refused is refused", () => {
  const requests = requestsOf("invalid").filter(({ kind, hex }) => {
    return !kind.endsWith("_packet") || kind === packetKind(hex);
  });
  const accepted = requests.filter(({ kind, hex }) => answerOf(kind, hex));
  assertEquals(accepted.map(({ name }) => name), []);
  assertEquals(requests.length > 500, true);
});

test("what the reference let pass is let pass, but for results that refer to cached objects", () => {
  // What is odd about a builder's packet is that no reader takes it (wire spec §15.3).
  const read = requestsOf("odd").filter(({ builder }) => builder === undefined);
  const refused = read.filter(({ kind, hex }) => !answerOf(kind, hex));
  assertEquals(refused.filter(({ hex }) => !refersToObjects(hex)).map(({ name }) => name), []);
  assertEquals(refused.length > 0, true);
});

test("every mutation of a packet gets the reference's verdict", () => {
  const wrong: string[] = [];
  let verdicts = 0;
  for (const { name, hex, ...lists } of mutationCases()) {
    for (const [list, rows] of Object.entries(lists)) {
      for (const row of rows) {
        const packet = CHANGES[list](bytesOf(hex)!, row);
        const changedHex = hexOf(packet);
        const kind = packetKind(changedHex);
        if (kind === undefined || kind !== packetKind(hex)) continue;
        verdicts++;
        const accepted = row[row.length - 1] === 0;
        if (answerOf(kind, changedHex) !== accepted && !refersToObjects(changedHex)) {
          wrong.push(`${name}: ${list} ${row}`);
        }
      }
    }
  }
  assertEquals(wrong, []);
  assertEquals(verdicts > 40_000, true);
});

test("a descriptor table is judged descriptor by descriptor", () => {
  const one = "10000300040000000700000000000000";
  const kind = "typed_payload_descriptor_region";
  assertEquals([one + one, "", one.slice(2), one + one.slice(0, 30)].map((hex) => answerOf(kind, hex)), [
    true,
    true,
    false,
    false,
  ]);
});

function answerOf(kind: string, hex: string): boolean {
  const answer = recode({ name: "", kind, hex });
  return "accept" in answer && answer.accept;
}

type MutationCase =
  & { readonly name: string; readonly hex: string }
  & Readonly<Record<string, readonly (readonly number[])[]>>;

function mutationCases(): MutationCase[] {
  return casesOf("mutations/mutations.json") as unknown as MutationCase[];
}

/** How each list of mutations changes a packet; tests/vectors/README.md tells them. */
const CHANGES: Readonly<Record<string, (packet: Uint8Array, row: readonly number[]) => Uint8Array>> = {
  bytes: (packet, [offset, byte]) => {
    packet[offset] = byte;
    return packet;
  },
  words: (packet, [offset, word]) => {
    viewOf(packet).setUint32(offset, word, true);
    return packet;
  },
  body_cut: (packet, [length]) => stated(packet.slice(0, bodyOf(packet) + length), 16, length),
  body_grow: (packet, [zeroes]) => {
    const length = packet.length - bodyOf(packet) + zeroes;
    return stated(Uint8Array.of(...packet, ...new Uint8Array(zeroes)), 16, length);
  },
  meta_cut: (packet, [length]) =>
    stated(Uint8Array.of(...packet.subarray(0, 40 + length), ...packet.subarray(bodyOf(packet))), 12, length),
};

function bodyOf(packet: Uint8Array): number {
  return 40 + viewOf(packet).getUint32(12, true);
}

function stated(packet: Uint8Array, offset: number, length: number): Uint8Array {
  viewOf(packet).setUint32(offset, length, true);
  return packet;
}
