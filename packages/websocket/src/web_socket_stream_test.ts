import type { ByteStreamEvents, Host } from "@nnrp/core";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { systemHost } from "@nnrp/runtime";
import { test } from "node:test";
import { until } from "../../../tests/support/raw_peer.ts";
import { MAX_PAUSED_BYTES, type WebSocketLike, WebSocketStream } from "./web_socket_stream.ts";
import { ManualHost } from "../../../tests/support/manual_host.ts";

const MIB = 1024 * 1024;

/** A WebSocket whose every event the test brings about. */
class ScriptedSocket implements WebSocketLike {
  readyState = 1;
  binaryType = "blob";
  bufferedAmount = 0;
  readonly sent: number[] = [];
  readonly closes: (number | undefined)[] = [];
  #listeners = new Map<string, (event: unknown) => void>();

  send(data: Uint8Array): void {
    this.sent.push(data.length);
    this.bufferedAmount += data.length;
  }
  close(code?: number): void {
    this.closes.push(code);
    this.readyState = 2;
  }
  addEventListener(type: string, listener: (event: unknown) => void): void {
    this.#listeners.set(type, listener);
  }
  message(data: string | ArrayBuffer): void {
    this.#listeners.get("message")!({ data });
  }
  closed(code: number, wasClean: boolean, reason = ""): void {
    this.readyState = 3;
    this.#listeners.get("close")!({ code, reason, wasClean });
  }
}

function started(
  host: Host = systemHost(),
): { socket: ScriptedSocket; stream: WebSocketStream; heard: string[] } {
  const socket = new ScriptedSocket();
  const stream = new WebSocketStream(socket, host);
  const heard: string[] = [];
  const events: ByteStreamEvents = {
    target: () => new Uint8Array(1),
    filled: () => {},
    data: (chunk) => heard.push(`data ${chunk.length}`),
    progress: () => {},
    written: () => heard.push("written"),
    writeFailed: () => heard.push("writeFailed"),
    failed: (cause) => heard.push(`failed: ${cause}`),
    fault: (error) => heard.push(`fault ${error.message}`),
    ended: () => heard.push("ended"),
    closed: (cause) => heard.push(cause === undefined ? "closed" : `lost ${(cause as Error).message}`),
  };
  stream.start(events);
  return { socket, stream, heard };
}

test("what comes while paused is kept in order, and the close behind it", async () => {
  const { socket, stream, heard } = started();
  assertEquals(socket.binaryType, "arraybuffer");
  socket.message(new ArrayBuffer(1));
  stream.pause();
  socket.message(new ArrayBuffer(2));
  socket.message(new ArrayBuffer(3));
  socket.closed(1000, true);
  assertEquals(heard, ["data 1"]);
  stream.resume();
  socket.readyState = 3;
  await until(() => heard.length > 1, "what was kept");
  assertEquals(heard, ["data 1", "data 2", "data 3", "ended", "closed"]);
});

test("a peer that sends more than is kept while nothing is read is cut", () => {
  const { socket, stream, heard } = started();
  stream.pause();
  const piece = new ArrayBuffer(16 * MIB);
  for (let bytes = 0; bytes < MAX_PAUSED_BYTES; bytes += piece.byteLength) socket.message(piece);
  assertEquals(heard, []);
  socket.message(new ArrayBuffer(1));
  assertEquals(heard.length, 1);
  assertStringIncludes(heard[0], "sends on although nothing is read");
  stream.shutdown(false);
  assertEquals(socket.closes, [4008]); // pages may not say 1008
  socket.closed(1008, true);
});

test("text, and messages that bring little without end, are faults; what follows is not looked at", () => {
  const text = started();
  text.socket.message("{}");
  text.socket.message(new ArrayBuffer(4));
  assertEquals(text.heard.length, 1);
  assertStringIncludes(text.heard[0], "text message");
  for (const round of [[0], [1], [...new Array(900).fill(0), 1], [0, 16]]) {
    const { socket, heard } = started({ ...systemHost(), now: () => 0 });
    for (let i = 0; i < 1_000_000 && !heard.at(-1)?.startsWith("fault"); i++) {
      socket.message(new ArrayBuffer(round[i % round.length]));
    }
    assertStringIncludes(heard.at(-1)!, "too many empty and tiny frames");
    const before = heard.length;
    socket.message(new ArrayBuffer(4));
    assertEquals(heard.length, before);
  }
});

test("small messages in the long run, and very many ordinary ones, are no fault", () => {
  let nowMs = 0;
  const { socket, heard } = started({ ...systemHost(), now: () => nowMs });
  for (let i = 0; i < 10_000; i++, nowMs += 50) socket.message(new ArrayBuffer(i % 3));
  for (let i = 0; i < 100_000; i++) socket.message(new ArrayBuffer(40));
  assert(heard.every((event) => event.startsWith("data ")));
});

test("writing waits while more than a MiB has not left, and small ranges share a message", () => {
  const runtime = new ManualHost();
  const { socket, stream, heard } = started(runtime);
  stream.write([new Uint8Array(10), new Uint8Array(20), new Uint8Array(30)]);
  assertEquals([socket.sent, heard], [[60], ["written"]]);
  stream.write([new Uint8Array(100), new Uint8Array(3 * MIB)]);
  assertEquals(heard, ["written"]);
  assert(Math.max(...socket.sent) <= 256 * 1024);
  const before = socket.sent.length;
  runtime.pass(20);
  assertEquals(socket.sent.length, before);
  for (let looks = 0; heard.length < 2 && looks < 100; looks++) {
    socket.bufferedAmount = 0;
    runtime.pass(5);
  }
  assertEquals(heard, ["written", "written"]);
  assertEquals(socket.sent.reduce((sum, size) => sum + size, 0), 60 + 100 + 3 * MIB);
  socket.closed(1000, true);
});

test("a close that wants to read on waits for silence or for the peer's", async () => {
  const first = started();
  first.stream.shutdown(true);
  assertEquals(first.socket.closes, []);
  first.socket.message(new ArrayBuffer(5));
  first.socket.closed(1000, true);
  assertEquals(first.heard, ["data 5", "ended", "closed"]);
  const second = started();
  second.stream.shutdown(true);
  await until(() => second.socket.closes.length > 0, "silence");
  assertEquals(second.socket.closes, [1000]);
  second.socket.closed(1000, true);
});

test("a connection that is lost, closed with a complaint or before all was sent says so", () => {
  const lost = started();
  lost.socket.closed(1006, false);
  assertEquals(lost.heard, ["lost the WebSocket was lost: 1006 (no close frame)"]);
  const complaint = started();
  complaint.socket.closed(1009, true, "too much");
  assertEquals(complaint.heard, ["lost the peer closed the WebSocket with 1009 (message too big): too much"]);
  const unsent = started();
  unsent.stream.write([new Uint8Array(2 * MIB), new Uint8Array(MIB)]);
  unsent.socket.closed(1000, true);
  assertEquals(unsent.heard, [
    "ended",
    "writeFailed",
    "lost the peer closed the WebSocket before everything was sent",
  ]);
});

test("destroying closes; a peer that does not answer is not waited for twice", async () => {
  const { socket, stream, heard } = started();
  stream.destroy();
  assertEquals([socket.closes, heard], [[1000], []]);
  stream.destroy();
  await until(() => heard.length > 0, "closed");
  assertEquals(heard, ["closed"]);
  socket.closed(1006, false);
  socket.message(new ArrayBuffer(1));
  assertEquals(heard, ["closed"]);
});
