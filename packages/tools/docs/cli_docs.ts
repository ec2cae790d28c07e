/**
 * `deno task cli-docs`: makes `docs/cli.md` and `docs/images/decode.svg` from the table of commands and from what they print.
 * `--check` compares instead and fails if they differ.
 *
 * @module
 */
import { COMMANDS } from "../src/commands.ts";
import { runCli } from "../src/cli.ts";
import type { Command } from "../src/command.ts";
import { demonstrate } from "./demonstrate.ts";
import { cliPage, type Shown } from "./page.ts";
import { sampleFiles } from "./samples.ts";
import { terminalPicture } from "./terminal_picture.ts";
import { serve } from "@nnrp/server";

const root = new URL("../../../", import.meta.url);
const PICTURE_COMMAND = "nnrp decode submit.bin --brief";

const check = Deno.args.includes("--check");
const folder = Deno.makeTempDirSync({ prefix: "nnrp-cli-docs-" });
let pages: Record<string, string>;
try {
  Deno.chdir(folder);
  pages = await makePages();
} finally {
  Deno.chdir(root);
  Deno.removeSync(folder, { recursive: true });
}
let stale = 0;
for (const [path, text] of Object.entries(pages)) {
  const file = new URL(path, root);
  if (read(file) === text) continue;
  if (check) {
    stale++;
    console.log(`${path} is not what the commands print any more; run: deno task cli-docs`);
    console.log(firstDifference(read(file), text));
  } else {
    Deno.writeTextFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}
Deno.exit(stale === 0 ? 0 : 1);

async function makePages(): Promise<Record<string, string>> {
  makeFiles();
  await using server = await serve({ port: 0, profile: { modelName: "echo" } }, (frame) => ({
    tileIds: frame.tileIds ?? [],
    sections: frame.sections ?? [],
    typedPayloads: frame.typedPayloads,
  }));
  const shown = new Map<Command, readonly Shown[]>();
  for (const command of COMMANDS) {
    const runs: Shown[] = [];
    for (const each of command.demonstrations ?? []) runs.push(await demonstrate(each, server.port));
    shown.set(command, runs);
  }
  return { "docs/cli.md": cliPage(COMMANDS, shown), "docs/images/decode.svg": await decodePicture() };
}

/** What the demonstrations find in their folder. */
function makeFiles(): void {
  const picture = Deno.readFileSync(new URL("packages/tools/assets/coffee.png", root));
  const vectors = new URL("tests/vectors/data/", root);
  const golden = Deno.readTextFileSync(new URL("golden/cross_language_golden_vectors.json", vectors));
  for (const [name, bytes] of Object.entries(sampleFiles(picture, golden))) Deno.writeFileSync(name, bytes);
  for (const path of ["valid/header.json", "invalid/header.json", "odd/header.json"]) {
    Deno.mkdirSync(`vectors/${path.split("/")[0]}`, { recursive: true });
    Deno.copyFileSync(new URL(path, vectors), `vectors/${path}`);
  }
}

async function decodePicture(): Promise<string> {
  const lines: string[] = [];
  const keep = (text: string) => void lines.push(text);
  await runCli(PICTURE_COMMAND.split(" ").slice(1), {
    print: keep,
    warn: keep,
    terminal: { colours: true, columns: 110 },
  });
  return terminalPicture(
    PICTURE_COMMAND,
    lines,
    "nnrp decode shows a FRAME_SUBMIT packet: every byte with its offset, name and meaning",
  );
}

function read(file: URL): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return "";
  }
}

function firstDifference(before: string, after: string): string {
  const [a, b] = [before.split("\n"), after.split("\n")];
  const at = a.findIndex((line, i) => line !== b[i]);
  const line = at < 0 ? a.length : at;
  return `line ${line + 1}\n- ${a[line] ?? "(ends)"}\n+ ${b[line] ?? "(ends)"}`;
}
