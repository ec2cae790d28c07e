import { dialClient } from "@nnrp/client";
import { type CarrierDialer, type ResultFields, TypedPayload } from "@nnrp/core";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { NnrpServer, serve, type ServerSession } from "../mod.ts";

const text = (words: string): ResultFields => ({ typedPayloads: [TypedPayload.tokenChunk(words)] });

/** A server and a client that can dial it over one stream, or over many, which is the other transport. */
function house() {
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: 5 });
  const carriers = [net.stream(), net.multiStream({ port: 4434, link: "other" })];
  const client = world.host("client");
  // A move dials with the session's own guarded host; the network wants the world's.
  const dialers = carriers.map((carrier): CarrierDialer => ({
    ...carrier,
    dial: (target, options) => carrier.dial(target, { ...options, runtime: client }),
  }));
  return { world, net, carriers, dialers, runtime: world.host("server"), client };
}

test("a move without token makes a new session of the estate: listeners, settings and the judge of patches go along", async () => {
  const { world, carriers, dialers, runtime, client } = house();
  await world.run(async () => {
    const judged: ServerSession[] = [];
    const server = await NnrpServer.bind({
      listen: carriers,
      runtime,
      migration: { enabled: true },
      authValidator: () => ({ principal: "alice" }),
      patchPolicy: (_, session) => void judged.push(session) as undefined,
    });
    const session = await dialClient("nnrp://server", {
      carriers: [dialers[0]],
      runtime: client,
      auth: "alice",
      migrationToken: false,
    });
    const before = await server.accept();
    const patched: unknown[] = [];
    before.onPatch = (settings) => patched.push(settings);
    await session.patch({ qualityTier: 2 });
    const outcome = await session.migrate({ carriers: [dialers[1]], port: 4434 });
    assertEquals([outcome.accepted, outcome.currentCarrier], [true, carriers[1].name]);
    const after = await server.accept();
    assert(after !== before);
    assertEquals([after.sessionId, after.principal, after.hello === before.hello], [
      before.sessionId,
      "alice",
      true,
    ]);
    await session.patch({ qualityTier: 3 });
    assertEquals([judged.length, judged[0] === before, judged[1] === after], [2, true, true]);
    assertEquals(patched.length, 2);
    await before.closed;
    assertEquals([server.sessions.length, before.state, after.state], [1, "closed", "active"]);
    await session.close();
    await server.close();
    assertEquals([server.stats.open, server.stats.sessions, server.stats.migrated], [0, 0, 1]);
  });
  assertEquals([runtime.pendingTimers(), client.pendingTimers()], [[], []]);
});

test("a client that moves while its server does not read loses nothing", async () => {
  const { world, carriers, dialers, runtime, client } = house();
  await world.run(async () => {
    const server = await serve({
      listen: carriers,
      runtime,
      maxSessionBytes: 40_000,
      profile: { maxConcurrentFrames: 100 },
    }, async (frame) => {
      await runtime.sleep(50);
      return text(String(frame.frameId));
    });
    const session = await dialClient("nnrp://server", {
      carriers: [dialers[0]],
      runtime: client,
      migrationToken: true,
    });
    const body = { typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(10_000))] };
    const answers = Array.from({ length: 60 }, (_, i) => session.submit({ ...body, frameId: i + 1 }));
    await world.sleep(20);
    assertEquals((await session.migrate({ carriers: [dialers[1]], port: 4434 })).accepted, true);
    assertEquals((await Promise.all(answers)).map((r) => r.text()), answers.map((_, i) => String(i + 1)));
    assertEquals(server.stats.bytesInFlight, 0);
    await session.close();
    await server.close();
  });
  assertEquals([runtime.pendingTimers(), client.pendingTimers()], [[], []]);
});

test("a session that waits for its client is forgotten for a newer one, the one that has waited longest first", async () => {
  const { world, net, carriers, runtime } = house();
  await world.run(async () => {
    const ended: number[] = [];
    const server = await serve(
      {
        listen: carriers,
        runtime,
        migration: { maxSuspendedSessions: 2 },
        log: ({ type, sessionId }) => void (type === "session-end" && ended.push(sessionId)),
      },
      () => text("x"),
    );
    for (const id of [1, 2, 3]) {
      const away = world.host(`client ${id}`);
      const session = await dialClient("nnrp://server", {
        carriers: [net.stream()],
        runtime: away,
        requestedSessionId: id,
        migrationToken: true,
      });
      await session.ping();
      away.kill();
      await world.sleep(20);
    }
    assertEquals([ended, server.stats.suspended, server.stats.open], [[1], 2, 0]);
    assertEquals(server.sessions.map(({ state }) => state), ["suspended", "suspended"]);
    await server.close();
    assertEquals([ended, server.stats.sessions], [[1, 2, 3], 0]);
  });
  assertEquals(runtime.pendingTimers(), []);
});
