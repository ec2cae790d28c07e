/**
 * What a peer sends is read in linear time: every parser of its bytes gets nasty fillings at its bound, and with the bound lifted at
 * 32 KiB and 1 MiB, in a process that is killed when nothing is done for 20 s. Only the ratio of the two times decides.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { ALL_PARSERS } from "./parsers.ts";

const LIMIT_MS = 20_000;
/** Parsers of one process. */
const AT_ONCE = 3;
const PROGRAM = fileURLToPath(new URL("./slowness.ts", import.meta.url));

interface Line {
  readonly begins?: string;
  readonly ended?: string;
  readonly ok?: boolean;
}

function run(
  from: number,
  to: number,
): Promise<{ lines: Line[]; words: string; killed: boolean; code: number | null }> {
  const deno = "Deno" in globalThis ? ["run", "-A", "--quiet", "--no-check"] : [];
  const argv = [...deno, PROGRAM, String(from), String(to)];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let words = "";
  let killed = false;
  child.stderr.on("data", (chunk) => words += String(chunk));
  const kill = () => {
    killed = true;
    child.kill("SIGKILL");
  };
  let timer = setTimeout(kill, LIMIT_MS);
  child.stdout.on("data", (chunk) => {
    out += String(chunk);
    clearTimeout(timer);
    timer = setTimeout(kill, LIMIT_MS);
  });
  return new Promise((resolve) =>
    child.once("close", (code) => {
      clearTimeout(timer);
      const lines = out.split("\n").filter((line) => line.endsWith("}")).map((line) =>
        JSON.parse(line) as Line
      );
      resolve({ lines, words, killed, code });
    })
  );
}

for (let from = 0; from < ALL_PARSERS.length; from += AT_ONCE) {
  const parsers = ALL_PARSERS.slice(from, from + AT_ONCE);
  test(`linear: ${parsers.map(({ name }) => name).join("; ")}`, async () => {
    const { lines, words, killed, code } = await run(from, from + AT_ONCE);
    assert(!killed, `nothing done for ${LIMIT_MS / 1000} s: ${lines.at(-1)?.begins ?? words}`);
    assertEquals(code, 0, words);
    const ended = lines.filter((line) => line.ended !== undefined);
    assertEquals(ended.filter((line) => !line.ok), []);
    for (const { name } of parsers) {
      assert(ended.some((line) => line.ended!.startsWith(`${name} with `)), name);
    }
    assertEquals(ended.length, lines.length / 2, "every case that begins ends");
  });
}
