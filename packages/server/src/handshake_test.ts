import { connectClientSession } from "@nnrp/client";
import {
  ErrorCode,
  memoryNetwork,
  NnrpConnectionClosedError,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTimeoutError,
  TypedPayload,
} from "@nnrp/core";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Gate, MEMORY, PLACES, TCP } from "../../../tests/support/places.ts";
import { helloPacket, RawPeer, until } from "../../../tests/support/raw_peer.ts";
import { probePacket, submitPacket } from "@nnrp/testing/packets";
import { type AuthVerdict, NnrpServer, serve, type ServerLogEvent } from "../mod.ts";
import { ManualHost } from "../../../tests/support/manual_host.ts";
import { turn } from "../../../tests/support/turns.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const echo = (frame: { typedPayloads: readonly TypedPayload[] }) => ({ typedPayloads: frame.typedPayloads });
const codeOf = (packet: { metadata: Uint8Array }): number =>
  new DataView(packet.metadata.buffer, packet.metadata.byteOffset).getUint32(0, true);

for (const place of PLACES) {
  test(`${place.name}: silent clients, and ones that drip a byte at a time, delay nobody`, async () => {
    const at = await TCP.serve(echo);
    const peers: RawPeer[] = [];
    for (let i = 0; i < 50; i++) peers.push(await RawPeer.connect(at.server.port));
    const dripping = await RawPeer.connect(at.server.port);
    dripping.send(new Uint8Array([0x4e]));
    for (let i = 0; i < 20; i++) {
      const session = await at.dial();
      assertEquals((await session.submit(say(`${i}`))).text(), `${i}`);
      dripping.send(new Uint8Array([0x4e]).subarray(0, 0));
    }
    assertEquals([at.server.stats.sessions, at.server.stats.open], [20, 71]);
    for (const peer of [...peers, dripping]) peer.destroy();
    await until(() => at.server.stats.open === 20, "the silent ones to be gone");
    await at.end();
  });

  test(`${place.name}: a validator that thinks about one client delays no other`, async () => {
    const gate = new Gate();
    const at = await place.serve(echo, {
      authValidator: async ({ authBlock }) => {
        if (new TextDecoder().decode(authBlock) === "slow") await gate.opened;
        return true;
      },
    });
    const slow = at.dial({ auth: "slow" });
    for (let i = 0; i < 5; i++) {
      assertEquals((await (await at.dial({ auth: "fast" })).submit(say("x"))).text(), "x");
    }
    gate.open();
    assertEquals((await (await slow).submit(say("y"))).text(), "y");
    await at.end();
  });

  test(`${place.name}: verdicts of the validator, given at once or later`, async () => {
    const verdicts: Record<string, AuthVerdict> = {
      yes: true,
      no: false,
      alice: { principal: "Alice" },
      error: { refuse: "error", diagnostic: "come back never" },
      ack: { refuse: "ack" },
      close: { refuse: "close" },
    };
    for (const later of [false, true]) {
      const at = await place.serve((_, { principal }) => say(String(principal)), {
        authValidator: ({ authBlock }) => {
          const verdict = verdicts[new TextDecoder().decode(authBlock)];
          return later ? turn().then(() => verdict) : verdict;
        },
      });
      const principalOf = async (auth: string) => (await (await at.dial({ auth })).submit(say("x"))).text();
      assertEquals([await principalOf("yes"), await principalOf("alice")], ["undefined", "Alice"]);
      for (const auth of ["no", "error", "ack"]) {
        const error = await assertRejects(() => at.dial({ auth }), NnrpProtocolError);
        assertEquals([error.codeName, error.errorScope, error.fatal], ["AUTH_FAILED", 0, true], auth);
        if (auth === "error") assertEquals(error.diagnostic, "come back never");
      }
      await assertRejects(() => at.dial({ auth: "close" }), NnrpConnectionClosedError);
      assertEquals([at.server.stats.authRefused, at.server.stats.sessionsStarted], [4, 2]);
      await until(() => at.server.stats.open === 2, "refused ones to be gone");
      // Whether a client that just leaves is seen leaving or runs out of time depends on the runtime's sockets.
      assert([3, 4].includes(at.server.stats.handshakesRefused), String(at.server.stats.handshakesRefused));
      await at.end();
    }
  });
}

test("a validator that fails, or forgets to give a verdict, lets nobody in", async () => {
  const broken: (() => unknown)[] = [
    () => {
      throw new Error("database is down");
    },
    () => Promise.reject(new Error("database is down")),
    () => undefined,
    () => Promise.resolve(undefined),
    () => null,
    () => 0,
    () => 1,
    () => "yes",
    () => ({}),
    () => ({ refuse: "whatever" }),
  ];
  for (const [i, validator] of broken.entries()) {
    const at = await MEMORY.serve(echo, { authValidator: validator as never });
    const error = await assertRejects(() => at.dial(), NnrpProtocolError, undefined, `${validator}`);
    assertEquals([error.codeName, at.server.stats.sessionsStarted], ["AUTH_FAILED", 0], `${i}: ${validator}`);
    await at.end();
  }
});

