import { encodePacket, ErrorCode, MessageType, TypedPayload } from "@nnrp/core";
import { dialClient } from "@nnrp/client";
import { assert, assertEquals, assertLess } from "@std/assert";
import { test } from "node:test";
import { TCP } from "../support/places.ts";
import { helloPacket, RawPeer, RawServer, until } from "../support/raw_peer.ts";
import { ackFor } from "@nnrp/testing/engines";
import {
  bare,
  cachePutPacket,
  flowPacket,
  hintPacket,
  invalidatePacket,
  join,
  patchPacket,
  patterned,
  resultPacket,
  submitPacket,
} from "@nnrp/testing/packets";
import { isOver, underAttack } from "./good_client.ts";

/** One packet many times over. */
function times(packet: Parameters<typeof encodePacket>[0], count: number): Uint8Array {
  const bytes = encodePacket(packet);
  return join(Array.from({ length: count }, () => bytes));
}

const FLOODS = [
  ["PINGs", bare(MessageType.PING)],
  ["PONGs", bare(MessageType.PONG, { traceId: 1n })],
  ["FLOW_UPDATEs", flowPacket({ credit: 1 })],
  ["SESSION_PATCHes", patchPacket()],
  ["cancels of nothing", bare(MessageType.FRAME_CANCEL, { frameId: 5 })],
  ["CACHE_INVALIDATEs", invalidatePacket()],
  ["malformed CACHE_PUTs", cachePutPacket({ objectBytes: 999 })],
  ["messages in the wrong direction", hintPacket()],
  ["malformed submits", submitPacket(1, { sessionId: 999 })],
] as const;

test("floods of packets that bring nothing forward end in LIMIT_EXCEEDED, whether the sender reads or not", async () => {
  await underAttack({ sendStallMs: 1000 }, async ({ server, port, serves }) => {
    for (const reads of [true, false]) {
      const peers: RawPeer[] = [];
      for (const [, packet] of FLOODS) {
        const peer = await RawPeer.shakeHands(port, { requestedSessionId: 7 });
        if (!reads) peer.pause();
        const flood = times({
          ...packet,
          header: { ...packet.header, sessionId: packet.header.sessionId === 999 ? 999 : 7 },
        }, 5000);
        for (let i = 0; i < 20; i++) peer.send(flood);
        peers.push(peer);
      }
      await serves();
      assertLess(server.sessions.reduce((sum, s) => sum + s.stats.bufferedBytes, 0), 16 * 1024 * 1024);
      if (reads) {
        for (const [i, peer] of peers.entries()) {
          await until(() => peer.isEnded || peer.isClosed, FLOODS[i][0]);
          const last = peer.packets.at(-1)!;
          assertEquals(last.header.msgType, MessageType.ERROR, FLOODS[i][0]);
          assertEquals(
            new DataView(last.metadata.buffer, last.metadata.byteOffset).getUint32(0, true),
            ErrorCode.LIMIT_EXCEEDED,
          );
          // A burst of 1,000 is free, as many may be owed, and a few more each second; 100,000 were sent.
          assertLess(peer.packets.length, 5000);
        }
      }
      await until(() => server.stats.sessions === 1, "the end of the flooders");
      for (const peer of peers) peer.destroy();
    }
  });
});

test("submit and cancel, ten thousand times: every frame ends once, and what runs is bounded", async () => {
  let running = 0;
  let most = 0;
  const at = await TCP.serve(async (frame) => {
    if (frame.text() === "good") return { typedPayloads: frame.typedPayloads };
    most = Math.max(most, ++running);
    try {
      await new Promise((done) => {
        frame.signal.addEventListener("abort", done);
        if (frame.signal.aborted) done(null);
      });
    } finally {
      running--;
    }
    return {};
  }, { concurrency: 16, keepAliveMs: 0 });
  const good = await at.dial();
  const peer = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 7 });
  const startedMs = performance.now();
  let sent = 0;
  while (sent < 10_000 && !isOver(startedMs)) {
    const pairs: Uint8Array[] = [];
    for (let i = 0; i < 200; i++, sent++) {
      pairs.push(
        encodePacket(submitPacket(sent, { sessionId: 7 })),
        encodePacket(bare(MessageType.FRAME_CANCEL, { frameId: sent, sessionId: 7 })),
      );
    }
    if (!peer.send(join(pairs))) await peer.drained();
    if (sent % 2000 === 0) await good.submit({ typedPayloads: [TypedPayload.tokenChunk("good")] });
  }
  const ends = new Map<number, number>();
  while (ends.size < sent) {
    const { header } = await peer.next();
    if (header.msgType === MessageType.RESULT_HINT) continue;
    assertEquals(header.msgType === MessageType.RESULT_DROP || header.msgType === MessageType.ERROR, true);
    ends.set(header.frameId, (ends.get(header.frameId) ?? 0) + 1);
  }
  assertEquals([...ends.values()].every((n) => n === 1), true);
  await until(() => at.server.stats.running === 0, "handlers to stop");
  assert(most <= 16, `${most} at once`);
  assertEquals([at.server.stats.queued, at.server.stats.bytesInFlight, running], [0, 0, 0]);
  assertEquals((await good.submit({ typedPayloads: [TypedPayload.tokenChunk("good")] })).text(), "good");
  peer.destroy();
  await at.end();
});

