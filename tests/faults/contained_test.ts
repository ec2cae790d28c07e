import { assertEquals, assertMatch } from "@std/assert";
import { spawn } from "node:child_process";
import process from "node:process";
import { test } from "node:test";

const IS_DENO = "Deno" in globalThis;
const EVERYWHERE = ["memory", "tcp", "tls", "websocket", "mount"];
const CARRIERS = IS_DENO ? [...EVERYWHERE, "quic", "webtransport"] : EVERYWHERE;
/** Far beyond what the program takes, ms: then it is ended and the test fails. */
const PATIENCE_MS = 50_000;

/** Runs the program in this runtime; what it printed and how it ended. */
function run(carrier: string): Promise<{ code: number | null; output: string }> {
  const script = decodeURIComponent(new URL("throwing_program.ts", import.meta.url).pathname);
  const args = IS_DENO ? ["run", "-A", "--unstable-net", "--no-check", "--quiet", script] : [script];
  const child = spawn(process.execPath, [...args, carrier], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output += chunk);
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  return new Promise((resolve) =>
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    })
  );
}

for (const carrier of CARRIERS) {
  test(`${carrier}: whatever callbacks and hosts throw, the process lives and another client is served`, async () => {
    const { code, output } = await run(carrier);
    assertEquals(code, 0, output);
    assertMatch(output, /^\d+ cases/);
  });
}
