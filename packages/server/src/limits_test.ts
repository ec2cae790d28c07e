import { encodePacket, type NnrpPacket, TypedPayload } from "@nnrp/core";
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { test } from "node:test";
import { Gate, MEMORY, TCP } from "../../../tests/support/places.ts";
import { RawPeer, until } from "../../../tests/support/raw_peer.ts";
import { patterned, submitPacket } from "@nnrp/testing/packets";
import { HARD_LIMIT_FACTOR, MAX_CONCURRENT_FRAMES } from "./defaults.ts";
import { turns, untilSteady } from "../../../tests/support/turns.ts";
import { dialClient, type Result } from "@nnrp/client";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { serve } from "../mod.ts";

const KIB = 1024;
const MIB = 1024 * 1024;
const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const echo = (frame: { typedPayloads: readonly TypedPayload[] }) => ({ typedPayloads: frame.typedPayloads });

/** Turns of the event loop that both ends share without taking anything, after which a side is stuck. */
const STUCK_TURNS = 100;

/** FRAME_SUBMIT with so many bytes. */
function large(frameId: number, size: number): NnrpPacket {
  return submitPacket(frameId, {
    sessionId: 1,
    typedPayloads: [{ payloadKind: 0x40, payload: patterned(size, frameId) }],
  });
}

/** Sends frames until the other side takes no more, or all are sent; gives the number that were sent. */
async function sendUntilStuck(peer: RawPeer, count: number, size: number): Promise<number> {
  const bytes = encodePacket(large(0, size));
  for (let id = 0; id < count; id++) {
    new DataView(bytes.buffer).setUint32(24, id, true);
    if (peer.send(bytes.slice())) continue;
    const drained = await Promise.race([
      peer.drained().then(() => true),
      turns(STUCK_TURNS).then(() => false),
    ]);
    if (!drained) return id + 1;
  }
  return count;
}

test("a client that submits and never reads is not read from any more; once it reads, everything is answered", async () => {
  const limit = MIB;
  const at = await TCP.serve(echo, { maxSendBufferBytes: limit, maxQueuedFrames: 4000 });
  const peer = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 1 });
  peer.pause();
  const [session] = at.server.sessions;
  let most = 0;
  const watch = setInterval(() => most = Math.max(most, session.stats.bufferedBytes), 1);
  const sent = await sendUntilStuck(peer, 4000, 64 * KIB);
  clearInterval(watch);
  assertLess(sent, 4000);
  assertGreater(most, limit / 2);
  // What had been read when the limit was reached is still answered, as many frames as may be in flight; without a limit it would be
  // 250 MiB.
  assertLess(most, limit + (MAX_CONCURRENT_FRAMES * HARD_LIMIT_FACTOR + 1) * 65 * KIB);
  const good = await at.dial();
  assertEquals((await good.submit(say("me too"))).text(), "me too");
  peer.resume();
  for (let id = 0; id < sent; id++) assertEquals((await peer.next("RESULT_PUSH")).header.frameId, id);
  peer.destroy();
  await at.end();
});

test("a client that takes nothing for sendStallMs is cut, and its frames with it", async () => {
  const at = await TCP.serve(echo, { maxSendBufferBytes: 256 * KIB, sendStallMs: 100 });
  const peer = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 1 });
  const good = await at.dial();
  peer.pause();
  await sendUntilStuck(peer, 4000, 64 * KIB);
  await until(() => at.server.stats.sessions === 1, "the cut");
  assertEquals([(await good.submit(say("x"))).text(), at.server.stats.bytesInFlight], ["x", 0]);
  peer.resume();
  await peer.closed;
  await at.end();
});

test("a client that reads slowly but steadily is not cut, however long one result takes", async () => {
  const size = 16 * MIB;
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: 1 });
  await world.run(async () => {
    const server = await serve({
      listen: [net.stream()],
      runtime: world.host("server"),
      sendStallMs: 150,
    }, () => ({ typedPayloads: [TypedPayload.opaqueBytes(patterned(size, 1))] }));
    const session = await dialClient("nnrp://server", {
      carriers: [net.stream()],
      runtime: world.host("client"),
    });
    const { carrier } = session.raw;
    let rounds = 0;
    let answer: Result | null = null;
    const answered = session.submit(say("x")).then((result) => answer = result);
    for (; answer === null; rounds++) {
      carrier.pause();
      await world.sleep(100);
      carrier.resume();
      await world.sleep(0);
    }
    assertEquals((await answered).opaqueBytesPayloads[0].length, size);
    assertEquals(server.stats.sessions, 1);
    assertGreater(rounds, 10);
    await session.close();
    await server.close();
  });
});

