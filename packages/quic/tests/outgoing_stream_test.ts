import type { LostPacket } from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { patterned } from "@nnrp/testing/packets";
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { OutgoingStream } from "../src/outgoing_stream.ts";

/** A stream of the runtime's that takes one write after the other when the test says so. */
class Rig {
  readonly written: Uint8Array[] = [];
  readonly vanished: LostPacket[] = [];
  begun = false;
  failure: unknown = null;
  take: () => void = () => {};
  readonly stream: OutgoingStream = new OutgoingStream({
    host: systemHost(),
    sent: () => {},
    vanished: (packets, begun) => {
      this.vanished.push(...packets);
      this.begun ||= begun;
    },
    emptied: () => {},
    finished: () => {},
    failed: (_stream, cause) => this.failure = cause,
  });

  open(): void {
    const writable = new WritableStream<Uint8Array>({
      write: (bytes) => {
        this.written.push(bytes.slice());
        return new Promise((done) => this.take = done);
      },
    }, { highWaterMark: 0 });
    this.stream.attach(writable.getWriter(), 0);
  }

  packet(frameId: number, body: Uint8Array): void {
    const { queue } = this.stream;
    const from = queue.total;
    const at = queue.reserve(40);
    queue.bytes.fill(frameId, at, at + 40);
    queue.append(body);
    if (queue.borrowedUntil > queue.takenUntil) queue.note(from, "result", frameId, 0, true);
  }
}

const gone = (bytes: Uint8Array) => void structuredClone(null, { transfer: [bytes.buffer as ArrayBuffer] });

async function all(rig: Rig): Promise<number> {
  const { stream } = rig;
  let over = false;
  void stream.taken(stream.queue.total).then(() => over = true);
  while (!over) {
    rig.take();
    await new Promise((done) => setTimeout(done, 0));
  }
  return rig.written.reduce((sum, { length }) => sum + length, 0);
}

test("a packet whose memory has vanished before its stream takes it is left out, and those around it leave", async () => {
  const rig = new Rig();
  const [first, second, third] = [1, 2, 3].map((i) => patterned(40_000, i));
  [first, second, third].forEach((body, i) => rig.packet(i + 1, body));
  gone(second);
  rig.open();
  assertEquals(await all(rig), 80_080);
  assertEquals([rig.vanished.map(({ frameId }) => frameId), rig.failure, rig.stream.unsentBytes], [
    [2],
    null,
    0,
  ]);
});

test("one alone on its stream leaves nothing to send, and whoever waits for it goes on", async () => {
  const rig = new Rig();
  const body = patterned(40_000, 1);
  rig.packet(1, body);
  gone(body);
  rig.open();
  assertEquals(await all(rig), 0);
  assertEquals([rig.vanished.length, rig.failure], [1, null]);
});

test("one of which a part has left cannot be left out any more: the stream fails, and it is told which one it was", async () => {
  const rig = new Rig();
  const body = patterned(600_000, 1);
  rig.packet(1, body);
  rig.open();
  const waiting = all(rig);
  gone(body);
  await waiting;
  assertEquals([rig.vanished.map(({ frameId }) => frameId), rig.begun, rig.stream.over], [[1], true, true]);
  assertEquals([rig.vanished[0].error.expected, rig.vanished[0].error.actual], ["600000 bytes", "0 bytes"]);
});
