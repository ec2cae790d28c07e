/**
 * Moves that must not succeed, and what must not suffer from them (behaviour spec §11).
 *
 * @module
 */
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Carrier,
  type CarrierDialer,
  decodeClientHelloMetadata,
  decodeErrorMetadata,
  encodeTransportProbeMetadata,
  ErrorCode,
  memoryPair,
  MessageType,
  NnrpTransportError,
  NnrpValueError,
} from "@nnrp/core";
import { dialClient, TypedPayload } from "@nnrp/client";
import { bare } from "@nnrp/testing/packets";
import { NnrpServer, serve, type ServeOptions, type ServerLogEvent } from "@nnrp/server";
import { helloPacket, RawPeer, until } from "../support/raw_peer.ts";
import { askToMove as answer, migratePacket as migrate, tokenOf } from "./migrate_packets.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const TCP = 2;
const QUIC = 1;

async function echoServer(options: ServeOptions = {}) {
  const events: ServerLogEvent[] = [];
  const server = await serve(
    { port: 0, log: (event) => void events.push(event), ...options },
    (frame) => ({ typedPayloads: frame.typedPayloads }),
  );
  return { server, events };
}

/** A client whose token is known to the test. */
async function victim(port: number) {
  const session = await dialClient(`nnrp://127.0.0.1:${port}`);
  return { session, token: session.accepted.migrationToken! };
}

test("a guessed session id, a wrong token, no token: one answer for all, and the session does not notice", async () => {
  const { server, events } = await echoServer();
  const { session } = await victim(server.port);
  const { sessionId } = session;
  const tries: [number, Uint8Array][] = [
    [sessionId, new Uint8Array(16)],
    [sessionId, new Uint8Array(0)],
    [sessionId, crypto.getRandomValues(new Uint8Array(16))],
    [sessionId, crypto.getRandomValues(new Uint8Array(17))],
    [sessionId + 1, new Uint8Array(16)],
    [0, new Uint8Array(0)],
  ];
  for (const [id, proof] of tries) {
    const { code, next, peer } = await answer(server.port, migrate(id, proof));
    assertEquals([code, next.length], [2, 0]);
    peer.destroy();
  }
  assertEquals((await session.submit(say("still here"))).text(), "still here");
  assertEquals([server.stats.migrationsRefused, server.stats.migrated], [tries.length, 0]);
  assertEquals(events.filter((e) => e.type === "migration-refused").length, tries.length);
  await session.close();
  await server.close();
});

test("a token is good for one move: used ones are refused, the next one came with the answer", async () => {
  const { server } = await echoServer();
  const raw = await RawPeer.connect(server.port);
  raw.send(helloPacket({ migrationToken: true, requestedSessionId: 9 }));
  const ack = await raw.next("SERVER_HELLO_ACK");
  const first = tokenOf(ack);
  const one = await answer(server.port, migrate(9, first));
  assertEquals([one.code, one.next.length], [0, 16]);
  // Not used yet: the client may not have heard of it, but its path stands, so nobody else gets in with the old token.
  assertEquals((await answer(server.port, migrate(9, first))).code, 2);
  const two = await answer(server.port, migrate(9, one.next));
  assertEquals(two.code, 0);
  assertEquals((await answer(server.port, migrate(9, one.next))).code, 2);
  assertEquals(server.stats.sessions, 1);
  for (const peer of [raw, one.peer, two.peer]) peer.destroy();
  await server.close();
});

test("an answer that was lost with its path loses no session: the old token opens it once more", async () => {
  const { server } = await echoServer();
  const raw = await RawPeer.connect(server.port);
  raw.send(helloPacket({ migrationToken: true, requestedSessionId: 9 }));
  const first = tokenOf(await raw.next("SERVER_HELLO_ACK"));
  const lost = await answer(server.port, migrate(9, first));
  lost.peer.destroy();
  raw.destroy();
  await until(() => server.stats.suspended === 1, "the loss to be seen");
  assertEquals((await answer(server.port, migrate(9, first))).code, 0);
  await server.close();
});

