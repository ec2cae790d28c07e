/** The tree against all wire vectors: the same verdicts as the codec, every byte in exactly one place, problems that point. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodePacket, NnrpWireError } from "@nnrp/core";
import { decodePacketTree } from "./packet.ts";
import { decodeInput } from "./stream.ts";
import { type DecodedNode, type DecodedPacket, FULL } from "./tree.ts";
import { codecRefusal } from "./verdict.ts";

const data = new URL("../../../../tests/vectors/data/", import.meta.url);

interface Case {
  readonly name: string;
  readonly kind?: string;
  readonly hex: string;
}

function cases(group: string, file?: string): Case[] {
  const names = file === undefined ? readdirSync(new URL(`${group}/`, data)) : [file];
  return names.flatMap((name) => {
    const { cases } = JSON.parse(readFileSync(new URL(`${group}/${name}`, data), "utf8"));
    return cases as Case[];
  });
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

/** Leaves from left to right. */
function leaves(nodes: readonly DecodedNode[]): DecodedNode[] {
  return nodes.flatMap((node) => node.kind === "group" ? leaves(node.children ?? []) : [node]);
}

function all(nodes: readonly DecodedNode[]): DecodedNode[] {
  return nodes.flatMap((node) => [node, ...all(node.children ?? [])]);
}

/** What the codec says about a whole packet; as endpoints read results, so leniently. */
function verdict(bytes: Uint8Array): NnrpWireError | null {
  try {
    return codecRefusal(decodePacket(bytes).header, bytes);
  } catch (error) {
    if (error instanceof NnrpWireError) return error;
    throw error;
  }
}

/** Every byte of a packet in exactly one leaf, with the right hex. */
function assertCovered(packet: DecodedPacket, bytes: Uint8Array, name: string): void {
  let at = packet.offset;
  for (const leaf of leaves(packet.children)) {
    assertEquals(leaf.offset, at, `${name}: ${leaf.name} begins behind a hole or inside another`);
    assertEquals(
      leaf.hex,
      [...bytes.subarray(at, at + leaf.length)].map((b) => b.toString(16).padStart(2, "0")).join(""),
    );
    at += leaf.length;
  }
  assertEquals(at, packet.offset + packet.length, `${name}: the tree ends early`);
}

/** A problem that is told is found in the tree once, at the byte it speaks of, and nothing of the body comes after it. */
function assertPointed(packet: DecodedPacket, name: string): void {
  const { problem } = packet;
  if (problem === null) return;
  const marked = all(packet.children).filter((node) => node.problem !== undefined);
  assertEquals(marked.length, 1, `${name}: marked ${marked.map((n) => n.name)}`);
  assertEquals(marked[0].problem, problem);
  const inside = problem.offset >= packet.offset && problem.offset <= packet.offset + packet.length;
  assert(inside, `${name}: ${JSON.stringify(problem)} is outside of ${packet.offset} + ${packet.length}`);
  assert(/^(wire|behaviour) spec §\d+(\.\d+)?$/.test(problem.spec), `${name}: ${problem.spec}`);
  assert(!/"[^"]*\bundefined"/.test(JSON.stringify(packet)), name);
}

test("valid and odd messages are decoded without a problem, every byte in one place", () => {
  let count = 0;
  for (const group of ["valid", "odd"]) {
    for (const { name, kind, hex } of cases(group)) {
      if (kind !== "message" && kind !== "packet") continue;
      const bytes = bytesOf(hex);
      const packet = decodePacketTree(bytes, { ...FULL, showSecrets: true });
      // A packet's insides may be anything; and one message is read, but its body cannot be opened (wire spec §15.5).
      if (verdict(bytes) !== null && (kind === "packet" || name.includes("extension bytes beyond body"))) {
        continue;
      }
      assertEquals(packet.problem, null, `${name}: ${JSON.stringify(packet.problem)}`);
      assertEquals([packet.incomplete, packet.length], [false, bytes.length], name);
      assertCovered(packet, bytes, `${group} ${name}`);
      count++;
    }
  }
  assert(count > 900, `${count} cases`);
});

test("invalid messages have a problem at the byte that is wrong, unless sessions read them after all", () => {
  let lenient = 0;
  for (const { name, kind, hex } of cases("invalid", "message.json")) {
    const bytes = bytesOf(hex);
    const packet = decodePacketTree(bytes, { ...FULL, showSecrets: true });
    const refusal = verdict(bytes);
    if (refusal === null) lenient++;
    else if (refusal.field === "packet") assert(packet.incomplete || packet.length < bytes.length, name);
    else assert(packet.problem !== null, `${name}: ${kind}`);
    assertPointed(packet, name);
  }
  assertEquals(lenient, 2); // wire spec §15.7
});

