import { encodePacket, ErrorCode, memoryNetwork, MessageType } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { connectClientSession } from "@nnrp/client";
import { helloPacket, RawPeer, until } from "../support/raw_peer.ts";
import {
  bare,
  cachePutPacket,
  flowPacket,
  headerBytes,
  join,
  patchPacket,
  submitPacket,
} from "@nnrp/testing/packets";
import { underAttack } from "./good_client.ts";

/** Many connections, a few at a time. */
async function connectMany(port: number, count: number): Promise<RawPeer[]> {
  const peers: RawPeer[] = [];
  while (peers.length < count) {
    const batch = Math.min(100, count - peers.length);
    peers.push(...await Promise.all(Array.from({ length: batch }, () => RawPeer.connect(port))));
  }
  return peers;
}

const codeOf = (packet: { metadata: Uint8Array }): number =>
  new DataView(packet.metadata.buffer, packet.metadata.byteOffset).getUint32(0, true);

/** Numbers that look random and are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed | 1;
  return () => (state = Math.imul(state ^ (state >>> 13), 0x5bd1e995) + 0x9e3779b9 | 0,
    (state >>> 0) / 2 ** 32);
}

test("1,000 connections that never say a word are cut when their handshake's time is over", async () => {
  await underAttack({ handshakeTimeoutMs: 1000 }, async ({ server, port, serves }) => {
    const peers = await connectMany(port, 1000);
    await serves();
    await until(() => server.stats.open === 1, "all to be cut");
    assertEquals(server.stats.handshakesRefused, 1000);
    await until(() => peers.every((p) => p.isEnded), "the attackers to hear of it");
    for (const peer of peers) {
      assertEquals(codeOf(peer.packets[0]), ErrorCode.INVALID_STATE);
      peer.destroy();
    }
  });
});

test("slowloris: a byte now and then does not buy time", async () => {
  await underAttack({ handshakeTimeoutMs: 600 }, async ({ server, port, serves }) => {
    const peers = await connectMany(port, 200);
    // More bytes than can be sent like this while anybody waits.
    const hello = encodePacket(helloPacket({ auth: "x".repeat(60_000) }));
    let at = 0;
    const drip = setInterval(() => {
      for (const peer of peers) if (!peer.isEnded) peer.send(hello.subarray(at, at + 1));
      at++;
    }, 20);
    await serves();
    await until(() => peers.every((p) => p.isEnded), "all to be cut");
    clearInterval(drip);
    for (const peer of peers) peer.destroy();
    await until(() => server.stats.handshakesRefused === 200, "all to be counted");
    assertEquals(server.stats.sessionsStarted, 1);
  });
});

test("hellos that are refused again and again cost nothing that stays", async () => {
  await underAttack(
    { authValidator: ({ authBlock }) => authBlock.length === 0 },
    async ({ server, port, serves }) => {
      for (let round = 0; round < 5; round++) {
        const peers = await connectMany(port, 60);
        for (const peer of peers) peer.send(helloPacket({ auth: "wrong" }), submitPacket(1));
        await serves();
        await until(() => peers.every((p) => p.isEnded), "refusals");
        for (const peer of peers) {
          assertEquals([codeOf(peer.packets[0]), peer.packets.length], [ErrorCode.AUTH_FAILED, 1]);
          peer.destroy();
        }
      }
      assertEquals([server.stats.authRefused, server.stats.started > 0], [300, true]);
    },
  );
});

test("garbage: whatever bytes come, the connection gets an ERROR and ends, and nobody else notices", async () => {
  const random = numbers(3);
  await underAttack({ handshakeTimeoutMs: 2000 }, async ({ port, serves }) => {
    for (let round = 0; round < 6; round++) {
      const peers = await connectMany(port, 50);
      for (const [i, peer] of peers.entries()) {
        const bytes = Uint8Array.from({ length: 40 + Math.floor(random() * 3000) }, () => random() * 256);
        if (i % 3 === 0) bytes.set([0x4e, 0x4e, 0x52, 0x50, 1, 0], 0); // looks like ours for a moment
        if (i % 2 === 0) peer.send(helloPacket(), bytes);
        else peer.send(bytes);
      }
      await serves();
      await until(
        () => peers.every((p) => p.isEnded || p.packets.some((x) => x.header.msgType === MessageType.ERROR)),
        "the end of each",
      );
      for (const peer of peers) peer.destroy();
    }
  });
});

test("a conversation that breaks off, at every single byte of it", async () => {
  const conversation = join([
    encodePacket(helloPacket({ auth: "me", requestedSessionId: 7 })),
    encodePacket(submitPacket(1)),
    encodePacket(bare(MessageType.PING)),
    encodePacket(patchPacket()),
    encodePacket(cachePutPacket()),
    encodePacket(flowPacket({ credit: 1 })),
    encodePacket(bare(MessageType.CLOSE)),
  ]);
  await underAttack({ sessionId: () => 0 }, async ({ server, port, serves }) => {
    for (let at = 0; at <= conversation.length; at += 100) {
      const offsets = Array.from({ length: Math.min(100, conversation.length - at + 1) }, (_, i) => at + i);
      const peers = await connectMany(port, offsets.length);
      peers.forEach((peer, i) => {
        peer.send(conversation.subarray(0, offsets[i]));
        peer.end();
      });
      if (at === 200) await serves();
      await until(() => peers.every((p) => p.isClosed), "all to be closed");
    }
    assertEquals(server.stats.handlerFailures, 0);
  });
});

test("ten thousand headers that lie about their lengths", async () => {
  const lies = (i: number): Uint8Array => {
    const size = [0xffffffff, 0x80000000, 65_537, 0x7fffffff, 4097 + i][i % 5];
    const type = i % 2 === 0 ? MessageType.CLIENT_HELLO : MessageType.FRAME_SUBMIT;
    return headerBytes({
      type,
      meta: i % 3 === 0 ? size : 64,
      body: i % 3 === 0 ? 0 : Math.max(size, 65_537),
    });
  };
  // On sockets as many as time allows; all of them in memory, where a connection costs next to nothing.
  await underAttack({}, async ({ port, serves }) => {
    for (let i = 0; i < 600; i += 100) {
      const peers = await connectMany(port, 100);
      peers.forEach((peer, k) => peer.send(lies(i + k)));
      if (i === 300) await serves();
      await until(() => peers.every((p) => p.isEnded), "refusals");
      for (const peer of peers) {
        assertEquals(codeOf(peer.packets[0]), ErrorCode.LIMIT_EXCEEDED);
        peer.destroy();
      }
    }
  });
  const net = memoryNetwork();
  const server = await serve({ listen: [net] }, () => ({}));
  const good = await connectClientSession(await net.dial({ host: "memory", port: 1 }));
  let refused = 0;
  for (let i = 0; i < 10_000; i++) {
    const carrier = await net.dial({ host: "memory", port: 1 });
    let heard = 0;
    carrier.start({
      begin() {},
      packet: (cursor) => heard = cursor.msgType,
      turn() {},
      fault() {},
      end: () => {
        if (heard === MessageType.ERROR) refused++;
        void carrier.close({ graceful: false });
      },
      closed() {},
    });
    const out = carrier.begin("control", 0, 0);
    const bytes = lies(i);
    const offset = out.reserve(bytes.length);
    out.bytes.set(bytes, offset);
    carrier.commit("control", 0, 0, true);
    if (i % 500 !== 499) continue;
    await good.ping();
    await until(() => server.stats.open === 1, "those so far to be gone"); // before there are too many of them
  }
  assertEquals([refused, good.state], [10_000, "active"]);
  await good.close();
  await server.close();
});

test("a body that is announced and never comes holds no one up, and goes with its sender", async () => {
  await underAttack({}, async ({ server, port, serves }) => {
    const peers = await connectMany(port, 50);
    for (const peer of peers) {
      peer.send(helloPacket());
      await peer.next("SERVER_HELLO_ACK");
      peer.send(
        headerBytes({ type: MessageType.FRAME_SUBMIT, meta: 72, body: 32 * 1024 * 1024 }),
        new Uint8Array(10_000),
      );
    }
    await serves();
    assertEquals([server.stats.sessions, server.stats.bytesInFlight], [51, 0]);
    for (const peer of peers) peer.destroy();
  });
});

test("connections that come and go as fast as they can", async () => {
  await underAttack({}, async ({ server, port, serves }) => {
    for (let round = 0; round < 8; round++) {
      const peers = await connectMany(port, 50);
      peers.forEach((peer, i) => {
        if (i % 3 === 0) peer.destroy();
        else if (i % 3 === 1) {
          peer.send(helloPacket());
          peer.destroy();
        } else {
          peer.send(helloPacket(), submitPacket(1));
          peer.end();
        }
      });
      if (round === 4) await serves();
    }
    await until(() => server.stats.open === 1, "all to be gone");
    assertEquals(server.stats.running, 0);
  });
});