test("a client that never heard of its move and says CLOSE on its old path leaves no session behind", async () => {
  const { server } = await echoServer();
  const raw = await RawPeer.connect(server.port);
  raw.send(helloPacket({ migrationToken: true, requestedSessionId: 9 }));
  const moved = await answer(server.port, migrate(9, tokenOf(await raw.next("SERVER_HELLO_ACK"))));
  moved.peer.destroy();
  await until(() => server.stats.migrated === 1, "the move");
  const close = migrate(9, new Uint8Array(0));
  raw.send({
    header: { ...close.header, msgType: MessageType.CLOSE, metaLen: 0 },
    metadata: new Uint8Array(0),
    body: new Uint8Array(0),
  });
  raw.destroy();
  await until(() => server.stats.open === 0, "the connections to end");
  assertEquals([server.stats.sessions, server.stats.suspended], [0, 0]);
  await server.close();
});

test("of a hundred racing requests with one token exactly one wins", async () => {
  const { server } = await echoServer();
  const raw = await RawPeer.connect(server.port);
  raw.send(helloPacket({ migrationToken: true, requestedSessionId: 9 }));
  const token = tokenOf(await raw.next("SERVER_HELLO_ACK"));
  const racers = await Promise.all(
    Array.from({ length: 100 }, () => answer(server.port, migrate(9, token))),
  );
  assertEquals(racers.filter((r) => r.code === 0).length, 1);
  assertEquals([server.stats.migrated, server.stats.migrationsRefused, server.stats.sessions], [1, 99, 1]);
  for (const { peer } of racers) peer.destroy();
  raw.destroy();
  await server.close();
});

test("without a token: the auth block must match, the transport must change, and a server may want tokens", async () => {
  const authValidator = ({ authBlock }: { authBlock: Uint8Array }) => ({
    principal: new TextDecoder().decode(authBlock),
  });
  const { server } = await echoServer({ authValidator });
  const raw = await RawPeer.connect(server.port);
  raw.send(helloPacket({ requestedSessionId: 9, auth: "sesame" }));
  await raw.next("SERVER_HELLO_ACK");
  const proof = new TextEncoder().encode("sesame");
  assertEquals((await answer(server.port, migrate(9, new Uint8Array(0), TCP, QUIC))).code, 2);
  assertEquals((await answer(server.port, migrate(9, proof, TCP, TCP))).code, 3);
  assertEquals((await answer(server.port, migrate(9, proof, QUIC, TCP))).code, 3);
  raw.destroy();
  await server.close();

  for (const migration of [{ requireToken: true }, { enabled: false }]) {
    const strict = await echoServer({ authValidator, migration });
    const peer = await RawPeer.connect(strict.server.port);
    peer.send(helloPacket({ requestedSessionId: 9, auth: "sesame" }));
    await peer.next("SERVER_HELLO_ACK");
    assertEquals((await answer(strict.server.port, migrate(9, proof, TCP, QUIC))).code, 1);
    peer.destroy();
    await strict.server.close();
  }
});

test("a refused move leaves a connection that may still say hello, and one that asks without end is cut", async () => {
  const { server } = await echoServer();
  const { peer } = await answer(server.port, migrate(1, new Uint8Array(16)));
  peer.send(helloPacket());
  await peer.next("SERVER_HELLO_ACK");
  peer.destroy();
  const flood = await RawPeer.connect(server.port);
  for (let i = 0; i < 2000; i++) flood.send(migrate(1, new Uint8Array(16)));
  const error = await flood.next("ERROR");
  const view = new DataView(error.metadata.buffer, error.metadata.byteOffset);
  assertEquals(decodeErrorMetadata(view, 0, error.metadata.length).errorCode, ErrorCode.LIMIT_EXCEEDED);
  await flood.ended;
  flood.destroy();
  await server.close();
});

test("probes without end are cut, and nobody else notices", async () => {
  const { server } = await echoServer();
  const { session } = await victim(server.port);
  const flood = await RawPeer.connect(server.port);
  const metadata = new Uint8Array(16);
  const fields = { probeId: 1, probePayloadBytes: 0, clientSendTsUs: 0n };
  encodeTransportProbeMetadata(fields, new DataView(metadata.buffer), 0);
  const probe = migrate(0, new Uint8Array(0));
  const packet = {
    header: { ...probe.header, msgType: MessageType.TRANSPORT_PROBE, metaLen: 16 },
    metadata,
    body: new Uint8Array(0),
  };
  for (let i = 0; i < 3000; i++) flood.send(packet);
  await flood.next("ERROR");
  await flood.ended;
  flood.destroy();
  assertEquals((await session.submit(say("fine"))).text(), "fine");
  await session.close();
  await server.close();
});

