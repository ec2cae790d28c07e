/**
 * Moves that a validator is asked about: what it sees, what it may say, and what may happen while it thinks (behaviour spec §11).
 *
 * @module
 */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { TransportId } from "@nnrp/core";
import { type AuthRequest, type AuthValidator, NnrpServer, type ServeOptions } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { submitPacket } from "@nnrp/testing/packets";
import { disguised } from "../support/disguise.ts";
import { Gate } from "../support/places.ts";
import { helloPacket, RawPeer, until } from "../support/raw_peer.ts";
import { byName, bytes, type Door, DOORS, house, NOTHING, seenBy, text, toDoor } from "./house.ts";
import { askToMove, moveAnswer, tokenOf } from "./migrate_packets.ts";

test("a client whose principal is not good any more stays; its token opens once it is again", async () => {
  for (const suspended of [false, true]) {
    let revoked = false;
    const asked: AuthRequest[] = [];
    const at = await house({
      authValidator: (request, signal) => {
        asked.push(request);
        return !revoked && byName(request, signal);
      },
    });
    const { peer, token } = await at.begin("plain", { auth: "sesame", token: true });
    if (suspended) {
      await seenBy(peer, 1); // or it is not kept
      peer.destroy();
      await until(() => at.server.stats.suspended === 1, "the loss");
    }
    const [session] = at.server.sessions;
    revoked = true;
    assertEquals((await at.move("elsewhere", token!)).code, 2);
    assertEquals(at.server.stats.suspended, suspended ? 1 : 0);
    revoked = false;
    const back = await at.move("elsewhere", token!);
    assertEquals([back.code, back.next.length], [0, 16]);
    const question = asked.at(-1)!;
    assertEquals([asked.length, text(question.authBlock), question.transport], [
      3,
      "sesame",
      TransportId.QUIC,
    ]);
    assertEquals([question.move?.session, question.move?.withToken], [session, true]);
    assertEquals(question.hello, asked[0].hello);
    assertEquals(asked[0].move, undefined);
    peer.end();
    assertEquals(await seenBy(back.peer, 5), { name: "alice" });
    for (const p of [peer, back.peer]) p.destroy();
    await at.server.close({ drainMs: 0 });
  }
});

test("a validator of passwords that are good once answers for the client of the move", async () => {
  const good = new Set(["ticket"]);
  const at = await house({
    authValidator: ({ authBlock, move: question }) => {
      if (question?.withToken) return { principal: question.session.principal };
      return good.delete(text(authBlock)) && { principal: { name: "alice" } };
    },
  });
  const { peer, token } = await at.begin("plain", { auth: "ticket", token: true });
  const moved = await at.move("elsewhere", token!);
  peer.end();
  assertEquals([moved.code, await seenBy(moved.peer, 5)], [0, { name: "alice" }]);
  for (const p of [peer, moved.peer]) p.destroy();
  await at.server.close({ drainMs: 0 });
});

test("a validator that fails, or says nothing clear, moves nobody, and the log is told once", async () => {
  const failures: (() => unknown)[] = [
    () => {
      throw new Error("database is down");
    },
    () => Promise.reject(new Error("database is down")),
    () => undefined,
    () => 1,
    () => ({}),
    () => ({ refuse: "close" }),
    () => true, // lets in, and names nobody
    () => ({ principal: "" }),
  ];
  for (const failure of failures) {
    const at = await house({ authValidator: (r, s) => r.move ? failure() as never : byName(r, s) });
    const { peer, token } = await at.begin("plain", { auth: "sesame", token: true });
    assertEquals((await at.move("elsewhere", token!)).code, 2, String(failure));
    const events = at.log.filter(({ type }) => type !== "session-start");
    assertEquals(events.map(({ type }) => type), ["migration-refused"]);
    const mistaken = failures.indexOf(failure) < 5;
    assertEquals(events[0].error instanceof Error, mistaken);
    assertEquals(await seenBy(peer, 1), { name: "alice" });
    peer.destroy();
    await at.server.close({ drainMs: 0 });
  }
});

