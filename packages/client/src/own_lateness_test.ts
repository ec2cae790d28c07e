/**
 * This side's own lateness is not the server's: what came in time and was not read yet is looked at before any verdict. And a
 * connection that is dead is noticed in time.
 */
import { NnrpTimeoutError } from "@nnrp/core";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { said, VirtualServer, type VirtualServerOptions } from "../tests/virtual_server.ts";
import { dialClient, type DialOptions } from "./dial.ts";

const KINDS = ["stream", "multiStream"] as const;

function place(kind: typeof KINDS[number], options: VirtualServerOptions = {}, rtt = 0) {
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: rtt / 2 });
  const client = world.host("client");
  const dial = (more: DialOptions = {}) =>
    dialClient("nnrp://server", { carriers: [net[kind]()], runtime: client, ...more });
  const serve = () => new VirtualServer(world.host("server"), options).listen(net[kind]());
  return { world, net, client, dial, serve };
}

for (const kind of KINDS) {
  for (const how of ["busy", "asleep"] as const) {
    test(`${kind}: a client that was ${how} past every limit keeps its session, its waits and what came in time`, async () => {
      const { world, client, dial, serve } = place(kind, {}, 20);
      const server = await serve();
      await world.run(async () => {
        const session = await dial({
          keepAliveMs: 300,
          idleTimeoutMs: 2000,
          sendStallMs: 2000,
          pongTimeoutMs: 700,
        });
        for (const ms of [2100, 2600, 10_000, 25_000]) {
          const waits = [
            session.submit(said("x"), { timeoutMs: 1000 }),
            session.ping({ timeoutMs: 1000 }),
            session.patch({ qualityTier: 1 }, { timeoutMs: 1000 }),
          ];
          const key = await session.submitNowait(said("y"));
          const received = session.receiveResult({ ...key, timeoutMs: 1000 });
          if (how === "busy") client.block(ms);
          else {
            client.freeze(ms);
            await world.sleep(ms);
          }
          await Promise.all([...waits, received]);
          assertEquals([session.state, session.stats.timedOut], ["active", 0], `after ${ms} ms`);
          await world.sleep(5000);
          assertEquals(session.state, "active", `after ${ms} ms and 5 s`);
        }
        await session.close();
      });
      assertEquals(server.sessions.length, 1);
    });
  }

  test(`${kind}: an answer to the hello that came while the client was busy opens the session`, async () => {
    const { world, client, dial, serve } = place(kind, {}, 20);
    const server = await serve();
    await world.run(async () => {
      const opening = dial({ timeoutMs: 1000 });
      while (server.hellos.length === 0) await world.sleep(1);
      client.block(5000);
      const session = await opening;
      await session.close();
    });
  });

  test(`${kind}: a wait that nobody answered ends at its time`, async () => {
    const { world, client, dial, serve } = place(kind, { submit: () => {} });
    await serve();
    await world.run(async () => {
      const session = await dial();
      const startMs = client.now();
      await assertRejects(() => session.submit(said("x"), { timeoutMs: 1000 }), NnrpTimeoutError);
      const tookMs = client.now() - startMs;
      assert(tookMs >= 1000 && tookMs < 1002, `${tookMs} ms`);
      await session.close({ drainMs: 0 });
    });
  });

  test(`${kind}: a half-open connection is noticed within 33 s by default and replaced, whoever is silent`, async () => {
    for (const sends of [false, true]) {
      const { world, net, client, dial, serve } = place(kind, {}, 20);
      await serve();
      await world.run(async () => {
        const session = await dial({ reconnect: true, sendStallMs: Infinity });
        await session.submit(said("one"));
        net.link().freeze();
        const startMs = client.now();
        const lost = sends ? session.submit(said("two")).then(String, String) : null;
        while (session.state === "active" && client.now() - startMs < 200_000) await world.sleep(100);
        const tookMs = client.now() - startMs;
        assert(tookMs > 15_000 && tookMs < 36_000, `${tookMs} ms`);
        net.link().heal();
        assertEquals((await session.submit(said("three"))).text(), "three");
        await lost;
        await session.close();
      });
    }
  });
}

test("a steady upload that takes minutes is no silence", async () => {
  const { world, net, client, dial, serve } = place("stream");
  net.link().set({ up: { bytesPerSecond: 100_000, sendBufferBytes: 64 * 1024 } });
  await serve();
  await world.run(async () => {
    const session = await dial();
    const startMs = client.now();
    const result = await session.submit(said("x".repeat(20 * 1024 * 1024)));
    assert(result.text().length === 20 * 1024 * 1024 && client.now() - startMs > 200_000);
    await session.close();
  });
});