test("sessions that wait for their clients are bounded, and the one that has waited longest goes", async () => {
  const server = await NnrpServer.bind({ port: 0, migration: { maxSuspendedSessions: 2 } });
  const raws: RawPeer[] = [];
  for (let id = 1; id <= 3; id++) {
    const raw = await RawPeer.connect(server.port);
    raw.send(helloPacket({ migrationToken: true, requestedSessionId: id }));
    await raw.next("SERVER_HELLO_ACK");
    await server.accept();
    raw.send(bare(MessageType.PING, { traceId: 1n }));
    await raw.next("PONG");
    raws.push(raw);
  }
  for (const raw of raws) {
    const before = server.stats.open;
    raw.destroy();
    await until(() => server.stats.open < before, "the loss");
  }
  assertEquals([server.stats.suspended, server.sessions.map((s) => s.sessionId)], [2, [2, 3]]);
  await server.close();
  assertEquals([server.stats.suspended, server.stats.sessions], [0, 0]);
});

// No silent downgrade

function failing(name: string, transport: number): CarrierDialer {
  return {
    name,
    transport,
    encrypted: true,
    dial: () => Promise.reject(new NnrpTransportError(name, "UDP is blocked here")),
  };
}

test("who blocks UDP sees no auth block and no token: plain text is not dialled, a plain hello asks for no token", async () => {
  let dialled = 0;
  let peer: Carrier | null = null;
  const plain: CarrierDialer = {
    name: "tcp",
    transport: TCP,
    encrypted: false,
    dial: () => {
      dialled++;
      const [a, b] = memoryPair();
      peer = b;
      return Promise.resolve(a);
    },
  };
  const carriers = [failing("quic", QUIC), plain];
  await assertRejects(
    () => dialClient("nnrp://192.0.2.1", { carriers, auth: "secret" }),
    NnrpTransportError,
    "UDP is blocked",
  );
  await assertRejects(
    () => dialClient("nnrps://192.0.2.1", { carriers }),
    NnrpTransportError,
    "UDP is blocked",
  );
  await assertRejects(
    () => dialClient("nnrp://192.0.2.1", { carriers: [plain], auth: "secret" }),
    NnrpValueError,
    "plain text",
  );
  assertEquals(dialled, 0);
  for (const allowPlaintextAuth of [false, true]) {
    const dialling = dialClient("nnrp://192.0.2.1", { carriers, allowPlaintextAuth, timeoutMs: 300 });
    dialling.catch(() => {});
    await until(() => peer !== null, "the dial");
    const extensions = await new Promise<number>((done) => {
      peer!.start({
        begin: () => {},
        packet: (cursor) =>
          done(decodeClientHelloMetadata(cursor.view, cursor.metaOffset, 64).controlExtensionBytes),
        turn: () => {},
        fault: () => {},
        end: () => {},
        closed: () => {},
      });
    });
    // 16 bytes for streamed results, 16 for coming back, 24 for the token.
    assertEquals(extensions, allowPlaintextAuth ? 56 : 32);
    await assertRejects(() => dialling);
    peer = null;
  }
});

test("a session does not move to plain text towards another machine", async () => {
  const { server } = await echoServer();
  const { session } = await victim(server.port);
  const plain: CarrierDialer = {
    name: "other",
    transport: QUIC,
    encrypted: false,
    dial: () => Promise.reject(new Error("dialled")),
  };
  await assertRejects(
    () => session.migrate({ host: "192.0.2.1", port: 1, carriers: [plain] }),
    NnrpValueError,
    "plain text",
  );
  await assertRejects(
    () => session.migrate({ host: "192.0.2.1", port: 1, carriers: [plain], allowPlaintextAuth: true }),
    Error,
    "dialled",
  );
  assert((await session.ping()) >= 0);
  await session.close();
  await server.close();
});
