import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { test } from "node:test";
import { bytesOf, headerBytes, join, patterned } from "@nnrp/testing/packets";
import type { ByteStream, ByteStreamEvents } from "./byte_stream.ts";
import { ByteStreamCarrier, LAST_WORDS_MS } from "./byte_stream_carrier.ts";
import type { CarrierSink, CloseInfo, Lane } from "./carrier.ts";
import { type NnrpError, NnrpInternalError, NnrpValueError, NnrpWireError } from "./errors.ts";
import { LINGER_MS } from "./linger.ts";
import { MessageType } from "./wire/enums.ts";
import { WRITE_BY_REFERENCE } from "./wire/limits.ts";
import { decodePacket } from "./wire/packet.ts";

/** A socket whose every event the test brings about. */
class ScriptedStream implements ByteStream {
  readonly writes: Uint8Array[] = [];
  readonly calls: string[] = [];
  events!: ByteStreamEvents;

  start(events: ByteStreamEvents): void {
    this.events = events;
  }
  write(ranges: Uint8Array[]): void {
    this.writes.push(join(ranges));
    this.calls.push("write");
  }
  pause(): void {
    this.calls.push("pause");
  }
  resume(): void {
    this.calls.push("resume");
  }
  shutdown(): void {
    this.calls.push("shutdown");
  }
  destroy(): void {
    this.calls.push("destroy");
  }
  /** Everything written, as packets. */
  get packets(): string[] {
    const names: string[] = [];
    const bytes = join(this.writes);
    for (let at = 0; at < bytes.length;) {
      const view = new DataView(bytes.buffer, at);
      const end = at + 40 + view.getUint32(12, true) + view.getUint32(16, true);
      const { header, body } = decodePacket(bytes.subarray(at, end));
      names.push(`${header.frameId}${body.length > 0 ? `+${body.length}` : ""}`);
      at = end;
    }
    return names;
  }
}

class Bench implements CarrierSink {
  readonly stream = new ScriptedStream();
  readonly heard: string[] = [];
  readonly timers: { ms: number; call: () => void; cancelled: boolean }[] = [];
  readonly carrier: ByteStreamCarrier = new ByteStreamCarrier(this.stream, {
    transport: 2,
    name: "scripted",
    encrypted: false,
    remote: "test",
    host: {
      now: () => 0,
      wallNow: () => 0,
      after: (ms, call) => {
        const timer = { ms, call, cancelled: false };
        this.timers.push(timer);
        return () => timer.cancelled = true;
      },
      yield: (call) => call(),
      random: () => 0,
      randomBytes: (length) => new Uint8Array(length),
      runDetached: (call) => call(),
      eachDetached: (waiting, call) => {
        while (waiting() > 0) call();
      },
    },
  });
  info: CloseInfo | null = null;
  /** Called for each packet, inside the batch. */
  onPacket: ((type: number) => void) | null = null;
  onFault: (() => void) | null = null;
  vanished?: CarrierSink["vanished"];

  constructor() {
    this.carrier.start(this);
  }
  begin(): void {
    this.heard.push("begin");
  }
  packet(cursor: { msgType: number; frameId: number }, lane: Lane): void {
    this.heard.push(`${lane} ${cursor.frameId}`);
    this.onPacket?.(cursor.msgType);
  }
  turn(): void {
    this.heard.push("turn");
  }
  fault(error: NnrpError): void {
    this.heard.push(`fault ${error.code}`);
    this.onFault?.();
  }
  end(): void {
    this.heard.push("end");
  }
  closed(info: CloseInfo): void {
    this.info = info;
    this.heard.push("closed");
  }

  /** Commits a packet with this frame id. */
  commit(frameId: number, body?: Uint8Array): void {
    const out = this.carrier.begin("control", frameId, 0);
    const bytes = bytesOf({ msgType: MessageType.CLOSE, frameId, body });
    const at = out.reserve(40);
    out.bytes.set(bytes.subarray(0, 40), at);
    if (body !== undefined) out.append(body);
    this.carrier.commit("control", frameId, 0, true);
  }
  /** Runs the timers with this time. */
  fire(ms: number): void {
    for (const timer of this.timers) if (timer.ms === ms && !timer.cancelled) timer.call();
  }
}

