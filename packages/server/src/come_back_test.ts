/**
 * A server that goes in order, as in a rolling restart: its clients come back to the next one, unless they are told not to.
 */
import { dialClient, TypedPayload } from "@nnrp/client";
import { virtualNetwork, type VirtualWorld, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { type NnrpServer, serve } from "../mod.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

async function withClient(
  body: (
    session: Awaited<ReturnType<typeof dialClient>>,
    server: NnrpServer,
    next: () => Promise<NnrpServer>,
    world: VirtualWorld,
  ) => Promise<void>,
): Promise<void> {
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: 5 });
  const begin = () =>
    serve({ listen: [net.stream()], runtime: world.host("server") }, async (frame) => {
      await world.host("server").sleep(20);
      return say(frame.text());
    });
  await world.run(async () => {
    const server = await begin();
    const session = await dialClient("nnrp://server", {
      carriers: [net.stream()],
      reconnect: true,
      runtime: world.host("client"),
    });
    await body(session, server, begin, world);
  });
}

test("a session with reconnect outlives an orderly restart, and gets the answers that were due before", async () => {
  await withClient(async (session, server, next) => {
    const before = session.submit(say("before"));
    await session.ping();
    await server.close();
    assertEquals((await before).text(), "before");
    const successor = await next();
    assertEquals((await session.submit(say("after"))).text(), "after");
    assertEquals(session.stats.reconnects, 1);
    await session.close();
    await successor.close();
  });
});

test("clients do not come back before they are told to", async () => {
  await withClient(async (session, server, next, world) => {
    const closedMs = world.now();
    await server.close({ retryAfterMs: 30_000 });
    const successor = await next();
    assertEquals((await session.submit(say("late"))).text(), "late");
    assert(world.now() - closedMs >= 30_000);
    await session.close();
    await successor.close();
  });
});

test("a server that closes for good ends its sessions for good", async () => {
  await withClient(async (session, server) => {
    await server.close({ retryAfterMs: null, reason: "no more" });
    const { kind, reason } = await session.closed;
    assertEquals([kind, reason, session.stats.reconnects], ["close", "no more", 0]);
  });
});
