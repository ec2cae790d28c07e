/**
 * Dials that are given up while the server lets their client in: nothing waits there for somebody who does not come. In virtual time, at
 * every moment of a handshake.
 */
import { NnrpTimeoutError } from "@nnrp/core";
import { type NnrpServer, serve, type ServeOptions } from "@nnrp/server";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { said } from "../tests/virtual_server.ts";
import { dialClient, type DialOptions } from "./dial.ts";

const LATENCY_MS = 20;
/** Connecting and shaking hands takes less. */
const HANDSHAKE_MS = 8 * LATENCY_MS;

async function place(kind: "stream" | "multiStream", options: ServeOptions = {}) {
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: LATENCY_MS });
  const events: string[] = [];
  const server: NnrpServer = await world.run(serve({
    listen: [net[kind]()],
    runtime: world.host("server"),
    log: ({ type }) => void events.push(type),
    ...options,
  }, (frame) => said(frame.text())));
  const dial = (more: DialOptions = {}) =>
    dialClient("nnrp://server", {
      carriers: [net[kind]()],
      runtime: world.host("client"),
      migrationToken: true,
      ...more,
    });
  return { world, net, server, events, dial };
}

for (const kind of ["stream", "multiStream"] as const) {
  for (const how of ["signal", "time limit"] as const) {
    test(`${kind}: a dial ended by its ${how} at any moment leaves no session waiting on the server`, async () => {
      let begun = 0; // sessions of clients that had gone
      let opened = 0;
      for (let afterMs = 1; afterMs <= HANDSHAKE_MS; afterMs += 3) {
        const { world, server, events, dial } = await place(kind);
        await world.run(async () => {
          const stop = new AbortController();
          const reason = new Error("not wanted any more");
          if (how === "signal") world.host("client").after(afterMs, () => stop.abort(reason));
          const session = await dial(how === "signal" ? { signal: stop.signal } : { timeoutMs: afterMs })
            .catch((error) => error);
          if (!(session instanceof Error)) {
            opened++;
            await session.close();
          } else if (how === "signal") assertEquals(session, reason);
          else assert(session instanceof NnrpTimeoutError, String(session));
          await world.sleep(1000);
          const { sessions, suspended, open } = server.stats;
          assertEquals([sessions, suspended, open], [0, 0, 0], `given up after ${afterMs} ms`);
          assertEquals(events.includes("session-suspended"), false, `given up after ${afterMs} ms`);
          if (session instanceof Error && events.includes("session-start")) begun++;
          await server.close();
        });
      }
      assert(begun > 3, `only ${begun} were given up after the server had let them in`);
      assert(opened > 3, `only ${opened} had come through`);
    });
  }

  test(`${kind}: a client that was let in, and said nothing yet, comes back to its session if it would`, async () => {
    const { world, net, server, events, dial } = await place(kind);
    await world.run(async () => {
      const session = await dial({ reconnect: true });
      const { sessionId } = session;
      await world.sleep(100);
      net.link().cut();
      while (session.stats.reconnects === 0) await world.sleep(10);
      assertEquals([session.sessionId, server.stats.sessions], [sessionId, 1]);
      assertEquals(events.filter((type) => type.startsWith("session-")), [
        "session-start",
        "session-suspended",
        "session-moved",
      ]);
      await session.close();
      await server.close();
    });
  });

  test(`${kind}: a client that loses its connection before the server heard of it begins anew`, async () => {
    const { world, net, server, dial } = await place(kind);
    await world.run(async () => {
      const session = await dial({ reconnect: true });
      net.link().cut(); // its first word is still under way
      while (session.stats.reconnects === 0) await world.sleep(10);
      assertEquals((await session.submit(said("x"))).text(), "x");
      assertEquals([server.stats.sessions, server.stats.suspended], [1, 0]);
      await session.close();
      await server.close();
    });
  });
}

test("a client that gives up while the validator thinks leaves nothing, whatever the verdict", async () => {
  for (const verdict of [true, false]) {
    const { world, server, dial } = await place("stream", {
      authValidator: () =>
        new Promise((resolve) => {
          world.host("server").after(500, () => resolve(verdict));
        }),
    });
    await world.run(async () => {
      await assertRejects(() => dial({ timeoutMs: 300 }), NnrpTimeoutError);
      await world.sleep(2000);
      assertEquals([server.stats.sessions, server.stats.suspended, server.stats.open], [0, 0, 0]);
      await server.close();
    });
  }
});
