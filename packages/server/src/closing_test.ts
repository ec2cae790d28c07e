/**
 * Closing in order, in virtual time: what was answered arrives, however slow the line, within bounds.
 */
import { dialClient } from "@nnrp/client";
import { TypedPayload } from "@nnrp/core";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { type NnrpServer, serve, type ServeOptions } from "../mod.ts";

const SIZE = 8 << 20;
const say = { typedPayloads: [TypedPayload.tokenChunk("x")] };

/** A client on a line of 1 MiB/s, whose server's system takes 6 MiB at once, and its frame of 8 MiB, which takes the handler 300 ms. */
async function slowLine(options: ServeOptions = {}) {
  const world = virtualWorld();
  const carrier = virtualNetwork(world, { latencyMs: 20, bytesPerSecond: 1 << 20, sendBufferBytes: 6 << 20 })
    .stream();
  const host = world.host("server");
  const blob = { typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(SIZE))] };
  const server = await world.run(serve({ listen: [carrier], runtime: host, ...options }, async () => {
    await new Promise<void>((done) => void host.after(300, done));
    return blob;
  }));
  const session = await world.run(
    dialClient("nnrp://server", { carriers: [carrier], runtime: world.host("client"), keepAliveMs: 200 }),
  );
  const outcome = session.submit(say).then((result) => result.opaqueBytesPayloads[0].length, () => "lost");
  await world.runUntil(() => server.stats.running === 1);
  return { world, server, outcome };
}

const CLOSES: Record<string, (server: NnrpServer) => Promise<void>> = {
  "the server, its frame in flight": (server) => server.close({ drainMs: 60_000 }),
  "the server, for ever": (server) => server.close({ drainMs: Infinity }),
  "the session": (server) => server.sessions[0].close({ drainMs: 60_000 }),
};

for (const [name, close] of Object.entries(CLOSES)) {
  for (const delayMs of [0, 299, 301, 400, 3000]) {
    test(`a result on a slow line arrives although somebody closes ${name}, ${delayMs} ms after its frame came`, async () => {
      const { world, server, outcome } = await slowLine();
      await world.advance(delayMs);
      const closed = close(server);
      assertEquals(await world.run(outcome), SIZE);
      await world.run(closed);
      assertEquals(server.stats.sessions, 0);
    });
  }
}

test("a close takes no longer than it may, whatever is on its way", async () => {
  for (const drainMs of [0, 1, 600, 3000]) {
    for (const what of ["server", "session"]) {
      const { world, server, outcome } = await slowLine();
      const beganMs = world.now();
      await world.run(what === "server" ? server.close({ drainMs }) : server.sessions[0].close({ drainMs }));
      const tookMs = world.now() - beganMs;
      // A session says its last word for at most a second more.
      assert(tookMs <= drainMs + 50 + (what === "session" ? 1000 : 0), `${what}, ${drainMs}: ${tookMs} ms`);
      await world.run(outcome); // it may have arrived, if the system had taken all of it
    }
  }
});