test("more frames than a server takes: each is answered, refused or dropped, the good client's all answered", async () => {
  await underAttack(
    { concurrency: 4, maxQueuedFrames: 32, profile: { maxConcurrentFrames: 8 }, keepAliveMs: 0 },
    async ({ port, serves, server }) => {
      const peers = await Promise.all([1, 2, 3].map(() => RawPeer.shakeHands(port)));
      const ids = server.sessions.slice(1).map((s) => s.sessionId);
      const count = 3000;
      peers.forEach((peer, p) => {
        const frames = Array.from(
          { length: count },
          (_, i) => encodePacket(submitPacket(i, { sessionId: ids[p] })),
        );
        for (let i = 0; i < count; i += 500) {
          peer.send(join(frames.slice(i, i + 500)));
        }
      });
      await serves();
      for (const peer of peers) {
        const ended = new Set<number>();
        while (ended.size < count) {
          const { header } = await peer.next();
          if (header.msgType === MessageType.RESULT_HINT) continue;
          assertEquals(ended.has(header.frameId), false, "a frame ends once");
          ended.add(header.frameId);
        }
        peer.destroy();
      }
    },
  );
});

test("a cache that is put into without end stays within its bounds", async () => {
  await underAttack(
    { profile: { maxCacheEntries: 10, maxCacheBytes: 100_000 } },
    async ({ port, server, serves }) => {
      const peer = await RawPeer.shakeHands(port, { requestedSessionId: 7 });
      const count = 3000;
      for (let i = 0; i < count; i += 100) {
        const puts = Array.from({ length: 100 }, (_, k) =>
          encodePacket(
            cachePutPacket(
              { cacheKeyLo: i + k, flags: (i + k) % 50 === 0 ? 1 : 0 },
              { sessionId: 7 },
              patterned(3000, i),
            ),
          ));
        if (!peer.send(join(puts))) {
          await peer.drained();
        }
        if (i === 1000) await serves();
      }
      for (let i = 0; i < count; i++) await peer.next("CACHE_ACK");
      assertEquals(server.sessions.find((s) => s.sessionId === 7)!.stats.cachePuts, count);
      peer.destroy();
    },
  );
});

test("a client whose server floods it with results it never asked for counts them, and goes on", async () => {
  const raw = await RawServer.listen();
  const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`);
  const peer = await raw.accept();
  peer.send(ackFor(await peer.next("CLIENT_HELLO")));
  const client = await dialling;
  const total = 100_000;
  const flood = join(
    Array.from(
      { length: 1000 },
      (_, i) => encodePacket(i % 3 === 0 ? hintPacket() : resultPacket(1_000_000 + i)),
    ),
  );
  for (let i = 0; i < total; i += 1000) if (!peer.send(flood)) await peer.drained();
  const result = client.submit({ typedPayloads: [TypedPayload.tokenChunk("x")], frameId: 5 });
  await peer.next("FRAME_SUBMIT");
  peer.send(resultPacket(5));
  assertEquals((await result).text(), "result 5");
  assertEquals([client.stats.unknown, client.stats.unclaimed, client.stats.inFlight], [66_600, 0, 0]);
  assertEquals(client.stats.droppedHints, 33_400 - 256);
  peer.destroy();
  await client.close();
  raw.close();
});

test("a client whose server floods it with pings ends the session, and says why", async () => {
  const raw = await RawServer.listen();
  const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`);
  const peer = await raw.accept();
  peer.send(ackFor(await peer.next("CLIENT_HELLO")));
  const client = await dialling;
  peer.send(times(bare(MessageType.PING), 5000));
  const end = await client.closed;
  assertEquals([end.kind, end.local], ["error", true]);
  const error = await peer.next("ERROR");
  assertEquals(
    new DataView(error.metadata.buffer, error.metadata.byteOffset).getUint32(0, true),
    ErrorCode.LIMIT_EXCEEDED,
  );
  peer.destroy();
  raw.close();
  void helloPacket;
});