test("what the validator sees: auth block, address, transport, model and the hello", async () => {
  let seen: unknown;
  const at = await MEMORY.serve(echo, {
    authValidator: ({ authBlock, remote, transport, model, hello }, signal) => {
      seen = [
        new TextDecoder().decode(authBlock),
        remote,
        transport,
        model,
        hello.metadata.authBytes,
        signal.aborted,
      ];
      return true;
    },
  });
  await at.dial({ auth: "tøken", model: "tiny" });
  assertEquals(seen, ["tøken", "memory:client", 2, "tiny", 6, false]);
  await at.end();
});

test("a handshake has one total time; a validator is told when it is over or the client has gone", async () => {
  const told: unknown[] = [];
  let asked = 0;
  const runtime = new ManualHost();
  const at = await TCP.serve(echo, {
    runtime,
    handshakeTimeoutMs: 60,
    authValidator: (_, signal) =>
      new Promise((_resolve, reject) => {
        asked++;
        signal.addEventListener("abort", () => {
          told.push(signal.reason);
          reject(signal.reason);
        });
      }),
  });
  const dialling = assertRejects(() => at.dial({ auth: "x" }), NnrpProtocolError);
  await until(() => asked === 1, "the question");
  const late = await runtime.passUntil(dialling);
  assertEquals([late.codeName, late.fatal], ["INVALID_STATE", true]);
  assertInstanceOf(told[0], NnrpTimeoutError);
  const silent = await RawPeer.connect(at.server.port);
  const dripping = await RawPeer.connect(at.server.port);
  const drip = setInterval(() => dripping.send(helloPacket().metadata.subarray(0, 1)), 10);
  const ends = Promise.all([silent.next("ERROR"), silent.rest(), dripping.ended]);
  const [error, rest] = await runtime.passUntil(ends);
  assertEquals([codeOf(error), rest], [ErrorCode.INVALID_STATE, []]);
  clearInterval(drip);
  const gone = await RawPeer.connect(at.server.port);
  gone.send(helloPacket());
  await until(() => asked === 2, "the hello");
  assertEquals(told.length, 1);
  gone.destroy();
  await runtime.passUntil(until(() => told.length === 2, "the news that the client has gone"));
  for (const peer of [silent, dripping]) peer.destroy();
  await runtime.passUntil(until(() => at.server.stats.open === 0, "all gone"));
  // Whether a client that just leaves is seen leaving or runs out of time depends on the runtime's sockets.
  assert([3, 4].includes(at.server.stats.handshakesRefused), String(at.server.stats.handshakesRefused));
  await runtime.passUntil(at.end());
});

test("a time-out of the handshake does not touch a session that has begun", async () => {
  const runtime = new ManualHost();
  const at = await MEMORY.serve(echo, { handshakeTimeoutMs: 20, runtime });
  const session = await at.dial();
  runtime.pass(60);
  await turn();
  assertEquals((await session.submit(say("x"))).text(), "x");
  await at.end();
});

test("too many connections: one more hears LIMIT_EXCEEDED with a time, and there is room again later", async () => {
  const events: ServerLogEvent[] = [];
  const at = await TCP.serve(echo, { maxConnections: 3, log: (event) => events.push(event) });
  const sessions = [await at.dial(), await at.dial(), await at.dial()];
  const error = await assertRejects(() => at.dial(), NnrpProtocolError);
  assertEquals([error.errorCode, error.errorScope, error.retryAfterMs > 0], [
    ErrorCode.LIMIT_EXCEEDED,
    0,
    true,
  ]);
  assertEquals([at.server.stats.refusedConnections, at.server.stats.sessions], [1, 3]);
  assertEquals(events.filter((e) => e.type === "connection-refused").length, 1);
  await sessions[0].close();
  await until(() => at.server.stats.open === 2, "room");
  assertEquals((await (await at.dial()).submit(say("x"))).text(), "x");
  await at.end();
});

test("too many handshakes: silent connections keep new ones out, not sessions", async () => {
  const at = await TCP.serve(echo, { maxHandshakes: 2 });
  const session = await at.dial();
  const silent = [await RawPeer.connect(at.server.port), await RawPeer.connect(at.server.port)];
  await until(() => at.server.stats.open === 3, "the silent ones");
  await assertRejects(() => at.dial(), NnrpProtocolError, "LIMIT_EXCEEDED");
  assertEquals((await session.submit(say("x"))).text(), "x");
  for (const peer of silent) peer.destroy();
  await until(() => at.server.stats.open === 1, "the silent ones to go");
  await at.dial();
  await at.end();
});