const turn = (): Promise<void> => Promise.resolve();
const submit = bytesOf({ msgType: MessageType.FRAME_SUBMIT, frameId: 1, body: patterned(10, 1) });
const result = bytesOf({ msgType: MessageType.RESULT_PUSH, frameId: 2 });
const drop = bytesOf({ msgType: MessageType.RESULT_DROP, frameId: 3 });
const ping = bytesOf({ msgType: MessageType.PING, frameId: 4 });

test("packets of one turn leave in one write, at its end", async () => {
  const bench = new Bench();
  bench.commit(1);
  bench.commit(2);
  assertEquals(bench.stream.writes.length, 0);
  assertEquals(bench.carrier.bufferedBytes, 80);
  await turn();
  assertEquals([bench.stream.writes.length, bench.stream.packets], [1, ["1", "2"]]);
  bench.commit(3);
  await turn();
  assertEquals(bench.stream.writes.length, 1, "one write at a time");
  assertEquals([bench.carrier.bufferedBytes, bench.carrier.sentBytes], [120, 0]);
  bench.stream.events.written();
  assertEquals([bench.stream.packets, bench.carrier.sentBytes, bench.carrier.bufferedBytes], [
    ["1", "2", "3"],
    80,
    40,
  ]);
});

test("answers to a batch leave together, right after it", () => {
  const bench = new Bench();
  bench.onPacket = () => bench.commit(9);
  bench.stream.events.data(join([ping, ping, ping]));
  assertEquals(bench.heard, ["begin", "control 4", "control 4", "control 4", "turn"]);
  assertEquals([bench.stream.writes.length, bench.stream.packets], [1, ["9", "9", "9"]]);
});

test("§2: packets are routed by their type alone", () => {
  const bench = new Bench();
  bench.stream.events.data(join([submit, result, drop, ping]));
  assertEquals(bench.heard, ["begin", "submit 1", "result 2", "result 3", "control 4", "turn"]);
  assertEquals(bench.carrier.receivedBytes, submit.length + 120);
});

test("released() waits for a caller's memory only, drained() for everything", async () => {
  const bench = new Bench();
  bench.commit(1, patterned(WRITE_BY_REFERENCE - 1, 1));
  assertEquals(bench.carrier.released(), null);
  let drained = false;
  void bench.carrier.drained().then(() => drained = true);
  await turn();
  bench.commit(2, patterned(WRITE_BY_REFERENCE, 1));
  let released = false;
  void bench.carrier.released()!.then(() => released = true);
  bench.stream.events.written();
  await turn();
  assertEquals([drained, released], [true, false], "drained() speaks of what was committed before it");
  bench.stream.events.written();
  await turn();
  assertEquals([released, bench.carrier.released(), bench.carrier.bufferedBytes], [true, null, 0]);
});

test("what a slow peer takes of a large write is counted at once", async () => {
  const bench = new Bench();
  bench.commit(1, patterned(100_000, 1));
  await turn();
  bench.stream.events.progress(60_000);
  assertEquals([bench.carrier.sentBytes, bench.carrier.bufferedBytes], [60_000, 40_040]);
  bench.commit(2);
  await turn();
  assertEquals(bench.stream.writes.length, 1, "the write is still under way");
  bench.stream.events.written();
  assertEquals([bench.carrier.sentBytes, bench.carrier.bufferedBytes], [100_040, 40]);
});

