/**
 * `nnrp golden export` and `nnrp golden check FILE`: the vectors that all implementations write the same.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { type Command, CommandError, type CommandInput } from "../command.ts";
import { printLines } from "../output_gate.ts";
import { readStandardInput } from "../standard_input.ts";

/** Writes the golden vectors. */
export const goldenExportCommand: Command = {
  name: "golden export",
  summary: "write the golden vectors, for other implementations to compare with",
  description:
    "Writes the twelve golden vectors as JSON to standard output, byte for byte what nnrp-py 1.0.0rc2 exports: two spaces of " +
    "indentation, no line end after the last brace.",
  options: [{ name: "json", type: "boolean", help: "no difference: it is JSON anyway" }],
  examples: ["golden export > golden.json"],
  demonstrations: [{ line: "golden export", maxLines: 14 }],
  async run({ write, print }) {
    const { renderGoldenVectorsJson } = await import("../golden/mod.ts");
    const text = renderGoldenVectorsJson();
    if (write === undefined) printLines(print, text);
    else write(text);
    return 0;
  },
};

/** Compares a file of golden vectors with ours. */
export const goldenCheckCommand: Command = {
  name: "golden check",
  summary: "compare golden vectors of another implementation, field by field",
  description:
    "Reads a file of golden vectors (schema nnrp.cross-language-golden-vectors.v1) and prints a line for every field that " +
    "differs: vector, field, byte, what was expected and what was found. Vectors that are missing count as differences; " +
    "others than the twelve are named and not compared. Exit code 0: all there and the same, 1: differences, or no such " +
    "file format, 2: no file.",
  args: [{ name: "FILE", help: "JSON file, - for standard input" }],
  options: [{ name: "json", type: "boolean", help: "print the report as one JSON object" }],
  examples: ["golden check golden.json", "golden export | nnrp golden check -"],
  demonstrations: [
    { line: "golden check golden.json" },
    { line: "golden check other.json", about: "A file in which one byte is different:", exitCode: 1 },
  ],
  run: check,
};

async function check({ args, options, print }: CommandInput): Promise<number> {
  const [file] = args;
  const golden = await import("../golden/mod.ts");
  const { VectorFormatError } = await import("../vectors/format.ts");
  let bytes: Uint8Array;
  try {
    bytes = file === "-" ? await readStandardInput() : await readFile(file);
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : message;
    throw new CommandError(`cannot read ${file}: ${why}; give a file that golden export wrote, or -`, 2);
  }
  let vectors;
  try {
    vectors = golden.parseGoldenVectorsJson(bytes);
  } catch (error) {
    if (!(error instanceof VectorFormatError)) throw error;
    throw new CommandError(
      `${file === "-" ? "standard input" : file} holds no golden vectors: ${error.message}`,
    );
  }
  const report = golden.compareGoldenVectors(vectors);
  const { same, differences, missing, extra } = report;
  const total = same.length + missing.length + new Set(differences.map(({ vector }) => vector)).size;
  if (options["json"] === true) print(JSON.stringify(report));
  else {
    for (const difference of differences) print(golden.renderGoldenDifference(difference));
    for (const name of missing) print(`${name}: missing`);
    for (const name of extra) print(`${name}: not one of the ${total}, not compared`);
    print(`${same.length} of ${total} vectors are the same`);
  }
  return same.length === total ? 0 : 1;
}
