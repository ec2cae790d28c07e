import { test } from "node:test";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { runCli } from "../cli.ts";
import { type GoldenVector, VectorFormatError } from "../vectors/format.ts";
import {
  compareGoldenVectors,
  exportGoldenVectors,
  parseGoldenVectorsJson,
  renderGoldenDifference,
  renderGoldenVectorsJson,
} from "./mod.ts";

/** The export with one vector changed. */
function withChange(name: string, change: (hex: string) => Partial<GoldenVector>): GoldenVector[] {
  return exportGoldenVectors().map((vector) => {
    if (vector.name !== name) return vector;
    const changed = { ...vector, ...change(vector.hex) };
    return { ...changed, bytes: changed.hex.length / 2 };
  });
}

/** Puts other bytes into hex text. */
const patched = (hex: string, at: number, bytes: string) =>
  hex.slice(0, 2 * at) + bytes + hex.slice(2 * at + bytes.length);

const lines = (found: readonly GoldenVector[]) =>
  compareGoldenVectors(found).differences.map(renderGoldenDifference);

/** Runs the command on a file. */
async function check(
  text: string,
  ...flags: string[]
): Promise<{ code: number; out: string[]; err: string[] }> {
  const folder = mkdtempSync(`${tmpdir()}/nnrp-golden-`);
  const out: string[] = [];
  const err: string[] = [];
  try {
    writeFileSync(`${folder}/golden.json`, text);
    const code = await runCli(["golden", "check", `${folder}/golden.json`, ...flags], {
      print: (line) => void out.push(line),
      warn: (line) => void err.push(line.replaceAll(`${folder}/`, "")),
    });
    return { code, out, err };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a written export is read as it was", () => {
  assertEquals(parseGoldenVectorsJson(renderGoldenVectorsJson()), exportGoldenVectors());
  const report = compareGoldenVectors(exportGoldenVectors().reverse());
  assertEquals([report.same.length, report.differences, report.missing, report.extra], [12, [], [], []]);
});

test("a difference is told by field, place, and both values with their names", () => {
  const header = "current.header.frame_submit_ack_required_keyframe";
  assertEquals(lines(withChange(header, (hex) => ({ hex: patched(hex, 8, "01") }))), [
    `${header}: flags at byte 8: expected 0x21 ACK_REQUIRED|KEYFRAME, found 0x1 ACK_REQUIRED`,
  ]);
  assertEquals(lines(withChange(header, (hex) => ({ hex: patched(hex, 3, "51") }))), [
    `${header}: magic at byte 0: expected 4e4e5250, found 4e4e5251`,
  ]);
  assertEquals(lines(withChange(header, (hex) => ({ hex: patched(hex, 6, "20") }))), [
    `${header}: msg_type at byte 6: expected 16 FRAME_SUBMIT, found 32 PING`,
  ]);
  assertEquals(lines(withChange(header, (hex) => ({ hex: patched(hex, 32, "ffffffffffffffff") }))), [
    `${header}: trace_id at byte 32: expected 123456789, found 18446744073709551615`,
  ]);
  const flow = "current.packet.flow_update";
  assertEquals(lines(withChange(flow, (hex) => ({ hex: patched(hex, 42, "07") }))), [
    `${flow}: flow_update.backpressure_level at byte 42: expected 2 HARD, found 7`,
  ]);
});

test("every changed byte of every vector is found, in one field", () => {
  for (const vector of exportGoldenVectors()) {
    for (let at = 0; at < vector.bytes; at++) {
      const flipped = (parseInt(vector.hex.slice(2 * at, 2 * at + 2), 16) ^ 0xff).toString(16).padStart(
        2,
        "0",
      );
      const { differences } = compareGoldenVectors(withChange(vector.name, (hex) => ({
        hex: patched(hex, at, flipped),
      })));
      assertEquals(differences.length, 1, `${vector.name} ${at}`);
      assertEquals(differences[0].vector, vector.name);
    }
  }
});

