/**
 * The table of limits in docs/architecture.md says the numbers that the code has, row by row; a row that this test does not know fails
 * it, and so does a bound whose row is gone.
 */
import * as client from "@nnrp/client/internal";
import * as core from "@nnrp/core";
import * as server from "@nnrp/server/internal";
import { assertEquals } from "@std/assert";
import * as keepAlive from "../packages/core/src/session/control/keepalive.ts";
import * as pendingFrames from "../packages/core/src/session/frames/pending_frames.ts";
import * as recentKeys from "../packages/core/src/session/frames/recent_keys.ts";
import { CONNECT_TIMEOUT_MS } from "../packages/quic/src/connect_timeout.ts";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as idleFrames from "../packages/websocket/src/frame_budget.ts";
import * as flowUpdates from "../packages/core/src/session/flow/flow_updates.ts";
import * as httpHead from "../packages/websocket/src/http_head.ts";

const KIB = 1024;

/** What a row names as its options, and the numbers of its defaults: ms, bytes, or just a number. */
type Row = readonly [options: string, ...defaults: number[]];

const { MAX_CONCURRENT_FRAMES, HARD_LIMIT_FACTOR, MAX_QUEUED_FRAMES } = server;
const { CONTROL_BURST, CONTROL_PER_SECOND, HANDSHAKE_TIMEOUT_MS, MAX_CONCURRENT_HANDSHAKES } = core;
const PATCHES_PER_SECOND = core.DEFAULT_PATCHES_PER_WINDOW * 1000 / core.DEFAULT_PATCH_WINDOW_MS;

