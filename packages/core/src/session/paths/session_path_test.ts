import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { patterned } from "@nnrp/testing/packets";
import type { Carrier, CarrierSink, CloseInfo } from "../../carrier.ts";
import { memoryPair } from "../../memory_carrier.ts";
import { MessageType } from "../../wire/enums.ts";
import { encodePacket, makePacket } from "../../wire/packet.ts";
import { PacketCursor } from "../../wire/packet_cursor.ts";
import type { SessionEngine } from "../engine/session_engine.ts";
import { MAX_HELD_BYTES, type PathHost, SessionPath } from "./session_path.ts";

/** A carrier that does nothing but count, and a host and an engine that write down what they are told. */
function bench() {
  const heard: string[] = [];
  let reading = true;
  const carrier = {
    name: "fake",
    pause: () => reading = false,
    resume: () => reading = true,
    close: (options?: { graceful?: boolean; reason?: string }) => {
      heard.push(`close ${options?.graceful !== false} ${options?.reason ?? ""}`);
      return Promise.resolve();
    },
    start: () => heard.push("start"),
  } as unknown as Carrier;
  let clock = 0;
  const hostOf = (name: string): PathHost => ({
    engine: {
      begin: (nowMs: number) => heard.push(`${name}begin ${nowMs}`),
      receive: (cursor: PacketCursor, lane: string) => heard.push(`${name}${lane} ${cursor.frameId}`),
      turn: () => heard.push(`${name}turn`),
    } as unknown as SessionEngine,
    readClock: () => ++clock,
    turned: () => heard.push(`${name}turned`),
    pathFault: (_path, error) => heard.push(`${name}fault ${error.message}`),
    pathEnded: () => heard.push(`${name}end`),
    pathClosed: (_path, info) => heard.push(`${name}closed ${info.reason}`),
  });
  const path = new SessionPath(carrier, hostOf(""));
  const take = () => heard.splice(0);
  return { path, heard, take, hostOf, isReading: () => reading };
}

const cursorOf = (frameId: number, bytes = 0) =>
  new PacketCursor(
    encodePacket(makePacket({ msgType: MessageType.PING, frameId, body: patterned(bytes, 1) })),
  );

/** One batch of packets, as carriers deliver them. */
function batch(path: CarrierSink, ...frameIds: number[]): void {
  path.begin();
  for (const id of frameIds) path.packet(cursorOf(id), "result", 0);
  path.turn();
}
const LOST: CloseInfo = { code: 0, reason: "lost", local: false };

test("a path that holds nothing hands everything on as it comes", () => {
  const { path, take } = bench();
  assertEquals([path.proven, path.ended, path.closedInfo, path.holds], [false, false, null, false]);
  batch(path, 1, 2);
  path.end();
  path.closed(LOST);
  assertEquals(take(), ["begin 1", "result 1", "result 2", "turn", "turned", "end", "closed lost"]);
  assertEquals([path.proven, path.ended, path.closedInfo], [true, true, LOST]);
});

test("what is held comes at the release, in order, on its lane, as one batch; then reading goes on", () => {
  const { path, take, isReading } = bench();
  path.hold();
  assertEquals([path.holds, isReading()], [true, false]);
  batch(path, 1, 2);
  path.packet(cursorOf(3), "control");
  assertEquals(take().filter((word) => /^(result|control)/.test(word)), [], "nothing reached the engine");
  path.release();
  assertEquals(take(), ["begin 2", "result 1", "result 2", "control 3", "turn", "turned"]);
  assertEquals([path.holds, isReading()], [false, true]);
  batch(path, 4);
  assertEquals(take(), ["begin 3", "result 4", "turn", "turned"]);
  path.release();
  assertEquals(take(), [], "nothing is told twice");
});

test("packets that are held are copies: the carrier's buffer may be written over", () => {
  const { path, take } = bench();
  path.hold();
  const cursor = cursorOf(7);
  path.packet(cursor, "result");
  cursor.bytes.fill(0);
  path.release();
  assertEquals(take()[1], "result 7");
});

test("an end behind packets that wait is told after them; a close is told at once", () => {
  const { path, take } = bench();
  path.hold();
  path.packet(cursorOf(1), "result");
  path.end();
  assertEquals([take(), path.ended], [[], true]);
  path.release();
  assertEquals(take(), ["begin 1", "result 1", "turn", "turned", "end"]);
  const other = bench();
  other.path.hold();
  other.path.packet(cursorOf(1), "result");
  other.path.end();
  other.path.closed(LOST);
  assertEquals(other.take(), ["closed lost"]);
  other.path.release();
  assertEquals(
    other.take(),
    ["begin 1", "result 1", "turn", "turned", "end"],
    "what came before is not lost",
  );
});

