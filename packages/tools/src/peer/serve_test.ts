/** @module */
import { type ClientSession, dialClient } from "@nnrp/client";
import { CacheInvalidateScope, MessageType, NnrpProtocolError, SessionPatchAckStatus } from "@nnrp/core";
import { tcp } from "@nnrp/tcp";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { test } from "node:test";
import { CommandError } from "../command.ts";
import { tensorRequest } from "./frames.ts";
import { RawConnection, rawPacket } from "./raw_connection.ts";
import { servePeer } from "./serve.ts";
import { readServeFlags, SERVE_OPTIONS } from "./serve_flags.ts";
import { until } from "../../../../tests/support/raw_peer.ts";

type Line = Record<string, unknown>;

/** Options as the command line would give them: TCP, defaults, and these. */
function options(
  given: Record<string, string | number | boolean>,
): Record<string, string | number | boolean | undefined> {
  const defaults = Object.fromEntries(SERVE_OPTIONS.map((option) => [option.name, option.default]));
  return { ...defaults, transport: "tcp", ...given };
}

/** Serves until `play` has ended and a line about `wait` was printed; the lines that were printed. */
async function withPeer(
  given: Record<string, string | number | boolean>,
  play: (port: number) => Promise<void>,
  wait = "session-end",
): Promise<Line[]> {
  const lines: Line[] = [];
  const abort = new AbortController();
  let listening = (_port: number) => {};
  const port = new Promise<number>((resolve) => listening = resolve);
  const warn = (text: string) => assert(false, text);
  const print = (text: string) => {
    const line = JSON.parse(text);
    lines.push(line);
    if (line.event === "listening") listening(line.tcp_port);
  };
  const serving = servePeer(readServeFlags(options(given)), { print, warn, signal: abort.signal });
  try {
    await play(await port);
    await printed(lines, wait);
  } finally {
    abort.abort();
    assertEquals(await serving, 0);
  }
  return lines;
}

/** Resolves once such a line is there. */
async function printed(lines: Line[], event: string): Promise<void> {
  await until(() => lines.some((line) => line["event"] === event), event);
}

function dial(port: number, more = {}): Promise<ClientSession> {
  return dialClient("127.0.0.1", port, { carriers: [tcp()], timeoutMs: 5000, ...more });
}

function last(lines: Line[], event: string): Line {
  const found = lines.filter((line) => line["event"] === event).at(-1);
  assert(found, `a line about ${event}`);
  return found;
}

test("the peer server tells its port first and counts what a session did", async () => {
  const lines = await withPeer({ "drop-every": 2 }, async (port) => {
    const session = await dial(port, { requestedSessionId: 9 });
    for (const frameId of [1, 2, 3]) await session.submit(tensorRequest(frameId));
    await session.ping();
    await session.close();
  });
  assertEquals(lines.map((line) => line["event"]), ["listening", "session-start", "session-end", "stopped"]);
  const { session_id, ended_by, submits, results, drops, pings } = last(lines, "session-end");
  assertEquals({ session_id, ended_by, submits, results, drops, pings }, {
    session_id: 9,
    ended_by: "client-close",
    submits: 3,
    results: 2,
    drops: 1,
    pings: 1,
  });
});

test("a silent frame is never answered and does not hold up the end of the session", async () => {
  const lines = await withPeer({ "silent-every": 1 }, async (port) => {
    const session = await dial(port);
    await assertRejects(() => session.submit(tensorRequest(1), { timeoutMs: 50 }), Error, "50 ms");
    await session.close();
  });
  const { silent, results, ended_by } = last(lines, "session-end");
  assertEquals({ silent, results, ended_by }, { silent: 1, results: 0, ended_by: "client-close" });
});

test("fewer held frames than --reorder wants are answered after a while, newest first", async () => {
  await withPeer({ reorder: 3 }, async (port) => {
    const session = await dial(port);
    const order: number[] = [];
    const submit = (frameId: number) =>
      session.submit(tensorRequest(frameId)).then(() => order.push(frameId));
    await Promise.all([submit(1), submit(2)]);
    assertEquals(order, [2, 1]);
    await session.close();
  });
});

test("each way to refuse a wrong auth block is one the client understands", async () => {
  for (const reject of ["error", "ack", "close"]) {
    const lines = await withPeer({ "require-auth": "sesame", "auth-reject": reject }, async (port) => {
      const wanted = reject === "close" ? Error : NnrpProtocolError;
      await assertRejects(() => dial(port, { auth: "wrong" }), wanted);
      await (await dial(port, { auth: "sesame" })).close();
    });
    assertEquals(last(lines, "stopped")["auth_refused"], 1, reject);
    assertEquals(last(lines, "auth-refused")["auth_bytes"], 5, reject);
  }
});

test("a connection that begins without hello is refused and told why, one that just leaves is not counted", async () => {
  const lines = await withPeer({}, async (port) => {
    const leaving = new RawConnection(await tcp().dial({ host: "127.0.0.1", port }));
    await leaving.close();
    const rude = new RawConnection(await tcp().dial({ host: "127.0.0.1", port }));
    rude.send(rawPacket(MessageType.SESSION_PATCH, { sessionId: 1, metadata: new Uint8Array(36) }));
    assertEquals((await rude.receive(5000))?.header.msgType, MessageType.ERROR);
    await rude.closed;
  }, "refused");
  assertStringIncludes(String(last(lines, "refused")["reason"]), "SESSION_PATCH");
  const { connections, refused } = last(lines, "stopped");
  assertEquals({ connections, refused }, { connections: 2, refused: 1 });
});

test("--patch reject refuses every field", async () => {
  await withPeer({ patch: "reject" }, async (port) => {
    const session = await dial(port);
    const outcome = await session.patch({ qualityTier: 1, targetCadence: 30 });
    assertEquals(outcome.status, SessionPatchAckStatus.REJECTED);
    assertEquals(outcome.appliedMask, 0);
    await session.close();
  });
});

test("--ack-invalidate answers an invalidation and the client tolerates it", async () => {
  const lines = await withPeer({ cache: true, "ack-invalidate": true }, async (port) => {
    const session = await dial(port);
    await session.invalidateCache({ scope: CacheInvalidateScope.WHOLE_SESSION });
    await session.submit(tensorRequest(1));
    await session.close();
  });
  assertEquals(last(lines, "session-end")["cache_invalidates"], 1);
});

test("the peer server ends after --sessions sessions", async () => {
  const lines = await withPeer({ sessions: 1, "session-id": 4711 }, async (port) => {
    const session = await dial(port);
    assertEquals(session.sessionId, 4711);
    await session.close();
  }, "stopped");
  assertEquals(last(lines, "stopped")["sessions"], 1);
});

test("a session that is open when the peer server stops is counted as server-stop", async () => {
  const lines = await withPeer({}, async (port) => {
    await (await dial(port)).submit(tensorRequest(1));
  }, "session-start");
  const { ended_by, results } = last(lines, "session-end");
  assertEquals({ ended_by, results }, { ended_by: "server-stop", results: 1 });
});

test("a word that a flag does not know is wrong usage", () => {
  const error = assertThrows(() => readServeFlags(options({ patch: "perhaps" })), CommandError, "--patch");
  assertEquals(error.exitCode, 2);
});