const ROWS: Readonly<Record<string, Row>> = {
  "total time of a handshake; before it of TLS, the HTTP upgrade, QUIC's": [
    "handshakeTimeoutMs",
    HANDSHAKE_TIMEOUT_MS,
    HANDSHAKE_TIMEOUT_MS,
  ],
  "connections; still shaking hands": [
    "maxConnections, maxHandshakes",
    server.MAX_CONNECTIONS,
    MAX_CONCURRENT_HANDSHAKES,
  ],
  "connections beyond that which are being told so": ["maxFarewells", server.MAX_FAREWELLS],
  "a validator that is asked about a move": [
    "handshakeTimeoutMs of the new connection",
    HANDSHAKE_TIMEOUT_MS,
  ],
  "metadata": ["–", core.MAX_METADATA_BYTES],
  "body before the hello is accepted; of a probe": [
    "–",
    core.MAX_BODY_BYTES_BEFORE_HELLO,
    core.MAX_PROBE_BODY_BYTES,
  ],
  "QUIC, WebTransport: held before the hello is accepted": ["–", core.MAX_UNSHOWN_BYTES_BEFORE_HELLO],
  "the same: packets that are not whole, all streams together": [
    "profile.maxBodyBytes",
    core.DEFAULT_MAX_BODY_BYTES,
  ],
  "packets behind a hello that is not answered yet": [
    "–",
    core.MAX_DEFERRED_PACKETS,
    core.MAX_DEFERRED_BYTES,
  ],
  "body of a frame or a result": ["profile.maxBodyBytes", core.DEFAULT_MAX_BODY_BYTES],
  "any other body": ["the same", core.DEFAULT_MAX_BODY_BYTES],
  "text of a peer that is kept, shown or logged": ["MAX_PEER_TEXT_BYTES", core.MAX_PEER_TEXT_BYTES],
  "HTTP head of a WebSocket, bytes and fields": ["–", httpHead.MAX_HEAD, httpHead.MAX_FIELDS],
  "memory set aside on a header's word": ["–", core.READ_FIRST_GRANT],
  "frames in flight: told, and hard": [
    "profile.maxConcurrentFrames, maxInFlightFrames",
    MAX_CONCURRENT_FRAMES,
    HARD_LIMIT_FACTOR,
  ],
  "sections of a frame": ["profile.maxSections", core.MAX_SECTIONS],
  "frames queued per session": ["maxQueuedFrames, whenQueueFull", MAX_QUEUED_FRAMES],
  "handlers at once": ["concurrency", server.CONCURRENCY],
  "bytes received and not answered, objects that these frames keep alive included": [
    "maxSessionBytes",
    server.MAX_SESSION_BYTES,
  ],
  "all that clients make a server hold, by kind in stats.memory": ["maxServerBytes", server.MAX_SERVER_BYTES],
  "of it, caches of connected sessions": ["–"],
  "a pause of reading; longer than 100 ms: credit 0": ["maxPauseMs", server.MAX_PAUSE_MS],
  "the same, words for a session whose pause is over": ["–", server.MAX_REFUSAL_BYTES],
  "bytes a stream of results may be ahead": ["maxStreamAheadBytes", server.MAX_STREAM_AHEAD_BYTES],
  "bytes waiting to be sent: client; server": [
    "maxSendBufferBytes",
    client.MAX_SEND_BUFFER_BYTES,
    server.MAX_SEND_BUFFER_BYTES,
  ],
  "a peer that takes nothing: client; server": ["sendStallMs", client.SEND_STALL_MS, server.SEND_STALL_MS],
  "control packets that bring nothing forward": ["–", CONTROL_BURST, CONTROL_PER_SECOND],
  "flow updates that go out": ["–", flowUpdates.BURST, flowUpdates.PER_SECOND],
  "pings that somebody waits for; those given up that are still to be answered, too": [
    "MAX_PENDING_PINGS, MAX_PONGS_DUE",
    core.MAX_PENDING_PINGS,
    core.MAX_PONGS_DUE,
  ],
  "WebSocket pings and pongs; empty and tiny frames": [
    "–",
    idleFrames.IDLE_FRAMES,
    idleFrames.IDLE_FRAMES_PER_SECOND,
    1 * KIB,
    16,
  ],
  "cache": [
    "profile.maxCacheEntries, maxCacheBytes",
    core.DEFAULT_MAX_CACHE_ENTRIES,
    core.DEFAULT_MAX_CACHE_BYTES,
  ],
  "failures told to log": [
    "maxFailuresLoggedPerSecond",
    server.MAX_FAILURES_LOGGED_PER_SECOND,
    server.MAX_FAILURES_LOGGED_PER_SECOND,
  ],
  "patches": ["maxPatchesPerSecond", PATCHES_PER_SECOND],
  "submits waiting for a slot": ["maxWaitingSubmits, whenFull", client.MAX_WAITING_SUBMITS],
  "results nobody claimed": [
    "maxUnclaimedResults, maxUnclaimedBytes",
    client.MAX_UNCLAIMED,
    client.MAX_UNCLAIMED_BYTES,
  ],
  "results waiting in one stream": [
    "maxStreamResults, maxStreamBytes",
    client.MAX_STREAM_RESULTS,
    client.MAX_STREAM_BYTES,
  ],
  "parts that submit() puts together": ["–", client.MAX_PARTS, client.MAX_PARTS_BYTES],
  "hints, flow updates, errors kept": ["maxEventsKept", client.MAX_EVENTS_KEPT],
  "what measured round trips make of a wait that stands for some: grace windows, quiet WebSockets, ends of connections, looks of a PathKeeper":
    ["–", core.MAX_ROUND_TRIP_WAIT_MS],
  "grace window of a move, at least": ["migration.graceWindowMs", server.GRACE_WINDOW_MS],
  "windows of an old path that still carries something: client; server": [
    "–",
    client.MAX_GRACE_WINDOWS,
    server.MAX_GRACE_WINDOWS,
  ],
  "a client that never says a word after its move": ["–", server.PROOF_MS],
  "bytes held on a new path until the old one ends": ["–", core.MAX_HELD_BYTES],
  "a lost session waits for its client; such sessions": [
    "migration.resumeWindowMs, maxSuspendedSessions",
    server.RESUME_WINDOW_MS,
    server.MAX_SUSPENDED_SESSIONS,
  ],
  "reconnect; with it the first dial, within timeoutMs": [
    "reconnect: { minDelayMs, maxDelayMs, maxAttempts }",
    client.RECONNECT_MIN_DELAY_MS,
    client.RECONNECT_MAX_DELAY_MS,
    client.RECONNECT_ATTEMPTS,
  ],
  "one frame is sent anew after losses": ["reconnect: { resubmit, maxResubmits }", client.MAX_RESUBMITS],
  "keep-alive, idle": [
    "keepAliveMs, idleTimeoutMs",
    core.DEFAULT_KEEP_ALIVE_MS,
    core.DEFAULT_IDLE_TIMEOUT_MS,
  ],
  "drain: server, its sessions, client": [
    "close({ drainMs })",
    server.DRAIN_MS,
    server.CLOSE_DRAIN_MS,
    client.CLOSE_DRAIN_MS,
    client.CLOSE_IDLE_DRAIN_MS,
  ],
  "a carrier's graceful close: no byte leaves; in all": [
    "carrier.close({ stallMs, drainMs })",
    core.LINGER_MS,
    core.DRAIN_MS,
  ],
  "keys of frames that were given up, refused while their answer may come": [
    "MAX_RECENT_KEYS",
    recentKeys.MAX_RECENT_KEYS,
  ],
  "frames that timed out, kept for their late result": ["MAX_LATE_FRAMES", pendingFrames.MAX_LATE_FRAMES],
  "answers to pings that are missing, where the peer answered one before or speaks our extensions, and nothing else comes from it":
    ["pongTimeoutMs, maxMissedPongs", keepAlive.DEFAULT_PONG_TIMEOUT_MS, keepAlive.DEFAULT_MAX_MISSED_PONGS],
  "dialling QUIC, WebTransport": ["connectTimeoutMs", CONNECT_TIMEOUT_MS],
};

