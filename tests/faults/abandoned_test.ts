import { encodePacket, ErrorCode, MessageType, SubmitMode } from "@nnrp/core";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { TCP } from "../support/places.ts";
import { helloPacket, RawPeer, until } from "../support/raw_peer.ts";
import { cachePutPacket, join, patterned, submitPacket } from "@nnrp/testing/packets";
import { underAttack } from "./good_client.ts";

const errorOf = ({ metadata }: { metadata: Uint8Array }) => {
  const view = new DataView(metadata.buffer, metadata.byteOffset);
  return { code: view.getUint32(0, true), retryAfterMs: view.getUint32(12, true) };
};

function crowd(port: number, size: number): Promise<RawPeer[]> {
  return Promise.all(Array.from({ length: size }, () => RawPeer.shakeHands(port)));
}

test("300 sessions that are left alone, their connections open: gone when the idle time is over, the good one stays", async () => {
  await underAttack({ idleTimeoutMs: 5000, keepAliveMs: 100 }, async ({ server, port, serves }) => {
    const peers = await crowd(port, 300);
    for (const peer of peers.slice(0, 50)) peer.send(submitPacket(1).metadata.subarray(0, 20)); // half a packet, then silence
    await serves();
    await until(() => server.stats.sessions === 1, "the abandoned sessions to end");
    await until(() => peers.every((peer) => peer.isEnded || peer.isClosed), "their connections to end");
    for (const peer of peers) peer.destroy();
  });
});

test("sessions that are abandoned with frames in their handlers: each handler is told, and its slot is free again", async () => {
  let told = 0;
  const at = await TCP.serve(async (frame) => {
    await new Promise<void>((done) => frame.signal.addEventListener("abort", () => done()));
    told++;
    return {};
    // A client that ended its half may still read: that it is gone shows when something is sent to it.
  }, { migration: { resumeWindowMs: 100 }, keepAliveMs: 200 });
  const peers = await crowd(at.server.port, 30);
  const ids = at.server.sessions.map((session) => session.sessionId);
  peers.forEach((peer, i) =>
    peer.send(submitPacket(1, { sessionId: ids[i] }), submitPacket(2, { sessionId: ids[i] }))
  );
  await until(() => at.server.stats.running === 60, "the handlers to run");
  peers.forEach((peer, i) => i % 2 ? peer.destroy() : peer.end());
  for (const peer of peers) peer.destroy();
  await until(() => at.server.stats.running === 0, "the handlers to end");
  await until(() => at.server.stats.sessions === 0, "the sessions to end");
  assertEquals([told, at.server.stats.bytesInFlight, at.server.stats.handlerFailures], [60, 0, 0]);
  await at.end();
});

test("clients that vanish and could come back are kept for a moment, no more of them than told, and then forgotten", async () => {
  const migration = { resumeWindowMs: 700, maxSuspendedSessions: 20 };
  await underAttack({ migration }, async ({ server, port, serves }) => {
    const most: number[] = [];
    for (let wave = 0; wave < 5; wave++) {
      for (const peer of await crowd(port, 40)) peer.destroy();
      await until(() => server.stats.open === 1, "the server to notice");
      most.push(server.stats.suspended);
      await serves();
    }
    assert(most.every((count) => count <= 20), most.join());
    assert(server.stats.sessions <= 21, `${server.stats.sessions} sessions`);
    await until(() => server.stats.sessions === 1, "them to be forgotten");
  });
});

test("a full server says LIMIT_EXCEEDED and when to come again, keeps those it has, and takes new ones when there is room", async () => {
  await underAttack({ maxConnections: 40, maxHandshakes: 30 }, async ({ server, port, serves }) => {
    const inside = await crowd(port, 20);
    const silent = await Promise.all(Array.from({ length: 19 }, () => RawPeer.connect(port)));
    await until(() => server.stats.open === 40, "the server to be full");
    for (let wave = 0; wave < 5; wave++) {
      const outside = await Promise.all(Array.from({ length: 40 }, () => RawPeer.connect(port)));
      for (const peer of outside) peer.send(helloPacket());
      await serves();
      for (const peer of outside) {
        const error = errorOf(await peer.next("ERROR"));
        assertEquals([error.code, error.retryAfterMs > 0], [ErrorCode.LIMIT_EXCEEDED, true]);
        peer.destroy();
      }
      await until(() => server.stats.farewells === 0, "them to be gone");
    }
    for (const peer of inside) assertEquals([peer.isEnded, peer.isClosed], [false, false]);
    for (const peer of silent) peer.destroy();
    await until(() => server.stats.open < 40, "room");
    const next = await RawPeer.shakeHands(port);
    for (const peer of [...inside, next]) peer.destroy();
  });
});

test("a cache thrashed with a thousand objects holds no more than it may: the newest ones", async () => {
  const entries = 10;
  await underAttack({ profile: { maxCacheEntries: entries } }, async ({ port, serves }) => {
    const peer = await RawPeer.shakeHands(port, { requestedSessionId: 7 });
    const puts = Array.from(
      { length: 1000 },
      (_, cacheKeyLo) =>
        encodePacket(cachePutPacket({ cacheKeyLo }, { sessionId: 7 }, patterned(3000, cacheKeyLo))),
    );
    peer.send(join(puts));
    await serves();
    for (let i = 0; i < puts.length; i++) await peer.next("CACHE_ACK");
    const asked = 100;
    for (let frameId = 0; frameId < asked; frameId++) {
      const cameraReference = {
        objectKind: 1,
        refFlags: 0,
        cacheNamespace: 0,
        cacheKeyHi: 0,
        cacheKeyLo: puts.length - 1 - frameId,
      };
      peer.send(submitPacket(frameId, {
        sessionId: 7,
        typedPayloads: undefined,
        submitMode: SubmitMode.REFERENCE,
        objectRefMask: 1,
        cameraReference,
      }));
    }
    const found: number[] = [];
    for (let i = 0; i < asked; i++) {
      const packet = await peer.next();
      if (packet.header.msgType === MessageType.RESULT_PUSH) found.push(packet.header.frameId);
      else assertEquals(errorOf(packet).code, ErrorCode.CACHE_MISS);
    }
    assertEquals(found.sort((a, b) => a - b), Array.from({ length: entries }, (_, i) => i));
    peer.destroy();
  });
});
