/** Completion scripts: the one for bash in a real bash, the others by what they are made of. */
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCli } from "../cli.ts";
import { COMMANDS } from "../commands.ts";
import { completionScript } from "./mod.ts";
import { firstWords, optionsOf, spellings } from "./words.ts";

/** What bash offers for the last word of a line; the script says nothing on its way. */
function offered(...words: string[]): string[] {
  const script = `${completionScript("bash", COMMANDS)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
$(complete -p nnrp | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["--norc", "-c", script], {
    cwd: new URL("./", import.meta.url),
    encoding: "utf8",
  });
  assertEquals([status, stderr], [0, ""]);
  return stdout.split("\n").filter((line) => line !== "");
}

test("bash completes commands, and the second word of those that have two", () => {
  const all = offered("nnrp", "");
  for (const { word } of firstWords(COMMANDS)) assert(all.includes(word), word);
  assertEquals(offered("nnrp", "dec"), ["decode"]);
  assertEquals(offered("nnrp", "vectors", ""), ["check"]);
  assertEquals(offered("nnrp", "peer", "d"), ["drive"]);
  assertEquals(offered("nnrp", "nonsense", "--"), []);
});

test("bash completes all options of every command", () => {
  for (const command of COMMANDS) {
    const found = offered("nnrp", ...command.name.split(" "), "-");
    assertEquals(found.sort(), optionsOf(command).flatMap(spellings).sort(), command.name);
  }
});

test("bash completes words, files and folders where they may stand", () => {
  assertEquals(offered("nnrp", "completion", "z"), ["zsh"]);
  assertEquals(offered("nnrp", "submit", "--scale", ""), ["2", "4"]);
  assertEquals(offered("nnrp", "serve", "-m", "ec"), ["echo"]);
  assertEquals(offered("nnrp", "decode", "bash"), ["bash.ts"]);
  assertEquals(offered("nnrp", "decode", "--packet", ""), []);
  assertEquals(offered("nnrp", "demo", "--out", "bash"), []); // a file, and folders are wanted
});

test("the script for zsh offers every command and option, and its quotes are closed", () => {
  const script = completionScript("zsh", COMMANDS);
  assert(script.startsWith("#compdef nnrp\n"));
  for (const command of COMMANDS) {
    assertStringIncludes(script, `    ('${command.name}')\n      _arguments `);
    for (const option of optionsOf(command)) assertStringIncludes(script, `--${option.name}`);
  }
  // What bash can read has balanced quotes and brackets; zsh is stricter nowhere that matters here.
  const { status, stderr } = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });
  assertEquals([status, stderr], [0, ""]);
});

test("the script for fish offers every command and option, one complete line each", () => {
  const lines = completionScript("fish", COMMANDS).trimEnd().split("\n");
  const begin = lines.indexOf("complete -c nnrp -f");
  assertEquals(lines.slice(0, begin).filter((line) => line === "end").length, 2);
  const shape =
    /^complete -c nnrp -n ('[^']+'|\w+)( -s \w)?( -l [\w-]+)?( -x| -r)?( -[fF])?( -a '[^']*')?( -d '([^'\\]|\\.)*')?$/;
  for (const line of lines.slice(begin + 1)) assert(shape.test(line), line);
  for (const command of COMMANDS) {
    for (const { name } of optionsOf(command)) {
      assert(
        lines.some((line) =>
          line.startsWith(`complete -c nnrp -n '__nnrp_in ${command.name}'`) && line.includes(` -l ${name}`)
        ),
      );
    }
  }
});

test("the command prints a script, and knows what was meant", async () => {
  const out: string[] = [];
  const err: string[] = [];
  const output = {
    print: (line: string) => void out.push(line),
    warn: (line: string) => void err.push(line),
  };
  assertEquals(await runCli(["completion", "bash"], output), 0);
  assertEquals(`${out.join("\n")}\n`, completionScript("bash", COMMANDS));
  assertEquals(await runCli(["completion", "bsh"], output), 2);
  assertEquals(err, ["nnrp completion: there is no script for bsh; did you mean bash?"]);
});