test("the application may say which principals are the same; only a clear yes counts", async () => {
  class Account {
    readonly id = 7;
    readonly login: number;
    constructor(login: number) {
      this.login = login;
    }
  }
  let login = 0;
  const authValidator: AuthValidator = () => ({ principal: new Account(++login) });
  const byId = (a: unknown, b: unknown) => (a as Account).id === (b as Account).id;
  const rules: [((a: unknown, b: unknown) => boolean) | undefined, number][] = [
    [undefined, 2], // objects of classes are the same only if they are one
    [byId, 0],
    [() => false, 2],
    [(() => Promise.resolve(true)) as never, 2],
    [(() => 1) as never, 2],
    [() => {
      throw new Error("no idea");
    }, 2],
  ];
  for (const [samePrincipal, code] of rules) {
    const at = await house({ authValidator, migration: { samePrincipal } });
    const { peer, token } = await at.begin("plain", { token: true });
    const [session] = at.server.sessions;
    const before = session.principal;
    const { peer: thief, ...answer } = await at.move("elsewhere", token!);
    assertEquals([answer.code, at.refusals().length], [code, code === 0 ? 0 : 1], String(samePrincipal));
    assert(session.principal === before, "the session keeps its principal");
    for (const p of [peer, thief]) p.destroy();
    await at.server.close({ drainMs: 0 });
  }
});

// While a validator thinks

/** A house whose validator waits for the test when it is asked about a move. */
async function thinking(options: ServeOptions = {}) {
  const questions: { gate: Gate; signal: AbortSignal }[] = [];
  const at = await house({
    ...options,
    authValidator: async (request, signal) => {
      if (request.move !== undefined) {
        const gate = new Gate();
        questions.push({ gate, signal });
        await gate.opened;
      }
      return byName(request, signal);
    },
  });
  const ask = async (door: Door, proof: Uint8Array, id = 9) => {
    const peer = await RawPeer.connect(at.port(door));
    const before = questions.length;
    peer.send(toDoor(door, proof, id));
    await until(() => questions.length > before, "the validator to be asked");
    return peer;
  };
  return { ...at, questions, ask };
}

test("of several who show one token while the validator thinks, one wins, whoever is judged first", async () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2]]) {
    const at = await thinking();
    const { peer, token } = await at.begin("plain", { auth: "sesame", token: true });
    const movers: RawPeer[] = [];
    for (let i = 0; i < 3; i++) movers.push(await at.ask("elsewhere", token!));
    peer.end();
    for (const i of order) at.questions[i].gate.open();
    const codes = await Promise.all(movers.map(async (mover) => (await moveAnswer(mover)).code));
    assertEquals(codes.filter((code) => code === 0).length, 1);
    assertEquals(codes.filter((code) => code === 2).length, 2);
    assertEquals([at.server.stats.migrated, at.server.stats.sessions], [1, 1]);
    assertEquals(await seenBy(movers[codes.indexOf(0)], 5), { name: "alice" });
    for (const p of [peer, ...movers]) p.destroy();
    await at.server.close({ drainMs: 0 });
  }
});

test("of two who show the auth block while the validator thinks, one wins", async () => {
  const at = await thinking();
  const { peer } = await at.begin("plain", { auth: "sesame" });
  const movers = [await at.ask("elsewhere", bytes("sesame")), await at.ask("elsewhere", bytes("sesame"))];
  at.questions[0].gate.open();
  assertEquals((await moveAnswer(movers[0])).code, 0);
  at.questions[1].gate.open();
  await until(() => at.questions.length === 3, "the validator to be asked about the session as it is now");
  at.questions[2].gate.open();
  assertEquals((await moveAnswer(movers[1])).code, 3);
  assertEquals(await seenBy(movers[0], 5), { name: "alice" });
  for (const p of [peer, ...movers]) p.destroy();
  await at.server.close({ drainMs: 0 });
});

test("a session that ends while the validator thinks moves nowhere, though another took its id", async () => {
  const at = await thinking({ migration: { resumeWindowMs: 0 } });
  const { peer, token } = await at.begin("plain", { auth: "sesame", token: true });
  const mover = await at.ask("elsewhere", token!);
  peer.destroy();
  await until(() => at.server.stats.sessions === 0, "the session to end");
  const other = await at.begin("plain", { auth: "sesame", token: true });
  at.questions[0].gate.open();
  assertEquals((await moveAnswer(mover)).code, 2);
  assertEquals(await seenBy(other.peer, 1), { name: "alice" });
  for (const p of [peer, mover, other.peer]) p.destroy();
  await at.server.close({ drainMs: 0 });
});

test("a session that loses its connection while the validator thinks comes back where it was going", async () => {
  const at = await thinking();
  const { peer, token } = await at.begin("plain", { auth: "sesame", token: true });
  const mover = await at.ask("elsewhere", token!);
  peer.destroy();
  await until(() => at.server.stats.suspended === 1, "the loss");
  at.questions[0].gate.open();
  assertEquals((await moveAnswer(mover)).code, 0);
  assertEquals(await seenBy(mover, 5), { name: "alice" });
  assertEquals([at.server.stats.suspended, at.server.stats.sessions, at.server.stats.open], [0, 1, 1]);
  mover.destroy();
  await at.server.close({ drainMs: 0 });
});