/** Rows whose numbers are QUIC's own and stand in docs/quic.md, which the tests of that package hold to. */
const OF_QUIC = ['the same: streams, 1.25 MB each while nobody reads (quic.md, "Memory")'];

const UNITS: Readonly<Record<string, number>> = {
  "s": 1000,
  "ms": 1,
  "bytes": 1,
  "KiB": KIB,
  "MiB": KIB ** 2,
  "GiB": KIB ** 3,
};

/** The numbers of a cell: times in ms, sizes in bytes. */
function numbersOf(cell: string): number[] {
  return [...cell.matchAll(/(\d[\d,]*(?:\.\d+)?)(?: (ms|s|bytes|KiB|MiB|GiB)\b)?/g)].map(([, digits, unit]) =>
    Number(digits.replaceAll(",", "")) * (unit === undefined ? 1 : UNITS[unit])
  );
}

/** The table under "## Limits": bound, options, defaults, without marks. */
function table(): string[][] {
  const text = readFileSync(new URL("../docs/architecture.md", import.meta.url), "utf8");
  const [, limits] = text.split("\n## Limits\n");
  const lines = limits.split("\n## ")[0].split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(1).map((line) =>
    line.split("|").slice(1, -1).map((cell) =>
      cell.trim().replaceAll("`", "").replace(/\[([^\]]+)\]\([^)]+\)/g, "$1")
    )
  );
}

test("the table of limits says what the code has", () => {
  const rows = table();
  const known = rows.filter(([bound]) => !OF_QUIC.includes(bound));
  assertEquals(known.map(([bound]) => bound).sort(), Object.keys(ROWS).sort());
  assertEquals(rows.length - known.length, OF_QUIC.length);
  for (const [bound, options, defaults] of known) {
    const [names, ...numbers] = ROWS[bound];
    assertEquals([options, ...numbersOf(defaults)], [names, ...numbers], bound);
  }
});
