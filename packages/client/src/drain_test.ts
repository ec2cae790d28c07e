/**
 * Closing in order: drained means drained, within the time that was given, and no longer than it takes.
 */
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { said, VirtualServer, type VirtualServerOptions } from "../tests/virtual_server.ts";
import { dialClient } from "./dial.ts";

const MIB = 1024 * 1024;

async function place(kind: "stream" | "multiStream", options: VirtualServerOptions = {}) {
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: 20, split: () => 65536 });
  const host = world.host("server");
  const server = await new VirtualServer(host, options).listen(net[kind]());
  const dial = () => dialClient("nnrp://server", { carriers: [net[kind]()], runtime: world.host("client") });
  return { world, net, host, server, dial };
}

for (const kind of ["stream", "multiStream"] as const) {
  for (const upload of [true, false]) {
    test(`${kind}: a large ${upload ? "submit" : "result"} on a slow path comes through within drainMs`, async () => {
      const large = "x".repeat(8 * MIB);
      const { world, net, dial } = await place(kind, {
        submit: (frame, session) => session.answer(frame, upload ? String(frame.text().length) : large),
      });
      net.link().set({ bytesPerSecond: MIB });
      await world.run(async () => {
        const session = await dial();
        const startMs = world.now();
        const result = session.submit(said(upload ? large : "x"));
        const closing = session.close({ drainMs: 60_000, reason: "bye" });
        assertEquals((await result).text().length, upload ? 7 : 8 * MIB);
        await closing;
        const tookMs = world.now() - startMs;
        assert(tookMs > 7000 && tookMs < 12_000, `${tookMs} ms`);
      });
    });
  }

  test(`${kind}: what was said last leaves before the connection does, though no frame waits for it`, async () => {
    const { world, net, server, dial } = await place(kind);
    await world.run(async () => {
      const session = await dial();
      net.link().set({ bytesPerSecond: MIB });
      const put = session.putCache({ kind: 1, key: 1n, data: new Uint8Array(4 * MIB) });
      put.catch(() => {});
      await session.close({ drainMs: 60_000, reason: "bye" });
      const { engine } = server.sessions[0];
      assertEquals(engine.counts.cachePuts, 1);
      assertEquals((await session.closed).kind, "close");
    });
  });
}

test("a drain ends with the last frame, at the given time, or with a server that takes nothing", async () => {
  const { world, net, host, dial } = await place("stream", {
    submit: (frame, session) => {
      const ms = Number(frame.text().split(" ")[0]);
      host.after(ms, () => session.answer(frame, "done"));
    },
  });
  await world.run(async () => {
    for (
      const [handlerMs, drainMs, [least, most], freeze] of [
        [3000, 60_000, [3000, 3100], false],
        [3000, Infinity, [3000, 3100], false],
        [60_000, 5000, [5000, 6100], false],
        [60_000, 0, [0, 1100], false],
        [60_000, undefined, [2000, 3100], false],
        [60_000, Infinity, [10_000, 16_100], true],
      ] as const
    ) {
      const session = await dial();
      const startMs = world.now();
      const words = freeze ? "x".repeat(2 * MIB) : "";
      const result = session.submit(said(`${handlerMs} ${words}`)).then(() => "answered", () => "failed");
      if (freeze) net.link().freeze();
      await session.close({ drainMs });
      const tookMs = world.now() - startMs;
      assert(tookMs >= least && tookMs <= most, `${handlerMs}, ${drainMs}: ${tookMs} ms`);
      assertEquals(await result, most < 3200 && least >= 3000 ? "answered" : "failed");
      if (freeze) net.link().heal();
    }
  });
});

test("a session that drains does not look again and again", async () => {
  const { world, dial } = await place("stream", { submit: () => {} });
  await world.run(async () => {
    const session = await dial();
    session.submit(said("x")).catch(() => {});
    const client = world.host("client");
    let timers = 0;
    const { after } = client;
    client.after = (ms, call) => {
      timers++;
      return after.call(client, ms, call);
    };
    await session.close({ drainMs: 60_000 });
    assert(timers < 60, `${timers} timers in a minute`);
  });
});