test("the tree and the codec agree on every mutation of every vector", () => {
  interface Mutated {
    readonly name: string;
    readonly hex: string;
    readonly bytes: readonly (readonly number[])[];
    readonly words: readonly (readonly number[])[];
  }
  const { cases } = JSON.parse(readFileSync(new URL("mutations/mutations.json", data), "utf8"));
  let count = 0;
  for (const { name, hex, bytes: changes, words } of cases as Mutated[]) {
    const bytes = bytesOf(hex);
    const view = new DataView(bytes.buffer);
    const judge = (label: string) => {
      const refusal = verdict(bytes);
      const input = decodeInput(bytes, { maxHexBytes: 1, maxTextLength: 8 });
      const [packet] = input.packets;
      const whole = refusal === null || !/^packet/.test(refusal.field); // else cut or followed by more
      if (whole) assertEquals(packet.problem === null, refusal === null, `${label}: ${refusal?.message}`);
      for (const each of input.packets) assertPointed(each, label);
      count++;
    };
    for (const [at, byte] of changes) {
      const before = bytes[at];
      bytes[at] = byte;
      judge(`${name} bytes [${at}, ${byte}]`);
      bytes[at] = before;
    }
    for (const [at, word] of words) {
      const before = view.getUint32(at, true);
      view.setUint32(at, word, true);
      judge(`${name} words [${at}, ${word}]`);
      view.setUint32(at, before, true);
    }
  }
  assert(count > 50_000, `${count} mutations`);
});

test("a packet that is cut anywhere is incomplete or broken, never a surprise", () => {
  for (const { name, hex } of cases("valid", "builder_frame_submit_mixed.json").slice(0, 12)) {
    const bytes = bytesOf(hex);
    for (let length = 1; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const { packets, unread } = decodeInput(cut, FULL);
      assertEquals(
        [packets.length, packets[0].incomplete, packets[0].problem, unread],
        [1, true, null, null],
        name,
      );
      assertEquals(packets[0].length, length);
      const shown = leaves(packets[0].children).at(-1);
      assert(
        length < 4 || (shown !== undefined && shown.offset + shown.length > length - 8),
        `${name} cut at ${length}`,
      );
    }
  }
});

test("any bytes at all give a tree", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const { packets } = decodeInput(bytes);
      assertEquals(packets.length > 0, bytes.length > 0);
      for (const packet of packets) assertPointed(packet, "random");
    }),
    { numRuns: 300 },
  );
});

test("a good header before any bytes gives a tree", () => {
  const types = [
    0x01,
    0x02,
    0x03,
    0x04,
    0x05,
    0x06,
    0x10,
    0x11,
    0x12,
    0x13,
    0x14,
    0x15,
    0x16,
    0x17,
    0x18,
    0x19,
    0x1a,
  ]
    .concat([0x1b, 0x1c, 0x20, 0x21]);
  const sizes = new Map([[0x01, 64], [0x02, 80], [0x03, 36], [0x04, 48], [0x10, 72], [0x12, 64], [0x06, 32]]);
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.uint8Array({ maxLength: 100 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.boolean(),
      (type, metadata, body, calm) => {
        const meta = sizes.get(type) ?? metadata.length;
        const bytes = new Uint8Array(40 + meta + body.length);
        bytes.set([0x4e, 0x4e, 0x52, 0x50, 1, 0, type, 40]);
        const view = new DataView(bytes.buffer);
        view.setUint32(12, meta, true);
        view.setUint32(16, body.length, true);
        if (!calm) bytes.set(metadata.subarray(0, meta), 40);
        else if (type === 0x10) view.setUint32(40 + 64, 3, true); // two kinds promised: composed
        bytes.set(body, 40 + meta);
        const packet = decodePacketTree(bytes);
        assertEquals(packet.problem === null, verdict(bytes) === null);
        assertPointed(packet, `type ${type}`);
      },
    ),
    { numRuns: 2000 },
  );
});

test("valid packets with changed, removed and added bytes give a tree", () => {
  const packets = cases("valid").filter(({ kind }) => kind === "message").map(({ hex }) => bytesOf(hex));
  fc.assert(
    fc.property(
      fc.constantFrom(...packets),
      fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 6 }),
      fc.nat(4000),
      fc.uint8Array({ maxLength: 60 }),
      (packet, changes, cut, tail) => {
        const bytes = new Uint8Array(Math.min(packet.length, cut + 40) + tail.length);
        bytes.set(packet.subarray(0, cut + 40));
        bytes.set(tail, bytes.length - tail.length);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        for (const each of decodeInput(bytes).packets) assertPointed(each, "changed");
      },
    ),
    { numRuns: 3000 },
  );
});