test("a fault is told though packets wait", () => {
  const { path, take } = bench();
  path.hold();
  path.fault({ message: "nonsense" } as never);
  assertEquals(take(), ["fault nonsense"]);
});

test("a path proves itself by what comes on it, whole packets or parts of one, not by its end", () => {
  const packets = bench().path;
  batch(packets, 1);
  assertEquals(packets.proven, true);
  packets.begin();
  packets.end();
  assertEquals(packets.proven, true);

  const part = bench().path;
  part.begin(); // bytes came, but no whole packet yet
  part.turn();
  assertEquals(part.proven, true);

  const lost = bench().path;
  lost.begin();
  lost.end();
  lost.turn();
  lost.closed(LOST);
  assertEquals(lost.proven, false);

  const moved = bench().path;
  batch(moved, 1);
  moved.proven = false; // taken into use by the session
  moved.begin();
  moved.end();
  assertEquals(moved.proven, false);
});

test("an end on a path whose packets are taken aside is told", () => {
  const { path, hostOf, take } = bench();
  new SessionPath(path.carrier, hostOf("x "), () => {}).end();
  assertEquals(take(), ["x end"]);
});

test("a path that is handed over serves its new session, held packets too", () => {
  const { path, take, hostOf } = bench();
  batch(path, 1);
  path.hold();
  path.packet(cursorOf(2), "submit");
  path.handOver(hostOf("new "));
  take();
  path.release();
  batch(path, 3);
  path.end();
  path.closed(LOST);
  assertEquals(take().filter((word) => !word.startsWith("new ")), []);
});

test("a peer that sends too much before its old path has ended is cut, and nothing of the excess is kept", () => {
  const { path, take } = bench();
  path.hold();
  const size = 1 << 24;
  const big = cursorOf(1, size);
  const whole = Math.floor(MAX_HELD_BYTES / big.length);
  for (let i = 0; i < whole; i++) path.packet(big, "result");
  assertEquals(take(), []);
  path.packet(big, "result");
  assert(take()[0].startsWith("close false sent too much"));
  path.release();
  assertEquals(take().filter((word) => word === "result 1").length, whole);
  path.hold();
  path.packet(big, "result");
  assertEquals(take(), [], "the count begins anew after a release");
});

test("any mix of batches, holds, releases and an end: everything once, in order, the end last", () => {
  const steps = fc.array(fc.constantFrom("hold", "release", "batch", "batch2"), { maxLength: 40 });
  fc.assert(fc.property(steps, (script) => {
    const { path, take } = bench();
    let id = 0;
    for (const step of script) {
      if (step === "hold") path.hold();
      else if (step === "release") path.release();
      else batch(path, ...(step === "batch" ? [++id] : [++id, ++id]));
    }
    path.end();
    if (path.holds) path.release();
    const told = take().filter((word) => /^(result|end)/.test(word));
    assertEquals(told, [...Array.from({ length: id }, (_, i) => `result ${i + 1}`), "end"]);
  }));
});

test("a real carrier stops reading while its path holds, and loses nothing", async () => {
  const [near, far] = memoryPair();
  const { take, hostOf } = bench();
  const path = new SessionPath(near, hostOf(""));
  path.start();
  far.start(bench().path);
  const send = (frameId: number) => {
    const bytes = encodePacket(makePacket({ msgType: MessageType.PING, frameId }));
    const out = far.begin("control", frameId, 0);
    const at = out.reserve(bytes.length);
    out.bytes.set(bytes, at);
    far.commit("control", frameId, 0, true);
    far.flush();
  };
  const settle = async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  const frames = () => take().flatMap((word) => word.startsWith("control ") ? [Number(word.slice(8))] : []);
  send(1);
  await settle();
  assertEquals(frames(), [1]);
  path.hold();
  for (let i = 2; i <= 5; i++) send(i);
  far.endSending();
  await settle();
  assertEquals([frames(), path.ended], [[], false]);
  path.release();
  await settle();
  assertEquals([frames(), path.ended], [[2, 3, 4, 5], true]);
});