test("shorter, longer and renamed vectors are told", () => {
  const prelude = "current.body_region.prelude";
  assertEquals(lines(withChange(prelude, (hex) => ({ hex: hex.slice(0, 60) }))), [
    `${prelude}: reserved at byte 28: expected 0, found missing`,
    `${prelude}: length at byte 30: expected 32 bytes, found 30 bytes`,
  ]);
  assertEquals(lines(withChange(prelude, (hex) => ({ hex: `${hex}00` }))), [
    `${prelude}: length at byte 32: expected 32 bytes, found 33 bytes`,
  ]);
  assertEquals(lines(withChange(prelude, () => ({ kind: "metadata" }))), [
    `${prelude}: kind: expected body_region, found metadata`,
  ]);
  const report = compareGoldenVectors(withChange(prelude, () => ({ name: "mine" })));
  assertEquals([report.missing, report.extra], [[prelude], ["mine"]]);
});

test("text payloads and descriptors of a region are told apart", () => {
  const region = "current.typed_payload.frame_descriptor_region";
  assertEquals(lines(withChange(region, (hex) => ({ hex: patched(hex, 18, "09") }))), [
    `${region}: descriptors[1].profile_id at byte 18: expected 2, found 9`,
  ]);
  const frames = "current.typed_payload.frame_region";
  assertEquals(lines(withChange(frames, (hex) => ({ hex: patched(hex, 0, "75") }))), [
    `${frames}: bytes at byte 0: expected 746f6b6175766964656f657674, found 756f6b6175766964656f657674`,
  ]);
});

test("vectors that cannot be written are refused", () => {
  const [first] = exportGoldenVectors();
  assertThrows(() => renderGoldenVectorsJson([{ ...first, kind: "thing" }]), VectorFormatError, "thing");
  assertThrows(() => renderGoldenVectorsJson([{ ...first, bytes: 1 }]), VectorFormatError, "bytes");
});

test("golden check says what differs and counts it", async () => {
  assertEquals(await check(renderGoldenVectorsJson()), {
    code: 0,
    out: ["12 of 12 vectors are the same"],
    err: [],
  });
  const hello = "current.metadata.client_hello";
  const changed = withChange(hello, (hex) => ({ hex: patched(hex, 0, "02") })).slice(1);
  const { code, out } = await check(renderGoldenVectorsJson([...changed, { ...changed[0], name: "extra" }]));
  assertEquals(code, 1);
  assertEquals(out, [
    `${hello}: min_version_major at byte 0: expected 1, found 2`,
    "current.header.frame_submit_ack_required_keyframe: missing",
    "extra: not one of the 12, not compared",
    "10 of 12 vectors are the same",
  ]);
  const json = await check(renderGoldenVectorsJson(changed), "--json");
  assertEquals(json.code, 1);
  const report = JSON.parse(json.out.join(""));
  assertEquals(report.differences, [
    { vector: hello, field: "min_version_major", offset: 0, expected: "1", found: "2" },
  ]);
});

test("golden check on no golden file ends with one line", async () => {
  const refused = async (text: string, words: RegExp) => {
    const { code, out, err } = await check(text);
    assertEquals([code, out, err.length], [1, [], 1]);
    assertMatch(err[0], words);
  };
  await refused("{", /^nnrp golden check: golden\.json holds no golden vectors: no JSON/);
  await refused("{}", /schema null is not nnrp\.cross-language-golden-vectors\.v1/);
  await refused(renderGoldenVectorsJson().replace('"bytes": 40', '"bytes": 41'), /says 41, "hex" holds 40/);
  const err: string[] = [];
  const output = { print: () => {}, warn: (line: string) => void err.push(line) };
  assertEquals(await runCli(["golden", "check", "no/such/file.json"], output), 2);
  assertMatch(err.join("\n"), /^nnrp golden check: cannot read no\/such\/file\.json: /);
  assertEquals(await runCli(["golden", "check"], output), 2);
});