test("no more bytes than told wait for an answer: the rest is not read until there is room", async () => {
  const gate = new Gate();
  const at = await TCP.serve(async (frame) => {
    await gate.opened;
    return say(String(frame.frameId));
  }, {
    maxSessionBytes: 2 * MIB,
    maxQueuedFrames: 4000,
    profile: { maxConcurrentFrames: 1000 },
    concurrency: 1000,
  });
  const peer = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 1 });
  const sent = await sendUntilStuck(peer, 2000, 32 * KIB);
  assertLess(sent, 2000);
  assertGreater(at.server.stats.bytesInFlight, MIB);
  assertLess(at.server.stats.bytesInFlight, 8 * MIB);
  const good = await at.dial();
  await good.ping();
  gate.open();
  for (let id = 0; id < sent; id++) await peer.next("RESULT_PUSH");
  assertEquals(at.server.stats.bytesInFlight, 0);
  peer.destroy();
  await at.end();
});

test("no more bytes than told wait in the whole server, and every session goes on once there is room", async () => {
  const gate = new Gate();
  const at = await TCP.serve(async () => {
    await gate.opened;
    return {};
  }, {
    maxServerBytes: 3 * MIB,
    maxQueuedFrames: 4000,
    profile: { maxConcurrentFrames: 1000 },
    concurrency: 2000,
    keepAliveMs: 100,
  });
  const peers = [await RawPeer.shakeHands(at.server.port), await RawPeer.shakeHands(at.server.port)];
  const counts: number[] = [];
  for (const [i, peer] of peers.entries()) {
    const bytes = encodePacket(large(0, 32 * KIB));
    const id = at.server.sessions[i].sessionId;
    let sent = 0;
    for (; sent < 500; sent++) {
      const view = new DataView(bytes.buffer);
      view.setUint32(20, id, true);
      view.setUint32(24, sent, true);
      peer.send(bytes.slice());
    }
    counts.push(sent);
  }
  await untilSteady(() => at.server.stats.bytesInFlight);
  assertGreater(at.server.stats.bytesInFlight, 0);
  assertLess(at.server.stats.bytesInFlight, 10 * MIB);
  gate.open();
  for (const [i, peer] of peers.entries()) for (let n = 0; n < counts[i]; n++) await peer.next("RESULT_PUSH");
  assertEquals(at.server.stats.bytesInFlight, 0);
  for (const peer of peers) peer.destroy();
  await at.end();
});

test("a stream is not pulled further than the client takes it", async () => {
  let pulled = 0;
  const at = await TCP.serve(() =>
    (async function* () {
      for (; pulled < 2000; pulled++) {
        yield { typedPayloads: [TypedPayload.opaqueBytes(patterned(100 * KIB, pulled))] };
      }
    })(), { maxStreamAheadBytes: MIB });
  const peer = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 1 });
  peer.pause();
  peer.send(submitPacket(1, { sessionId: 1 }));
  await until(() => pulled > 0, "the stream");
  const before = await untilSteady(() => pulled);
  assertLess(before, 1000);
  assertLess(at.server.sessions[0].stats.bufferedBytes, 8 * MIB);
  peer.resume();
  await until(() => pulled > before, "the stream to go on");
  peer.destroy();
  await until(() => at.server.stats.running === 0, "the handler's end");
  assertEquals(pulled < 2000, true, "a client that went away is not worked for");
  await at.end();
});

test("more frames in flight than the hard limit get LIMIT_EXCEEDED, the others are answered", async () => {
  const gate = new Gate();
  const at = await TCP.serve(async () => {
    await gate.opened;
    return {};
  }, { profile: { maxConcurrentFrames: 4 }, maxQueuedFrames: 100 });
  const peer = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 1 });
  for (let id = 0; id < 20; id++) peer.send(submitPacket(id, { sessionId: 1 }));
  for (let n = 0; n < 4; n++) assertEquals((await peer.next("ERROR")).header.frameId, 16 + n);
  gate.open();
  const answered = new Set<number>();
  for (let n = 0; n < 16; n++) answered.add((await peer.next("RESULT_PUSH")).header.frameId);
  assertEquals([answered.size, Math.max(...answered)], [16, 15]);
  peer.destroy();
  await at.end();
});

test("our own client waits while the server does not read, and loses nothing", async () => {
  const gate = new Gate();
  const at = await MEMORY.serve(async (frame) => {
    await gate.opened;
    return echo(frame);
  }, { maxSessionBytes: 100 * KIB, profile: { maxConcurrentFrames: 500 }, concurrency: 500 });
  const session = await at.dial({ maxSendBufferBytes: 50 * KIB });
  const results = Array.from(
    { length: 300 },
    (_, i) => session.submit({ typedPayloads: [TypedPayload.opaqueBytes(patterned(5000, i))] }),
  );
  await untilSteady(() => session.stats.waiting);
  assertGreater(session.stats.waiting, 0);
  assertLess(session.stats.bufferedBytes, 100 * KIB);
  gate.open();
  for (const [i, result] of results.entries()) {
    assertEquals((await result).opaqueBytesPayloads[0], patterned(5000, i));
  }
  await at.end();
});