test("§2: a failed write ends sending only; what the peer says is still read", async () => {
  const bench = new Bench();
  bench.commit(1, patterned(WRITE_BY_REFERENCE, 1));
  const waits = [bench.carrier.released()!, bench.carrier.drained()];
  await turn();
  bench.stream.events.writeFailed(new Error("EPIPE"));
  await Promise.all(waits);
  bench.commit(2);
  await turn();
  assertEquals([bench.stream.writes.length, bench.carrier.bufferedBytes], [1, 0]);
  bench.stream.events.data(join([ping, result]));
  assertEquals(bench.heard, ["begin", "control 4", "result 2", "turn"]);
  bench.stream.events.ended();
  assertEquals(bench.stream.calls.at(-1), "destroy");
  bench.stream.events.closed();
  assertEquals(bench.heard.at(-1), "closed");
});

test("a carrier that cannot send any more has nothing to wait for when it closes", async () => {
  for (const how of ["close", "fault"]) {
    const bench = new Bench();
    bench.commit(1);
    await turn();
    bench.stream.events.writeFailed(new Error("ECONNRESET"));
    if (how === "close") void bench.carrier.close();
    else {
      bench.stream.events.data(submit.subarray(0, 45));
      bench.stream.events.ended();
    }
    assertEquals(bench.stream.calls.at(-1), "destroy", how);
  }
});

test("closing sends what was committed before it, then ends the stream, then waits for the peer's end", async () => {
  const bench = new Bench();
  bench.commit(1);
  await turn();
  bench.commit(2);
  let done = false;
  void bench.carrier.close({ reason: "enough" }).then(() => done = true);
  assertEquals(bench.stream.calls, ["write", "resume"]);
  bench.stream.events.written();
  assertEquals(bench.stream.packets, ["1", "2"]);
  assertEquals(bench.stream.calls, ["write", "resume", "write"]);
  bench.stream.events.written();
  assertEquals(bench.stream.calls.at(-1), "shutdown");
  bench.stream.events.ended();
  assertEquals(bench.stream.calls.at(-1), "destroy");
  bench.stream.events.closed();
  await turn();
  assertEquals([done, bench.info?.reason, bench.info?.local, bench.info?.error], [
    true,
    "enough",
    true,
    undefined,
  ]);
  assertEquals(bench.timers.map((t) => [t.ms, t.cancelled]), [[LINGER_MS, true]]);
});

test("a packet that comes while closing takes none of the earlier ones with it", async () => {
  const bench = new Bench();
  bench.commit(1);
  await turn();
  bench.commit(2);
  bench.commit(3);
  void bench.carrier.close();
  bench.commit(4); // a handler that just finished, for example
  bench.stream.events.written();
  assertEquals(bench.stream.packets.slice(0, 3), ["1", "2", "3"]);
  bench.stream.events.written();
  bench.commit(5);
  await turn();
  assertEquals(bench.stream.packets.includes("5"), false, "after the end of the stream nothing is sent");
  assertEquals([bench.stream.calls.at(-1), bench.carrier.bufferedBytes], ["shutdown", 0]);
});

test("a closing carrier whose peer takes nothing, or does not let go, is cut after a moment", async () => {
  const bench = new Bench();
  bench.commit(1);
  await turn();
  void bench.carrier.close();
  bench.fire(LINGER_MS);
  assertEquals(bench.stream.calls.at(-1), "destroy");
  bench.stream.events.closed();
  assertEquals(bench.heard, ["closed"]);
});

test("what comes while closing is thrown away, the rest of the present batch included", () => {
  const bench = new Bench();
  bench.onPacket = () => void bench.carrier.close();
  bench.stream.events.data(join([ping, ping]));
  bench.stream.events.data(ping);
  assertEquals(bench.heard, ["begin", "control 4", "turn"]);
});

test("closing at once destroys, and a second close waits for the same end", async () => {
  const bench = new Bench();
  bench.commit(1);
  const ends: string[] = [];
  void bench.carrier.close().then(() => ends.push("graceful"));
  void bench.carrier.close({ graceful: false }).then(() => ends.push("at once"));
  assertEquals(bench.stream.calls.at(-1), "destroy");
  bench.stream.events.closed();
  await turn();
  assertEquals(ends, ["graceful", "at once"]);
  await bench.carrier.close();
  assertEquals(bench.heard.filter((h) => h === "closed"), ["closed"]);
});

