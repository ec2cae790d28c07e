/**
 * Golden vectors against nnrp-py 1.0.0rc2, live. Needs Python with that package. Deno only.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseGoldenVectorsJson, renderGoldenVectorsJson, runCli, VectorFormatError } from "../mod.ts";
import { runNnrp } from "./nnrp_process.ts";
import { askReference, skipReference } from "./reference_python.ts";

interface Answers {
  readonly export: string;
  readonly read: readonly (string | null)[];
}

const SCHEMA = "nnrp.cross-language-golden-vectors.v1";
const good = { name: "a", kind: "header", hex: "00ff" };

/** A file with vectors that differ from a good one in these fields. */
const file = (...changes: object[]) =>
  JSON.stringify({
    schema: SCHEMA,
    vectors: changes.map((change, i) => ({ ...good, name: `v${i}`, ...change })),
  });

/** Texts that are golden files, nearly, or not at all. */
const TEXTS: readonly string[] = [
  file({}),
  file({ hex: "AbCd" }, { hex: "" }, { bytes: 2 }, { description: "" }, { description: "what it is" }),
  file({ description: 'é \u007f \u2028 😀 " \\ / \b\f\n\r\t\u0001' }, { name: "漢字", hex: "00  ff" }),
  file({ hex: " 00 ff " }, { hex: "00\tff\n" }, { unknown: [1, { x: null }] }, { bytes: null }),
  ..."header metadata packet body_region object_reference typed_payload_descriptor typed_payload_descriptor_region typed_payload_frame_region"
    .split(" ").map((kind) => file({ kind })),
  file({ kind: "tensor" }),
  file({ kind: "" }),
  file({ kind: 1 }),
  file({ name: "" }),
  file({ name: null }),
  file({ name: "same" }, { name: "same" }),
  file({ hex: "0" }),
  file({ hex: "0g" }),
  file({ hex: "0 0f" }),
  file({ hex: "00 f" }),
  file({ hex: "٠٠" }),
  file({ hex: undefined }),
  file({ bytes: 3 }),
  file({ bytes: "2" }),
  file({ description: null }),
  file({ description: 5 }),
  JSON.stringify({ schema: SCHEMA, vectors: [good, "text"] }),
  JSON.stringify({ schema: SCHEMA, vectors: [null] }),
  JSON.stringify({ schema: SCHEMA, vectors: {} }),
  JSON.stringify({ schema: SCHEMA }),
  JSON.stringify({ schema: "nnrp.cross-language-golden-vectors.v2", vectors: [] }),
  JSON.stringify({ vectors: [] }),
  "[]",
  "null",
  "7",
  "",
  "{",
  `\ufeff${file({})}`,
];

test("the export is the reference's, and files are read and written again as it does", {
  skip: skipReference,
}, async () => {
  const answers = await askReference<Answers>("rc2_golden.py", TEXTS);
  assertEquals(renderGoldenVectorsJson(), answers.export);
  assertEquals(answers.read.length, TEXTS.length);
  TEXTS.forEach((text, i) => {
    let ours: string | null = null;
    try {
      ours = renderGoldenVectorsJson(parseGoldenVectorsJson(text));
    } catch (error) {
      if (!(error instanceof VectorFormatError)) throw error;
    }
    assertEquals(ours, answers.read[i], text);
  });
});

test("nnrp golden export writes the export and not one byte more", async () => {
  const reference = new URL(
    "../../../tests/vectors/data/golden/cross_language_golden_vectors.json",
    import.meta.url,
  );
  const child = await runNnrp(["golden", "export"]);
  assertEquals([child.code, child.err], [0, ""]);
  assertEquals(child.out.join("\n"), readFileSync(reference, "utf8").trimEnd());
  let written = "";
  const collect = (text: string) => void (written += text);
  assertEquals(
    await runCli(["golden", "export", "--json"], { print: collect, warn: collect, write: collect }),
    0,
  );
  assertEquals(written, renderGoldenVectorsJson());
  assertEquals(written.at(-1), "}");
});
