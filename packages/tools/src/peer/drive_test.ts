/** @module */
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { drivePeer } from "./drive.ts";
import { servePeer } from "./serve.ts";
import { readServeFlags, SERVE_OPTIONS } from "./serve_flags.ts";

type Line = Record<string, unknown>;

async function drive(
  scenario: string,
  ports: { tcpPort?: number; quicPort?: number },
): Promise<{ code: number; lines: Line[] }> {
  const lines: Line[] = [];
  const code = await drivePeer({
    transport: "tcp",
    host: "127.0.0.1",
    tcpPort: 0,
    quicPort: 0,
    ...ports,
    scenario,
    timeoutMs: 2000,
    limitMs: 5000,
  }, { print: (line) => lines.push(JSON.parse(line)), signal: new AbortController().signal });
  return { code, lines };
}

test("a scenario is ok with the server it asks for and fails with another", async () => {
  const abort = new AbortController();
  let listening = (_port: number) => {};
  const port = new Promise<number>((resolve) => listening = resolve);
  const defaults = Object.fromEntries(SERVE_OPTIONS.map((option) => [option.name, option.default]));
  const serving = servePeer(readServeFlags({ ...defaults, transport: "tcp" }), {
    print: (line) => line.includes("listening") && listening(JSON.parse(line).tcp_port),
    warn: (line) => assert(false, line),
    signal: abort.signal,
  });
  const { code, lines } = await drive("ping,drop,frame-error", { tcpPort: await port });
  abort.abort();
  await serving;
  assertEquals(code, 1);
  assertEquals(lines.slice(0, -1).map((line) => [line["scenario"], line["ok"]]), [
    ["ping", true],
    ["drop", false],
    ["frame-error", false],
  ]);
  const { summary, passed, failed, skipped } = lines[3];
  assertEquals({ summary, passed, failed, skipped }, { summary: true, passed: 1, failed: 2, skipped: 0 });
});

test("a scenario that needs both carriers is skipped where there is one", async () => {
  const { code, lines } = await drive("probe", { tcpPort: 1 });
  assertEquals(code, 0);
  assert(typeof lines[0]["skipped"] === "string");
});

test("an unknown scenario is wrong usage", async () => {
  assertEquals((await drive("hello,nosuch", {})).code, 2);
});