test("a second close does not take away the moment that last words are given", () => {
  const bench = new Bench();
  bench.commit(1);
  void bench.carrier.close({ endDelayMs: 99 });
  void bench.carrier.close();
  bench.stream.events.written();
  assertEquals(bench.stream.calls.includes("shutdown"), false);
  bench.fire(99);
  assertEquals(bench.stream.calls.at(-1), "shutdown");
});

test("§2: unreadable bytes are told to the sink, whose last words leave, and the carrier closes", async () => {
  const bench = new Bench();
  bench.onFault = () => bench.commit(7);
  bench.stream.events.data(join([ping, headerBytes({ magic: "HTTP" })]));
  assertEquals(bench.heard, ["begin", "control 4", "turn", "fault WIRE"]);
  assertEquals(bench.stream.packets, ["7"]);
  bench.stream.events.written();
  assertEquals(bench.stream.calls.includes("shutdown"), false, "the ERROR is left alone for a moment");
  bench.fire(LAST_WORDS_MS);
  assertEquals(bench.stream.calls.at(-1), "shutdown");
  bench.stream.events.data(ping);
  bench.stream.events.closed();
  await turn();
  assertInstanceOf(bench.info?.error, NnrpWireError);
  assertEquals(bench.heard.filter((h) => h.startsWith("control")).length, 1);
});

test("§2: a stream that ends inside a packet is lost, at its border half-closed, behind foreign bytes at fault", () => {
  const large = bytesOf({ msgType: MessageType.CLOSE, body: patterned(60_000, 2) });
  for (const part of [submit.subarray(0, 1), submit.subarray(0, 45), large.subarray(0, large.length - 1)]) {
    const cut = new Bench();
    cut.onFault = () => cut.commit(9); // last words, if it were one
    cut.stream.events.data(join([ping, part]));
    cut.stream.events.ended();
    assertEquals(cut.heard, ["begin", "control 4", "turn"], `after ${part.length} bytes`);
    assertEquals(cut.stream.calls.at(-1), "destroy");
    cut.stream.events.closed();
    assertEquals([cut.info?.local, cut.info?.error?.code], [false, "CLOSED"]);
    assertInstanceOf(cut.info!.error!.cause, NnrpWireError);
    assert(cut.info!.reason.includes("ended inside a packet"), cut.info!.reason);
    assertEquals(cut.stream.packets, [], "nobody is there to be told");
  }

  const foreign = new Bench();
  foreign.stream.events.data(new Uint8Array([0x15, 3, 3, 0, 2, 2, 0x28])); // what a TLS server says to plain text
  foreign.stream.events.ended();
  assertEquals(foreign.heard, ["begin", "turn", "fault WIRE"]);

  const whole = new Bench();
  whole.stream.events.data(ping);
  whole.stream.events.ended();
  assertEquals(whole.heard, ["begin", "control 4", "turn", "begin", "end", "turn"]);
  whole.commit(1);
  return turn().then(() => {
    assertEquals(whole.stream.packets, ["1"], "after the peer's end this side may still send");
    void whole.carrier.close();
    whole.stream.events.written();
    assertEquals(whole.stream.calls.slice(-2), ["shutdown", "destroy"]);
  });
});

test("a socket that fails says why, one that just ends does not", () => {
  const failed = new Bench();
  failed.stream.events.closed(new Error("ECONNRESET"));
  assertEquals([failed.info?.local, failed.info?.error?.code], [false, "CLOSED"]);
  assert(failed.info!.reason.includes("ECONNRESET"));
  const ended = new Bench();
  ended.stream.events.closed();
  assertEquals([ended.info?.local, ended.info?.error, ended.info?.reason], [
    false,
    undefined,
    "connection closed by peer",
  ]);
});

