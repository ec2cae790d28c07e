import { encodePacket } from "@nnrp/core";
import { assertEquals, assertLess } from "@std/assert";
import { test } from "node:test";
import { RawPeer, until } from "../support/raw_peer.ts";
import { cachePutPacket, join, patterned, submitPacket } from "@nnrp/testing/packets";
import { isOver, underAttack, usedMemory } from "./good_client.ts";

const MIB = 1024 * 1024;

test("forty clients that submit and never read: bounded memory, then cut, the good one served all the time", async () => {
  const options = { maxSendBufferBytes: MIB, maxSessionBytes: MIB, sendStallMs: 1000 };
  await underAttack(options, async ({ server, port, serves }) => {
    const peers = await Promise.all(Array.from({ length: 40 }, () => RawPeer.shakeHands(port)));
    const ids = server.sessions.slice(1).map((s) => s.sessionId);
    const startedMs = performance.now();
    peers.forEach((peer, i) => {
      peer.pause();
      const payload = { typedPayloads: [{ payloadKind: 0x40, payload: patterned(50_000, i) }] };
      const frames = join(
        Array.from(
          { length: 30 },
          (_, id) => encodePacket(submitPacket(id, { sessionId: ids[i], ...payload })),
        ),
      );
      // More than a kernel keeps for a reader that never reads: 7 MiB.
      for (let k = 0; k < 5; k++) peer.send(frames);
    });
    while (server.stats.sessions > 1 && !isOver(startedMs)) {
      for (const session of server.sessions) assertLess(session.stats.bufferedBytes, 8 * MIB);
      // Beyond its MiB a session may hold what came in the same read. They sent 286 MiB.
      assertLess(server.stats.bytesInFlight, 40 * 2 * MIB);
      await serves();
    }
    await until(() => server.stats.sessions === 1, "the cut");
    for (const peer of peers) peer.destroy();
  });
});

test("what the attackers made a server hold is given back: later waves find the memory of earlier ones", async () => {
  await underAttack(
    { maxSendBufferBytes: MIB, maxSessionBytes: 4 * MIB },
    async ({ server, port, serves }) => {
      const afterWave: number[] = [];
      for (let wave = 0; wave < 8; wave++) {
        const peers = await Promise.all(Array.from({ length: 20 }, () => RawPeer.shakeHands(port)));
        const ids = server.sessions.slice(1).map((s) => s.sessionId);
        const payload = { typedPayloads: [{ payloadKind: 0x40, payload: patterned(500_000, wave) }] };
        peers.forEach((peer, i) => {
          peer.pause();
          for (let id = 0; id < 8; id++) peer.send(submitPacket(id, { sessionId: ids[i], ...payload }));
          peer.send(cachePutPacket({}, { sessionId: ids[i] }, patterned(500_000, i)));
        });
        await serves();
        for (const peer of peers) peer.destroy();
        await until(() => server.stats.sessions === 1, "the wave to be over");
        afterWave.push(usedMemory());
      }
      // A wave moves 90 MiB: an eighth of it left behind by each would be more than this.
      assertLess(Math.min(...afterWave.slice(5)) - afterWave[2], 32 * MIB);
    },
  );
});

test("clients that read a little now and then are served as slowly as they like", async () => {
  await underAttack({ sendStallMs: 1000 }, async ({ server, port, serves }) => {
    const peers = await Promise.all(Array.from({ length: 5 }, () => RawPeer.shakeHands(port)));
    const ids = server.sessions.slice(1).map((s) => s.sessionId);
    const payload = patterned(3 * MIB, 1);
    peers.forEach((peer, i) => {
      peer.pause();
      peer.send(submitPacket(1, { sessionId: ids[i], typedPayloads: [{ payloadKind: 0x40, payload }] }));
    });
    const slowly = setInterval(() => {
      for (const peer of peers) {
        peer.resume();
        setTimeout(() => peer.pause(), 1);
      }
    }, 20);
    await serves();
    for (const peer of peers) {
      const result = await peer.next("RESULT_PUSH");
      assertEquals(result.body.length > payload.length, true);
    }
    clearInterval(slowly);
    for (const peer of peers) peer.destroy();
  });
});

test("clients that vanish in the middle of what they sent, and of what they were sent", async () => {
  await underAttack({}, async ({ server, port, serves }) => {
    for (let round = 0; round < 3; round++) {
      const peers = await Promise.all(Array.from({ length: 10 }, () => RawPeer.shakeHands(port)));
      const ids = server.sessions.slice(1).map((s) => s.sessionId);
      peers.forEach((peer, i) => {
        const frame = encodePacket(
          submitPacket(1, {
            sessionId: ids[i],
            typedPayloads: [{ payloadKind: 0x40, payload: patterned(MIB, i) }],
          }),
        );
        peer.send(frame, frame.subarray(0, i * 90_000));
      });
      await serves();
      for (const peer of peers) peer.destroy();
      await until(() => server.stats.sessions === 1, "the sessions to end");
    }
    assertEquals(server.stats.running, 0);
  });
});
