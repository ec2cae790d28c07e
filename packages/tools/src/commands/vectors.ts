/**
 * `nnrp vectors check DIR`: puts this implementation to a folder of wire vectors.
 *
 * @module
 */
import { type Command, CommandError, type CommandInput } from "../command.ts";
import { checkVectorFile } from "../vectors/check.ts";
import { loadVectors, VectorFolderError } from "../vectors/load.ts";

/** Checks all vectors below a folder. Exit codes: 0 all passed, 1 some failed, 2 nothing to check or unreadable. */
export const vectorsCheckCommand: Command = {
  name: "vectors check",
  summary: "check this codec against a folder of wire vectors",
  description:
    "Reads every JSON file below DIR in the formats nnrp-wire-vectors/1 and nnrp.cross-language-golden-vectors.v1 " +
    "(valid, invalid, odd, encode_refused, mutations, golden; any part of them will do), decodes, encodes and refuses what " +
    "they say, prints one line per failure and ends with the counts. Every verdict of a mutation is one case. Exit code 0: " +
    "all passed, 1: some failed, 2: no folder, no vectors, or unreadable JSON.",
  args: [{ name: "DIR", help: "folder with vectors, or one vector file" }],
  examples: ["vectors check tests/vectors/data", "vectors check tests/vectors/data/invalid"],
  demonstrations: [{ line: "vectors check vectors" }],
  run(input: CommandInput): Promise<number> {
    return Promise.resolve(run(input));
  },
};

function run({ args, print, warn, signal }: CommandInput): number {
  const folder = args[0];
  if (folder === undefined) {
    warn("nnrp vectors check: which folder?");
    return 2;
  }
  let found;
  try {
    found = loadVectors(folder.length > 1 ? folder.replace(/[/\\]+$/, "") : folder);
  } catch (error) {
    if (!(error instanceof VectorFolderError)) throw error;
    warn(`nnrp vectors check: ${error.message}`);
    return 2;
  }
  for (const path of found.skipped) if (!path.endsWith("index.json")) warn(`skipped ${path}: no vectors`);
  let passed = 0;
  let failed = 0;
  for (const loaded of found.files) {
    if (signal.aborted) throw new CommandError("stopped", 130);
    const report = checkVectorFile(loaded);
    passed += report.passed;
    failed += report.failures.length;
    for (const { path, name, message } of report.failures) print(`FAIL ${path} "${name}": ${message}`);
  }
  print(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