test("§6.2: session ids: the wish if it is free, else a fresh one that is not 0", async () => {
  const at = await MEMORY.serve(echo);
  const first = await at.dial({ requestedSessionId: 5 });
  const second = await at.dial({ requestedSessionId: 5 });
  const any = await at.dial();
  const ids = [first.sessionId, second.sessionId, any.sessionId];
  assertEquals([ids[0], new Set(ids).size, ids.includes(0)], [5, 3, false]);
  await first.close();
  await until(() => at.server.stats.sessions === 2, "the first to go");
  assertEquals((await at.dial({ requestedSessionId: 5 })).sessionId, 5);
  await at.end();

  const chosen = await MEMORY.serve(echo, { sessionId: (hello) => hello.metadata.requestedSessionId + 1000 });
  assertEquals([(await chosen.dial({ requestedSessionId: 7 })).sessionId, (await chosen.dial()).sessionId], [
    1007,
    1000,
  ]);
  await chosen.end();
});

test("a sessionId function that throws, or gives no id, costs one handshake and not the server", async () => {
  for (
    const sessionId of [
      () => {
        throw new Error("oops");
      },
      () => -1,
      () => 1.5,
      () => 2 ** 32,
      () => "7" as never,
    ]
  ) {
    let wrong = true;
    const at = await MEMORY.serve(echo, { sessionId: () => wrong ? sessionId() : 3 });
    const error = await assertRejects(() => at.dial(), NnrpProtocolError);
    assertEquals([error.codeName, error.fatal], ["INTERNAL_ERROR", true]);
    wrong = false;
    assertEquals((await (await at.dial()).submit(say("x"))).text(), "x");
    assertEquals([at.server.stats.sessions, at.server.stats.sessionsStarted], [1, 1]);
    await at.end();
  }
});