test("pause and resume reach the socket, and a closing carrier reads on to hear the end", () => {
  const bench = new Bench();
  bench.carrier.pause();
  bench.carrier.resume();
  bench.carrier.pause();
  void bench.carrier.close();
  assertEquals(bench.stream.calls, ["pause", "resume", "pause", "resume", "shutdown"]);
});

test("waiters are released when the socket goes, whatever was left unsent", async () => {
  const bench = new Bench();
  bench.commit(1, patterned(WRITE_BY_REFERENCE * 2, 1));
  const waits = [bench.carrier.drained(), bench.carrier.released()!];
  bench.stream.events.closed(new Error("gone"));
  await Promise.all(waits);
  assertEquals([bench.carrier.bufferedBytes, bench.carrier.released()], [0, null]);
  await bench.carrier.drained();
});

test("a carrier that was never started closes at once", async () => {
  const stream = new ScriptedStream();
  const info = { transport: 2, name: "scripted", encrypted: false, remote: "test" };
  await new ByteStreamCarrier(stream, info).close();
  assertEquals(stream.calls, ["destroy"]);
});

test("a packet whose memory has vanished fails alone: its sink hears of it and may say so to the peer", async () => {
  const bench = new Bench();
  const told: string[] = [];
  bench.vanished = ({ lane, frameId, viewId, last, error }) => {
    told.push(`${lane} ${frameId} ${viewId} ${last} ${error.field} ${error.expected} ${error.actual}`);
    bench.commit(9);
  };
  const body = new Uint8Array(100_000);
  bench.commit(1);
  bench.commit(2, body);
  bench.commit(3, new Uint8Array(50_000));
  structuredClone(null, { transfer: [body.buffer] });
  const drained = bench.carrier.drained();
  await turn();
  bench.stream.events.written();
  await drained;
  bench.stream.events.written();
  assertEquals(bench.stream.packets, ["1", "3+50000", "9"]);
  assertEquals([told, bench.heard], [["control 2 0 true body 100000 bytes 0 bytes"], ["turn"]]);
  assertEquals([bench.carrier.bufferedBytes, bench.carrier.released()], [0, null]);
});

test("a sink that does not know what to do about it loses the connection, with a typed reason", async () => {
  const bench = new Bench();
  const body = new Uint8Array(100_000);
  bench.commit(1, body);
  structuredClone(null, { transfer: [body.buffer] });
  await turn();
  await turn();
  assertEquals(bench.heard, ["fault INTERNAL"]);
  bench.stream.events.closed();
  assertInstanceOf(bench.info?.error, NnrpInternalError);
});

for (const how of ["the stream finds it", "the socket's write fails", "the socket throws"] as const) {
  test(`memory that vanishes when a part of its packet has left ends the connection as one that is lost: ${how}`, async () => {
    const bench = new Bench();
    const told: unknown[] = [];
    bench.vanished = ({ frameId, error: { field, expected, actual } }) =>
      void told.push([frameId, field, expected, actual]);
    const [body, other] = [new Uint8Array(600_000), new Uint8Array(50_000)];
    if (how === "the socket throws") {
      bench.stream.write = () => {
        structuredClone(null, { transfer: [body.buffer] });
        throw new TypeError("detached");
      };
    }
    bench.commit(1, body);
    bench.commit(2, other);
    await turn();
    const released = bench.carrier.released();
    if (how !== "the socket throws") {
      bench.stream.events.progress(200_000);
      structuredClone(null, { transfer: [body.buffer] });
      if (how === "the stream finds it") bench.stream.events.failed(new Error("gone"));
      else bench.stream.events.writeFailed(new Error("EFAULT"));
    }
    await released;
    assertEquals(told, [[1, "body", "600000 bytes", "0 bytes"]]);
    assertEquals(bench.heard, ["turn"], "no fault of the session's");
    assertEquals(bench.stream.calls.filter((call) => call !== "write"), ["destroy"]);
    bench.stream.events.closed();
    assertEquals([bench.info?.local, bench.info?.error?.code], [true, "CLOSED"]);
    assertInstanceOf(bench.info?.error?.cause, NnrpValueError);
    bench.commit(3);
    await turn();
    assertEquals(bench.carrier.bufferedBytes, 0);
  });
}

