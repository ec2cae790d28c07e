import { type ByteStream, ByteStreamCarrier, type ByteStreamEvents } from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { virtualWorld } from "@nnrp/testing";
import { Heard } from "@nnrp/testing/carrier-suite";
import { patterned } from "@nnrp/testing/packets";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { frame } from "../tests/raw_web_socket.ts";
import { FramedStream } from "./framed_stream.ts";
import { maskKeysOf } from "./mask.ts";

/** A socket whose writes end when the test says so. */
class Raw implements ByteStream {
  events!: ByteStreamEvents;
  writes = 0;
  start(events: ByteStreamEvents): void {
    this.events = events;
  }
  write(): void {
    this.writes++;
  }
  pause(): void {}
  resume(): void {}
  shutdown(): void {}
  destroy(): void {}
}

const PING = 9;

function connected(client: boolean) {
  const raw = new Raw();
  const host = virtualWorld().host("here");
  const stream = new FramedStream(raw, { client, rest: new Uint8Array(0), host });
  const info = { transport: 2, name: "websocket", encrypted: false, remote: "there", host };
  return { raw, heard: new Heard(new ByteStreamCarrier(stream, info)) };
}

for (const client of [true, false]) {
  const side = client ? "client" : "server";
  const ping = () => frame(PING, new Uint8Array(4), { mask: !client });

  test(`${side}: what waits behind a pong that cannot be sent is known to be lost at once`, async () => {
    const { raw, heard: { carrier, ...heard } } = connected(client);
    raw.events.data(ping());
    assertEquals(raw.writes, 1);
    raw.events.writeFailed(new Error("EPIPE"));
    sendTo(carrier, 1, patterned(100_000, 1));
    await carrier.drained();
    await carrier.released();
    assertEquals([carrier.bufferedBytes, heard.events], [0, []]);
  });

  test(`${side}: so is what was written while that pong was under way`, async () => {
    const { raw, heard: { carrier } } = connected(client);
    raw.events.data(ping());
    sendTo(carrier, 1, patterned(100_000, 1));
    carrier.flush();
    const drained = carrier.drained();
    raw.events.writeFailed(new Error("EPIPE"));
    await drained;
    assertEquals(carrier.bufferedBytes, 0);
  });
}

function sendTo(carrier: Heard["carrier"], frameId: number, body: Uint8Array): void {
  const out = carrier.begin("control", frameId, 0);
  out.append(body);
  carrier.commit("control", frameId, 0, true);
}

test("masking keys are drawn many at once, from the host, and none is used twice", () => {
  let draws = 0;
  const host = {
    ...systemHost(),
    randomBytes: (length: number) => {
      const bytes = new Uint8Array(length);
      const words = new Uint32Array(bytes.buffer);
      for (let i = 0; i < words.length; i++) words[i] = draws * 1_000_000 + i;
      draws++;
      return bytes;
    },
  };
  const keys = maskKeysOf(host);
  assertEquals(maskKeysOf(host), keys, "the connections of a host share them");
  const seen = new Set<number>();
  const count = 10_000;
  for (let i = 0; i < count; i++) seen.add(keys.next());
  assertEquals(seen.size, count);
  assert(draws <= count / 200, `${draws} draws`);
});