test("§6.3: a connection that begins with something else is refused; those beside it do not notice", async () => {
  const at = await TCP.serve(echo);
  const peer = await RawPeer.connect(at.server.port);
  peer.send(submitPacket(1), helloPacket());
  assertEquals([codeOf(await peer.next()), await peer.rest()], [ErrorCode.INVALID_STATE, []]);
  const http = await RawPeer.connect(at.server.port);
  http.send(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: lost\r\n\r\n"));
  assertEquals([codeOf(await http.next()), await http.rest()], [ErrorCode.MALFORMED_HEADER, []]);
  assertEquals((await (await at.dial()).submit(say("x"))).text(), "x");
  for (const p of [peer, http]) p.destroy();
  await at.end();
});

test("§5.3: probes before the hello are answered, and the session begins nevertheless", async () => {
  const at = await TCP.serve(echo);
  const peer = await RawPeer.connect(at.server.port);
  for (let id = 1; id <= 3; id++) {
    peer.send(probePacket(id, 100_000));
    assertEquals(codeOf(await peer.next("TRANSPORT_PROBE_ACK")), id);
  }
  peer.send(helloPacket());
  await peer.next("SERVER_HELLO_ACK");
  peer.destroy();
  await at.end();
});

test("§9: what was sent right behind the hello waits for the verdict, then is answered in order", async () => {
  for (const accepted of [true, false]) {
    const gate = new Gate();
    const at = await TCP.serve(echo, {
      authValidator: async ({ authBlock }) => {
        if (authBlock.length > 0) return true;
        await gate.opened;
        return accepted;
      },
    });
    const peer = await RawPeer.connect(at.server.port);
    peer.send(helloPacket({ requestedSessionId: 9 }));
    for (let id = 0; id < 20; id++) peer.send(submitPacket(id, { sessionId: 9 }));
    await until(() => at.server.stats.open === 1, "the connection");
    const other = await at.dial({ auth: "one who came later" });
    await other.ping(); // the event loop has looked at the first one's socket meanwhile
    assertEquals([peer.packets.length, at.server.stats.started], [0, 0]);
    gate.open();
    if (accepted) {
      await peer.next("SERVER_HELLO_ACK");
      for (let id = 0; id < 20; id++) assertEquals((await peer.next("RESULT_PUSH")).header.frameId, id);
    } else assertEquals([codeOf(await peer.next()), await peer.rest()], [ErrorCode.AUTH_FAILED, []]);
    assertEquals(at.server.stats.started, accepted ? 20 : 0);
    peer.destroy();
    await at.end();
  }
});

// Servers whose application accepts

test("sessions wait to be accepted in the order of their handshakes; those that go meanwhile are not handed out", async () => {
  const at = await MEMORY.bind();
  const clients = [
    await at.dial({ requestedSessionId: 1 }),
    await at.dial({ requestedSessionId: 2 }),
    await at.dial({ requestedSessionId: 3 }),
  ];
  await clients[1].raw.carrier.close({ graceful: false });
  await until(() => at.server.stats.sessions === 2, "the second to go");
  assertEquals([(await at.server.accept()).sessionId, (await at.server.accept()).sessionId], [1, 3]);
  const next = at.server.accept();
  await at.dial({ requestedSessionId: 4 });
  assertEquals((await next).sessionId, 4);
  await at.end();
});

test("waiting for a session ends by time, by signal and by closing the server", async () => {
  const at = await MEMORY.bind();
  await assertRejects(() => at.server.accept({ timeoutMs: 5 }), NnrpTimeoutError);
  await assertRejects(
    () => at.server.accept({ signal: AbortSignal.abort(new Error("before")) }),
    Error,
    "before",
  );
  const abort = new AbortController();
  const waiting = at.server.accept({ signal: abort.signal });
  abort.abort(new Error("while"));
  await assertRejects(() => waiting, Error, "while");
  const still = at.server.accept();
  const loop = (async () => {
    const ids: number[] = [];
    for await (const session of at.server) ids.push(session.sessionId);
    return ids;
  })();
  await at.dial({ requestedSessionId: 5 });
  assertEquals((await still).sessionId, 5, "who gave up took nobody's session");
  await at.dial({ requestedSessionId: 6 });
  await until(() => at.server.stats.sessions === 2, "two sessions");
  await at.end();
  assertEquals(await loop, [6]);
  await assertRejects(() => at.server.accept(), NnrpConnectionClosedError);
});

test("a server with a handler has no sessions to accept and no frames to receive", async () => {
  const at = await MEMORY.serve(echo);
  await at.dial();
  await assertRejects(() => at.server.accept(), NnrpStateError);
  await assertRejects(() => at.server.sessions[0].receiveSubmit(), NnrpStateError);
  await assertRejects(() => at.server.sessions[0].submits().next(), NnrpStateError);
  await at.end();
});

test("acceptWithAuth hands out nobody whom its validator did not judge", async () => {
  const at = await MEMORY.bind();
  const early = await at.dial({ auth: "stranger", requestedSessionId: 1 });
  const known = await at.dial({ auth: "friend", requestedSessionId: 2 });
  const judged: string[] = [];
  const validator = ({ authBlock }: { authBlock: Uint8Array }) => {
    const name = new TextDecoder().decode(authBlock);
    judged.push(name);
    return name === "friend" ? { principal: name } : false;
  };
  const first = await at.server.acceptWithAuth(validator);
  assertEquals([first.sessionId, first.principal, judged], [2, "friend", ["stranger", "friend"]]);
  const end = await early.closed;
  assertEquals(end.error instanceof NnrpProtocolError && end.error.codeName, "AUTH_FAILED");
  assertEquals(known.state, "active");
  await assertRejects(() => at.dial({ auth: "stranger" }), NnrpProtocolError, "AUTH_FAILED");
  const waiting = at.server.acceptWithAuth(validator);
  await at.dial({ auth: "friend", requestedSessionId: 3 });
  assertEquals([(await waiting).sessionId, judged.length], [3, 4], "each client is judged once");
  await at.end();
});

test("a server that cannot bind one of its places binds none", async () => {
  const net = memoryNetwork();
  const first = await serve({ listen: [net] }, echo);
  const other = memoryNetwork();
  await assertRejects(() => NnrpServer.bind({ listen: [other, net] }));
  await assertRejects(() => other.dial({ host: "memory", port: 1 }), Error, "nobody listens");
  await first.close();
});

test("one server on several carriers serves them all", async () => {
  const [a, b] = [memoryNetwork(), memoryNetwork()];
  const server = await serve({ listen: [a, b] }, echo);
  assertEquals(server.addresses.map((x) => x.name), ["memory", "memory"]);
  for (const net of [a, b]) {
    const session = await connectClientSession(await net.dial({ host: "memory", port: 1 }));
    assertEquals((await session.submit(say("x"))).text(), "x");
    await session.close();
  }
  await server.close();
  assert(server.stats.sessionsStarted === 2);
});

test("a log function that throws harms nobody", async () => {
  const at = await MEMORY.serve(() => {
    throw new Error("oops");
  }, {
    log: () => {
      throw new Error("disk full");
    },
    authValidator: ({ authBlock }) => authBlock.length > 0,
  });
  await assertRejects(() => at.dial(), NnrpProtocolError, "AUTH_FAILED");
  const session = await at.dial({ auth: "x" });
  await assertRejects(() => session.submit(say("x")), NnrpProtocolError, "INTERNAL_ERROR");
  assertEquals(session.state, "active");
  await session.close();
  await at.end();
  assertEquals(at.server.stats.open, 0);
});