test("a packet behind a large one of the same turn can still be left out while that one is written", async () => {
  const bench = new Bench();
  const told: number[] = [];
  bench.vanished = ({ frameId }) => void told.push(frameId);
  const bodies = [2_000_000, 1_500_000, 40_000, 1_200_000].map((size) => new Uint8Array(size));
  bodies.forEach((body, i) => bench.commit(i + 1, body));
  bench.commit(5);
  await turn();
  const written = () => bench.stream.events.written();
  assertEquals(bench.stream.packets, ["1+2000000"]);
  structuredClone(null, { transfer: [bodies[2].buffer] });
  written();
  await turn();
  await turn();
  assertEquals([bench.stream.packets, told], [["1+2000000", "2+1500000"], [3]]);
  const released = bench.carrier.released()!.then(() => bench.heard.push("released"));
  written();
  await turn();
  assertEquals(bench.stream.packets.slice(2), ["4+1200000"]);
  await turn();
  assertEquals(bench.heard, ["turn"], "what was left out does not make the rest look sent");
  written();
  await released;
  assertEquals(bench.stream.packets.slice(3), ["5"]);
  written();
  assertEquals([bench.carrier.bufferedBytes, bench.carrier.released()], [0, null]);
});

test("memory is said to be free only when its own packet was taken, though one behind it was left out", async () => {
  const bench = new Bench();
  bench.vanished = () => {};
  const gone = new Uint8Array(500_000);
  bench.commit(1, new Uint8Array(50_000));
  let isFree = false;
  void bench.carrier.released()!.then(() => isFree = true);
  bench.commit(2, gone);
  structuredClone(null, { transfer: [gone.buffer] });
  for (let i = 0; i < 10; i++) await turn();
  assertEquals([bench.stream.packets, isFree], [["1+50000"], false]);
  bench.stream.events.written();
  await turn();
  assertEquals(isFree, true);
});

test("what follows a vanished packet of the same frame is left out too, and that is told before its memory is said to be free", async () => {
  const bench = new Bench();
  const told: string[] = [];
  bench.vanished = ({ frameId, viewId, last }) => void told.push(`${frameId}/${viewId} ${last}`);
  const send = (frameId: number, body?: Uint8Array, last = true) => {
    const bytes = bytesOf({ msgType: MessageType.RESULT_PUSH, frameId, body });
    const out = bench.carrier.begin("result", frameId, 0);
    const at = out.reserve(40);
    out.bytes.set(bytes.subarray(0, 40), at);
    if (body !== undefined) out.append(body);
    bench.carrier.commit("result", frameId, 0, last);
  };
  const [first, gone] = [new Uint8Array(50_000), new Uint8Array(60_000)];
  send(1, first, false);
  send(2, undefined, false);
  send(1, gone, false);
  send(2);
  send(1);
  structuredClone(null, { transfer: [gone.buffer] });
  void bench.carrier.released()!.then(() => told.push("free"));
  await turn();
  assertEquals([bench.stream.packets, told], [["1+50000", "2", "2"], ["1/0 true"]]);
  bench.stream.events.written();
  await turn();
  assertEquals([told.at(-1), bench.carrier.bufferedBytes], ["free", 0]);
  // Alone, it leaves nothing to write: still first the one, then the other.
  const alone = new Uint8Array(70_000);
  send(3, alone);
  void bench.carrier.released()!.then(() => told.push("free"));
  structuredClone(null, { transfer: [alone.buffer] });
  for (let i = 0; i < 5; i++) await turn();
  assertEquals([told.slice(-2), bench.carrier.bufferedBytes], [["3/0 true", "free"], 0]);
});
