/**
 * Who may take a session to another connection, on a real server: tokens, validators, certificates, auth blocks (behaviour spec
 * §11, docs/security.md). The rules one by one are tested beside `migration.ts` in core.
 *
 * @module
 */
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { memoryNetwork, NnrpValueError, TransportId } from "@nnrp/core";
import { dialClient, TypedPayload } from "@nnrp/client";
import { NnrpServer, serve, type ServeOptions } from "@nnrp/server";
import { tcp, tls } from "@nnrp/tcp";
import { disguised } from "../support/disguise.ts";
import type { RawPeer } from "../support/raw_peer.ts";
import { makeAuthority } from "../support/test_certificates.ts";
import { anybody, byName, bytes, type Door, guests, house, NOTHING, seenBy, toDoor } from "./house.ts";
import { askToMove } from "./migrate_packets.ts";

interface Case {
  readonly what: string;
  readonly from: Door;
  readonly auth?: string;
  readonly token?: boolean;
  readonly options?: ServeOptions;
  readonly to: Door;
  /** Default: the token, or the auth block. */
  readonly shows?: string;
  readonly code: number;
  readonly principal?: unknown;
}

const NAMED: ServeOptions = { authValidator: byName };
const ALLOWED: ServeOptions = { migration: { allowWithoutToken: true } };
const CASES: readonly Case[] = [
  // With a token
  { what: "token", from: "plain", token: true, to: "elsewhere", code: 0 },
  { what: "wrong token", from: "plain", token: true, to: "elsewhere", shows: "0123456789abcdef", code: 2 },
  { what: "no token", from: "plain", token: true, to: "elsewhere", shows: "", code: 2 },
  {
    what: "the auth block for the token",
    from: "plain",
    token: true,
    auth: "sesame",
    to: "elsewhere",
    shows: "sesame",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "token, validated",
    from: "plain",
    token: true,
    auth: "sesame",
    to: "elsewhere",
    code: 0,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "token, validated, with her certificate now",
    from: "plain",
    token: true,
    auth: "sesame",
    to: "same",
    code: 0,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "token, validated, with his certificate now",
    from: "plain",
    token: true,
    auth: "sesame",
    to: "mallory",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "token, certificate, validated",
    from: "alice",
    token: true,
    to: "same",
    code: 0,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "token, renewed certificate, validated",
    from: "alice",
    token: true,
    to: "renewed",
    code: 0,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "token, other certificate, validated",
    from: "alice",
    token: true,
    to: "mallory",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "token, no certificate, validated",
    from: "alice",
    token: true,
    to: "elsewhere",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "token, no certificate, though the auth block would name her",
    from: "alice",
    token: true,
    auth: "sesame",
    to: "elsewhere",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "token, certificate, validator that names nobody",
    from: "alice",
    token: true,
    to: "renewed",
    code: 0,
    options: { authValidator: anybody },
  },
  {
    what: "token, other certificate, validator that names nobody",
    from: "alice",
    token: true,
    to: "mallory",
    code: 2,
    options: { authValidator: anybody },
  },
  { what: "token, certificate, no validator", from: "alice", token: true, to: "renewed", code: 0 },
  { what: "token, other certificate, no validator", from: "alice", token: true, to: "mallory", code: 2 },
  { what: "token, no certificate, no validator", from: "alice", token: true, to: "elsewhere", code: 2 },
  {
    what: "token, no certificate, allowWithoutToken",
    from: "alice",
    token: true,
    to: "elsewhere",
    code: 2,
    options: ALLOWED,
  },
  // Without: the host is the same in all of them
  { what: "nothing", from: "plain", to: "elsewhere", code: 2 },
  { what: "nothing, allowed", from: "plain", to: "elsewhere", code: 0, options: ALLOWED },
  {
    what: "nothing, validator that names nobody",
    from: "plain",
    to: "elsewhere",
    code: 2,
    options: { authValidator: anybody },
  },
  {
    what: "nothing, validator that names nobody, allowed",
    from: "plain",
    to: "elsewhere",
    code: 0,
    options: { authValidator: anybody, ...ALLOWED },
  },
  {
    what: "nothing, validator that names everybody alike",
    from: "plain",
    to: "elsewhere",
    code: 2,
    options: { authValidator: guests },
    principal: "guest",
  },
  { what: "auth block, no validator", from: "plain", auth: "model", to: "elsewhere", code: 2 },
  {
    what: "auth block, no validator, allowed",
    from: "plain",
    auth: "model",
    to: "elsewhere",
    code: 0,
    options: ALLOWED,
  },
  {
    what: "other block, no validator, allowed",
    from: "plain",
    auth: "model",
    to: "elsewhere",
    shows: "other",
    code: 2,
    options: ALLOWED,
  },
  {
    what: "empty block, no validator, allowed",
    from: "plain",
    auth: "model",
    to: "elsewhere",
    shows: "",
    code: 2,
    options: ALLOWED,
  },
  {
    what: "auth block, validated",
    from: "plain",
    auth: "sesame",
    to: "elsewhere",
    code: 0,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "auth block, with his certificate",
    from: "plain",
    auth: "sesame",
    to: "mallory",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "other block, validated",
    from: "plain",
    auth: "sesame",
    to: "elsewhere",
    shows: "open",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "empty block, validated",
    from: "plain",
    auth: "sesame",
    to: "elsewhere",
    shows: "",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "auth block, validator that names nobody",
    from: "plain",
    auth: "model",
    to: "elsewhere",
    code: 2,
    options: { authValidator: anybody },
  },
  { what: "her certificate, no validator", from: "alice", to: "same", code: 2 },
  {
    what: "her certificate, validated",
    from: "alice",
    to: "same",
    code: 0,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "her renewed certificate, validated",
    from: "alice",
    to: "renewed",
    code: 0,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "his certificate, validated",
    from: "alice",
    to: "mallory",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "his certificate, validator that names everybody alike",
    from: "alice",
    to: "mallory",
    code: 2,
    options: { authValidator: guests },
    principal: "guest",
  },
  {
    what: "no certificate, validated",
    from: "alice",
    to: "elsewhere",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  {
    what: "no certificate, auth block",
    from: "alice",
    auth: "sesame",
    to: "elsewhere",
    code: 2,
    options: NAMED,
    principal: { name: "alice" },
  },
  { what: "no certificate, allowed", from: "alice", to: "elsewhere", code: 2, options: ALLOWED },
  { what: "his certificate, allowed", from: "alice", to: "mallory", code: 2, options: ALLOWED },
  { what: "her renewed certificate, allowed", from: "alice", to: "renewed", code: 0, options: ALLOWED },
];

for (const c of CASES) {
  test(`${c.token ? "a" : "no"} token; shown: ${c.what}: ${c.code === 0 ? "moves" : "stays"}`, async () => {
    const at = await house(c.options);
    const { peer, token } = await at.begin(c.from, c);
    const proof = c.shows === undefined ? token ?? bytes(c.auth ?? "") : bytes(c.shows);
    const answer = await at.move(c.to, proof);
    assertEquals(answer.code, c.code);
    const moved = c.code === 0;
    assertEquals([at.server.stats.migrated, at.server.stats.migrationsRefused], moved ? [1, 0] : [0, 1]);
    assertEquals(at.refusals().length, moved ? 0 : 1);
    if (moved && token !== null) peer.end(); // what comes on the new path waits for the end of the old one
    assertEquals(await seenBy(moved ? answer.peer : peer, 100), c.principal ?? null);
    for (const p of [peer, answer.peer]) p.destroy();
    await at.server.close({ drainMs: 0 });
  });
}

test("what a thief is told is the same, whether the session is there or not", async () => {
  const at = await house(NAMED);
  const victims = [
    await at.begin("plain", { auth: "sesame", id: 9 }),
    await at.begin("alice", { id: 10 }),
    await at.begin("alice", { id: 11, token: true }),
  ];
  const told = new Set<string>();
  for (const id of [9, 10, 11, 12]) {
    for (const door of ["elsewhere", "mallory"] as const) {
      for (const proof of [NOTHING, bytes("model"), crypto.getRandomValues(new Uint8Array(16))]) {
        const { packet, peer } = await askToMove(at.port(door), toDoor(door, proof, id));
        packet.metadata.fill(0, 16, 24); // the server's time
        told.add(`${packet.header.flags} ${packet.header.traceId} ${packet.metadata} ${packet.body}`);
        peer.destroy();
      }
    }
  }
  assertEquals(told.size, 1);
  for (const { peer } of victims) peer.destroy();
  await at.server.close({ drainMs: 0 });
});

test("requireToken and allowWithoutToken contradict each other", async () => {
  const error = await assertRejects(
    () =>
      NnrpServer.bind({
        listen: [memoryNetwork()],
        migration: { requireToken: true, allowWithoutToken: true },
      }),
    NnrpValueError,
  );
  assertEquals(error.field, "migration.allowWithoutToken");
});

test("ids that the server chooses cannot be guessed from others; wished ones are taken", async () => {
  const at = await house();
  const peers: RawPeer[] = [];
  for (let i = 0; i < 20; i++) peers.push((await at.begin("plain", { id: 0 })).peer);
  const ids = at.server.sessions.map(({ sessionId }) => sessionId).sort((a, b) => a - b);
  assertEquals(new Set(ids).size, 20);
  // Of 20 random ids two are within 100 of each other once in a hundred thousand times, three in a row never.
  const close = ids.filter((id, i) => i > 0 && id - ids[i - 1] < 100).length;
  assert(close <= 1, ids.join());
  peers.push((await at.begin("plain", { id: 4711 })).peer);
  assert(at.server.sessions.some(({ sessionId }) => sessionId === 4711));
  for (const peer of peers) peer.destroy();
  await at.server.close({ drainMs: 0 });
});

// Our own client, in memory and with real certificates

test("our client in memory: moves as before with its token, stays where only the host would speak for it", async () => {
  for (const token of [true, false]) {
    const [here, there] = [memoryNetwork(), memoryNetwork()];
    const server = await serve(
      { listen: [here, disguised(there, { transport: TransportId.QUIC })] },
      (frame) => ({ typedPayloads: frame.typedPayloads }),
    );
    const session = await dialClient("nnrp://memory", { carriers: [here], migrationToken: token });
    const other = { ...there, name: "other", transport: TransportId.QUIC };
    const outcome = await session.migrate({ carriers: [other] }).catch((error) => error);
    assertEquals(outcome.accepted ?? false, token, String(outcome));
    const answer = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("still here")] });
    assertEquals(answer.text(), "still here");
    await session.close();
    await server.close();
  }
});

