import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { bytesOf, patterned } from "@nnrp/testing/packets";
import type { Carrier, CarrierSink } from "./carrier.ts";
import { NnrpTransportError } from "./errors.ts";
import { memoryNetwork, type MemoryOptions, memoryPair } from "./memory_carrier.ts";
import { MessageType } from "./wire/enums.ts";

/** A carrier with everything it said. */
function open(carrier: Carrier): { carrier: Carrier; heard: string[]; closed: Promise<void> } {
  const heard: string[] = [];
  let closed = () => {};
  const whenClosed = new Promise<void>((done) => closed = done);
  const sink: CarrierSink = {
    begin: () => {},
    packet: (cursor) => heard.push(`${cursor.frameId}`),
    turn: () => {},
    fault: (error) => heard.push(error.code),
    end: () => heard.push("end"),
    closed: () => {
      heard.push("closed");
      closed();
    },
  };
  carrier.start(sink);
  return { carrier, heard, closed: whenClosed };
}

function pair(options: MemoryOptions = {}) {
  const [a, b] = memoryPair(options);
  return [open(a), open(b)] as const;
}

function send(carrier: Carrier, frameId: number, size = 0): void {
  const out = carrier.begin("control", frameId, 0);
  const bytes = bytesOf({ msgType: MessageType.CLOSE, frameId, body: patterned(size, frameId) });
  const at = out.reserve(bytes.length);
  out.bytes.set(bytes, at);
  carrier.commit("control", frameId, 0, true);
}

/** Lets everything happen that is due. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

test("what one end sends arrives whole and in order at the other, both ways", async () => {
  const [a, b] = pair({ split: (bytes) => Array.from(bytes, (_, i) => bytes.slice(i, i + 1)) });
  for (let id = 1; id <= 3; id++) {
    send(a.carrier, id, id * 100);
    send(b.carrier, id + 10);
    await settle();
  }
  assertEquals([a.heard, b.heard], [["11", "12", "13"], ["1", "2", "3"]]);
  assertEquals([a.carrier.bufferedBytes, a.carrier.encrypted, a.carrier.name], [0, true, "memory"]);
});

test("an orderly close delivers everything, then the end, then closes both ends", async () => {
  const [a, b] = pair();
  send(a.carrier, 1, 50_000);
  send(a.carrier, 2);
  const closing = a.carrier.close();
  await settle();
  assertEquals(b.heard, ["1", "2", "end"]);
  send(b.carrier, 3); // half-close: the other direction is open, but the closing end throws it away
  await b.carrier.close();
  await closing;
  assertEquals([a.heard, b.heard], [["closed"], ["1", "2", "end", "closed"]]);
});

test("a paused end keeps the other one's bytes waiting, and gets them when it resumes", async () => {
  const [a, b] = pair();
  b.carrier.pause();
  send(a.carrier, 1, 1000);
  await settle();
  assertEquals([b.heard, a.carrier.bufferedBytes], [[], 1040]);
  send(a.carrier, 2);
  b.carrier.resume();
  await settle();
  assertEquals([b.heard, a.carrier.bufferedBytes], [["1", "2"], 0]);
});

test("an end whose peer goes away with bytes under way learns of it and can close", async () => {
  const [a, b] = pair();
  b.carrier.pause();
  send(a.carrier, 1, 1000);
  const drained = a.carrier.drained();
  await settle();
  await b.carrier.close({ graceful: false });
  await drained;
  await settle();
  await a.carrier.close();
  assertEquals([a.heard.at(-1), b.heard], ["closed", ["closed"]]);
});

test("last words are followed by the end, also where no clock says when", async () => {
  const [a, b] = pair();
  send(a.carrier, 1);
  const closing = a.carrier.close({ endDelayMs: 150 });
  await settle();
  assertEquals(b.heard, ["1", "end"]);
  await b.carrier.close();
  await closing;
});

test("deliveries are made by the schedule that is given, and no other", async () => {
  const tasks: (() => void)[] = [];
  const [a, b] = pair({ schedule: (task) => tasks.push(task) });
  send(a.carrier, 1);
  await settle();
  assertEquals([b.heard, tasks.length], [[], 1]);
  tasks.shift()!();
  assertEquals(b.heard, ["1"]);
});

test("a network has one listener, and nobody to dial without one", async () => {
  const net = memoryNetwork();
  await assertRejects(() => net.dial({ host: "memory", port: 1 }), NnrpTransportError, "nobody listens");
  const accepted: Carrier[] = [];
  const listener = await net.listen((carrier) => accepted.push(carrier));
  await assertRejects(() => net.listen(() => {}), NnrpTransportError, "already");
  const dialled = open(await net.dial({ host: "memory", port: 1 }));
  const other = open(accepted[0]);
  send(dialled.carrier, 1);
  await settle();
  assertEquals([other.heard, listener.port], [["1"], 1]);
  await listener.close();
  await assertRejects(() => net.dial({ host: "memory", port: 1 }), NnrpTransportError);
  send(other.carrier, 2);
  await settle();
  assertEquals(dialled.heard, ["2"], "closing the listener ends no connection");
});

test("a close after both ends have finished sending waits for nobody", async () => {
  const [a, b] = pair();
  a.carrier.endSending();
  b.carrier.endSending();
  await settle();
  assertEquals([a.heard, b.heard], [["end"], ["end"]]);
  void a.carrier.close();
  await settle();
  assertEquals(a.heard, ["end", "closed"]);
});
