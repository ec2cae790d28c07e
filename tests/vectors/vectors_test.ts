/**
 * All wire vectors, file by file, and the counts against the index, so that none is left out silently.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { checkVectorFile } from "../../packages/tools/src/vectors/check.ts";
import { DEVIATIONS, deviationsOf } from "../../packages/tools/src/vectors/deviations.ts";
import { loadVectors } from "../../packages/tools/src/vectors/load.ts";

const data = fileURLToPath(new URL("./data", import.meta.url));
const { files, skipped } = loadVectors(data);

/** Counts by group and file; for mutations by what is counted. */
const index = JSON.parse(readFileSync(`${data}/index.json`, "utf8")) as Record<
  string,
  Record<string, number>
>;

for (const loaded of files) {
  test(`${loaded.path}: every case passes`, () => {
    const { passed, failures } = checkVectorFile(loaded);
    assertEquals(failures.map(({ name, message }) => `${name}: ${message}`).slice(0, 10), []);
    assertEquals(passed, expectedCount(loaded.path));
  });
}

test("the folder holds exactly the files of the index, and the golden export", () => {
  const named = Object.entries(index).flatMap(([group, counts]) =>
    group === "mutations"
      ? ["mutations/mutations.json"]
      : Object.keys(counts).map((name) => `${group}/${name}.json`)
  );
  named.push("golden/cross_language_golden_vectors.json");
  assertEquals(files.map(({ path }) => path), named.sort());
  assertEquals(skipped, ["index.json"]);
});

test("a file's group is that of its folder", () => {
  for (const { path, file } of files) assertEquals(file.group, path.slice(0, path.indexOf("/")));
});

test("the mutations are as many as the index says, and as many of them accepted", () => {
  let accepted = 0;
  let verdicts = 0;
  const loaded = files.find(({ file }) => file.group === "mutations")!;
  assert(loaded.file.group === "mutations");
  for (const { bytes, words, body_cut, body_grow, meta_cut } of loaded.file.cases) {
    for (const row of [bytes, words, body_cut, body_grow, meta_cut].flatMap((rows) => rows ?? [])) {
      verdicts++;
      if (row[row.length - 1] === 0) accepted++;
    }
  }
  assertEquals({ bases: loaded.file.cases.length, verdicts, accepted }, index.mutations);
});

test("every deliberate deviation is shown by a vector, and every name in the table is one", () => {
  const seen = new Map(DEVIATIONS.map((deviation) => [deviation, new Set<string>()]));
  for (const { file } of files) {
    if (file.group !== "odd" && file.group !== "invalid") continue;
    for (const vector of file.cases) {
      for (const deviation of deviationsOf(file.group, vector)) seen.get(deviation)!.add(vector.name);
    }
  }
  for (const [{ row, vectors }, names] of seen) {
    assert(names.size > 0, `row ${row}`);
    if (vectors.names !== undefined) assertEquals([...names].sort(), [...vectors.names].sort());
  }
});

function expectedCount(path: string): number {
  const [group, file] = path.split("/");
  if (group === "golden") return 12;
  return group === "mutations" ? index.mutations.verdicts : index[group][file.replace(".json", "")];
}