test("a validator that never answers costs one handshake; the session and its token do not notice", async () => {
  const at = await thinking({ handshakeTimeoutMs: 100 });
  const { peer, token } = await at.begin("plain", { auth: "sesame", token: true });
  const mover = await at.ask("elsewhere", token!);
  await mover.next("ERROR");
  assertEquals(at.questions[0].signal.aborted, true);
  await mover.ended;
  assertEquals(await seenBy(peer, 1), { name: "alice" });
  at.questions[0].gate.open(); // too late
  const second = await at.ask("elsewhere", token!);
  at.questions[1].gate.open();
  peer.end();
  assertEquals((await moveAnswer(second)).code, 0);
  assertEquals(at.server.stats.migrated, 1);
  for (const p of [peer, mover, second]) p.destroy();
  await at.server.close({ drainMs: 0 });
});

test("a connection that goes while the validator thinks tells it, and takes no session along", async () => {
  const at = await thinking();
  const { peer, token } = await at.begin("plain", { auth: "sesame", token: true });
  const mover = await at.ask("elsewhere", token!);
  await at.carriers.at(-1)!.close({ graceful: false });
  assertEquals(at.questions[0].signal.aborted, true);
  at.questions[0].gate.open();
  assertEquals(await seenBy(peer, 1), { name: "alice" });
  assertEquals([at.server.stats.migrated, at.server.stats.open], [0, 1]);
  for (const p of [peer, mover]) p.destroy();
  await at.server.close({ drainMs: 0 });
});

test("what comes behind a SESSION_MIGRATE waits for the answer, and goes to whoever gets the path", async () => {
  const at = await thinking();
  const { peer, token } = await at.begin("plain", { auth: "sesame", token: true });
  const mover = await RawPeer.connect(at.port("elsewhere"));
  mover.send(
    toDoor("elsewhere", token!),
    submitPacket(5, { sessionId: 9 }),
    submitPacket(6, { sessionId: 9 }),
  );
  await until(() => at.questions.length === 1, "the validator to be asked");
  assertEquals(await seenBy(peer, 4), { name: "alice" });
  at.questions[0].gate.open();
  await mover.next("SESSION_MIGRATE_ACK");
  peer.end();
  assertEquals((await mover.next("RESULT_PUSH")).header.frameId, 5);
  assertEquals((await mover.next("RESULT_PUSH")).header.frameId, 6);

  const refused = await RawPeer.connect(at.port("plain"));
  refused.send(
    toDoor("plain", token!),
    toDoor("plain", NOTHING),
    helloPacket({ auth: "sesame", requestedSessionId: 8 }),
  );
  const names = [await refused.next(), await refused.next(), await refused.next("SERVER_HELLO_ACK")];
  assertEquals(names.map(({ header }) => header.sessionId), [9, 9, 8]);
  for (const p of [peer, mover, refused]) p.destroy();
  await at.server.close({ drainMs: 0 });
});

test("a session that moved before it was taken is judged by what its connection shows now", async () => {
  const server = await NnrpServer.bind({
    listen: (["alice", "renewed", "mallory", "same"] as const).map((d) =>
      disguised(tcp({ port: 0 }), DOORS[d])
    ),
  });
  const ports = server.addresses.map(({ port }) => port);
  const peer = await RawPeer.connect(ports[0]);
  peer.send(helloPacket({ requestedSessionId: 9, migrationToken: true }));
  const first = await askToMove(ports[1], toDoor("renewed", tokenOf(await peer.next("SERVER_HELLO_ACK"))));
  assertEquals(first.code, 0);
  peer.end();
  const seen: unknown[] = [];
  const session = await server.acceptWithAuth((request) => {
    seen.push(request.peerIdentity?.fingerprint256);
    return { principal: request.peerIdentity!.commonName };
  });
  assertEquals([session.principal, seen], ["alice", ["alice 2"]]);
  await until(() => session.remote !== "" && server.stats.open === 1, "one connection");
  assertEquals((await askToMove(ports[2], toDoor("mallory", first.next))).code, 2);
  assertEquals((await askToMove(ports[3], toDoor("same", first.next))).code, 0);
  assertEquals(seen, ["alice 2", "mallory 1", "alice 1"]);
  for (const p of [peer, first.peer]) p.destroy();
  await server.close({ drainMs: 0 });
});
