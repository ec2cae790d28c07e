import { type ClientSession, dialClient } from "@nnrp/client";
import { TypedPayload } from "@nnrp/core";
import { assertEquals } from "@std/assert";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import process from "node:process";
import type { Readable } from "node:stream";
import { test } from "node:test";

/** File descriptors of the server's process: enough for a few dozen connections. */
const DESCRIPTORS = 96;
/** Connections the attacker opens. */
const CONNECTIONS = 300;
/** Longest wait for what must come, ms. */
const PATIENCE_MS = 20_000;

type Server = ChildProcessByStdio<null, Readable, null>;

/** Starts the echo server with few file descriptors, in the runtime of this test. */
function start(): Server {
  const script = decodeURIComponent(new URL("echo_server.ts", import.meta.url).pathname);
  const args = "Deno" in globalThis ? ["run", "-A", "--no-check", "--quiet", script] : [script];
  return spawn("sh", ["-c", `ulimit -n ${DESCRIPTORS}; exec "$@"`, "sh", process.execPath, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function portOf(server: Server): Promise<number> {
  let text = "";
  for await (const chunk of server.stdout) {
    text += chunk;
    const [, port] = /port (\d+)\n/.exec(text) ?? [];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`the server ended: ${text}`);
}

/** Resolves when the connection stands, or is refused. */
function open(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("error", () => resolve(socket));
    socket.on("connect", () => resolve(socket));
  });
}

async function isServed(session: ClientSession): Promise<void> {
  const result = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("hello")] });
  assertEquals(result.text(), "hello");
}

/** A new session; tried again while the server still recovers. */
async function newcomer(port: number): Promise<ClientSession> {
  const startedMs = performance.now();
  for (;;) {
    try {
      return await dialClient(`nnrp://127.0.0.1:${port}`, { timeoutMs: 2000 });
    } catch (error) {
      if (performance.now() - startedMs > PATIENCE_MS) throw error;
    }
  }
}

test("a server without file descriptors goes on serving whom it has, and takes new ones when there are some again", async () => {
  const server = start();
  try {
    const port = await portOf(server);
    const good = await dialClient(`nnrp://127.0.0.1:${port}`);
    await isServed(good);
    for (let wave = 0; wave < 2; wave++) {
      const attackers = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(port)));
      for (let i = 0; i < 5; i++) await isServed(good);
      for (const socket of attackers) socket.destroy();
      const next = await newcomer(port);
      await isServed(next);
      await next.close();
    }
    await isServed(good);
    assertEquals([good.state, server.exitCode], ["active", null]);
    await good.close();
  } finally {
    server.kill("SIGKILL");
  }
});
