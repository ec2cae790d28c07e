/**
 * Runs the lines of `docs/cli.md` and keeps what they print.
 *
 * @module
 */
import { freePort } from "../../../tests/support/free_port.ts";
import { runCli } from "../src/cli.ts";
import type { CommandDemonstration } from "../src/command.ts";
import { normalise } from "./normalise.ts";
import type { Shown } from "./page.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
/** The port that the page shows. */
const SHOWN_PORT = "4433";
/** A server that does not end when its client is done is ended, ms. */
const SERVER_END_MS = 5000;

/**
 * Runs one line, with its server if it needs one.
 *
 * @param echoPort Port of the server that `ADDRESS` stands for.
 * @throws Error if it ends with another exit code than expected.
 */
export async function demonstrate(demonstration: CommandDemonstration, echoPort: number): Promise<Shown> {
  const { exitCode: expected = 0, changing = false } = demonstration;
  const port = demonstration.server === undefined ? echoPort : await freePort();
  const filled = (line: string, number: string) =>
    line.replaceAll("ADDRESS", `nnrp://127.0.0.1:${number}`).replaceAll("PORT", number);
  const shown = (lines: readonly string[]) => {
    const stable = lines.map((line) => line.replaceAll(`${port}`, SHOWN_PORT));
    return changing ? normalise(stable) : stable;
  };
  const server = demonstration.server === undefined
    ? null
    : await startServer(filled(demonstration.server, `${port}`));
  const lines: string[] = [];
  const keep = (text: string) => void lines.push(...text.split("\n"));
  const argv = filled(demonstration.line, `${port}`).split(" ");
  const exitCode = await runCli(argv, { print: keep, warn: keep, write: keep });
  const serverLines = await server?.end();
  if (exitCode !== expected) {
    throw new Error(
      `nnrp ${argv.join(" ")} ended with ${exitCode} instead of ${expected}:\n${lines.join("\n")}`,
    );
  }
  return {
    demonstration,
    line: filled(demonstration.line, SHOWN_PORT),
    lines: shown(lines),
    exitCode,
    server: serverLines === undefined
      ? null
      : { line: filled(demonstration.server!, SHOWN_PORT), lines: shown(serverLines) },
  };
}

/** Starts `nnrp` and waits for its first line, on either output. */
async function startServer(line: string): Promise<{ end(): Promise<string[]> }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", MAIN, ...line.split(" ")],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let text = "";
  let begun = () => {};
  const first = new Promise<void>((resolve) => begun = resolve);
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const piece of stream) {
      text += decoder.decode(piece, { stream: true });
      if (text.includes("\n")) begun();
    }
    begun();
  };
  const outputs = Promise.all([read(child.stdout), read(child.stderr)]);
  await first;
  return {
    end: async () => {
      await child.stdin.close();
      const timer = setTimeout(() => child.kill("SIGTERM"), SERVER_END_MS);
      await child.status;
      clearTimeout(timer);
      await outputs;
      return text.trimEnd().split("\n");
    },
  };
}
