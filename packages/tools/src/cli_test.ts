/** What `nnrp` itself does before a command runs: help, version, names that are none. */
import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { readFileSync } from "node:fs";
import { runCli } from "./cli.ts";
import { VERSION } from "./version.ts";

async function nnrp(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, { print: (line) => out.push(line), warn: (line) => err.push(line) });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

test("--version tells the version that the package has", async () => {
  for (const file of ["deno.json", "package.json"]) {
    assertEquals(JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), "utf8")).version, VERSION);
  }
  assertEquals(await nnrp("--version"), { code: 0, out: `nnrp ${VERSION} (NNRP/1)`, err: "" });
  assertEquals(await nnrp("-V"), await nnrp("--version"));
});

test("nnrp help COMMAND is nnrp COMMAND --help", async () => {
  assertEquals(await nnrp("help", "golden", "check"), await nnrp("golden", "check", "--help"));
  assertEquals(await nnrp("help"), await nnrp("--help"));
});

test("half a command is answered with those it may be", async () => {
  for (const second of [[], ["bogus"]]) {
    const { code, err } = await nnrp("smoke", ...second);
    assertEquals(code, 2);
    assertStringIncludes(err, "write nnrp smoke client or nnrp smoke server-once");
  }
  const { code, out } = await nnrp("golden", "--help");
  assertEquals(code, 0);
  assertStringIncludes(out, "golden export");
});

test("an unknown command is answered with a near one", async () => {
  const { code, err } = await nnrp("sevre");
  assertEquals([code, err], [
    2,
    `nnrp: unknown command "sevre"; did you mean "serve"? (nnrp --help lists all)`,
  ]);
});

test("a file of golden vectors that is not there is named without the system's words", async () => {
  const { code, err } = await nnrp("golden", "check", "no-such.json");
  assertEquals(code, 2);
  assertStringIncludes(err, "cannot read no-such.json: there is no such file");
});