test("TLS: a renewed certificate takes the session along, another's or none does not", async () => {
  const authority = await makeAuthority();
  const own = await authority.issueServer();
  const caCerts = [authority.cert];
  const listen = { port: 0, cert: own.cert, key: own.key, clientCaCerts: caCerts };
  const [alice, renewed, mallory] = await Promise.all(
    ["alice", "alice", "mallory"].map((name) => authority.issueClient({ name })),
  );
  for (const validated of [false, true]) {
    const server = await serve({
      listen: [tls(listen), tls({ ...listen, requireClientCertificate: false }), tcp({ port: 0 })],
      authValidator: validated
        ? ({ peerIdentity }) => peerIdentity !== undefined && { principal: peerIdentity.commonName }
        : undefined,
    }, (_frame, { session, principal }) => ({
      typedPayloads: [TypedPayload.tokenChunk(`${principal} ${session.peerIdentity?.fingerprint256}`)],
    }));
    const [first, second, third] = server.addresses.map(({ port }) => port);
    const session = await dialClient("127.0.0.1", first, { carriers: [tls({ caCerts, ...alice })] });
    const ask = async () =>
      (await session.submit({ typedPayloads: [TypedPayload.tokenChunk("who")] })).text();
    const before = await ask();
    const thieves = [
      { port: second, carriers: [tls({ caCerts, ...mallory })] },
      { port: second, carriers: [tls({ caCerts })] },
      { port: third, carriers: [tcp()], allowPlaintextAuth: true },
    ];
    for (const thief of thieves) assertEquals((await session.migrate(thief)).accepted, false);
    assertEquals([await ask(), server.stats.migrationsRefused], [before, 3]);
    const moved = await session.migrate({ port: second, carriers: [tls({ caCerts, ...renewed })] });
    assertEquals([moved.accepted, await ask() === before], [true, false]);
    assert((await ask()).startsWith(validated ? "alice " : "undefined "));
    await session.close();
    await server.close();
  }
});
