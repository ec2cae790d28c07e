/**
 * Moves where a round trip takes long: whatever the carriers and however far away they are, no frame is lost, and the old path goes.
 */
import { dialClient } from "@nnrp/client";
import { type CarrierDialer, TypedPayload } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { type FarSocket, farWebSocket } from "../tests/far_sockets.ts";

const say = (words: string) => ({ typedPayloads: [TypedPayload.tokenChunk(words)] });

/** A server that is far away, on three carriers. */
function house(oneWayMs: number) {
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: oneWayMs });
  const [client, server] = [world.host("client"), world.host("server")];
  const sockets: FarSocket[] = [];
  const carriers = {
    websocket: farWebSocket(world, client, server, oneWayMs, sockets),
    stream: net.stream(),
    multiStream: net.multiStream({ port: 4434 }),
  };
  const dialers = Object.values(carriers).map((carrier): CarrierDialer => ({
    ...carrier,
    dial: (target, options) => carrier.dial(target, { ...options, runtime: client }),
  }));
  return { world, net, client, server, carriers, dialers, sockets };
}

for (const oneWayMs of [1, 80, 250, 700, 1500]) {
  for (const begin of ["websocket", "stream", "multiStream"] as const) {
    for (const afterMs of [0, 12_000]) {
      test(`${oneWayMs} ms one way, ${afterMs} ms after the dial, off ${begin}: a move loses nothing`, async () => {
        const { world, client, server: runtime, carriers, dialers, sockets } = house(oneWayMs);
        await world.run(async () => {
          const server = await serve(
            { listen: Object.values(carriers), runtime },
            (frame) => say(String(frame.frameId)),
          );
          const lines: string[] = [];
          const of = (name: keyof typeof carriers) => dialers[Object.keys(carriers).indexOf(name)];
          const session = await dialClient(`nnrp://server:${begin === "multiStream" ? 4434 : 4433}`, {
            carriers: [of(begin)],
            runtime: client,
            timeoutMs: 60_000,
            migrationToken: true,
            allowPlaintextAuth: true,
            log: ({ type, message }) => lines.push(`${type}: ${message}`),
          });
          await world.sleep(afterMs);
          const answers: Promise<string>[] = [];
          const work = async (ms: number) => {
            // Odd steps, longer and shorter than any quiet time that a constant could be.
            for (let i = 0, step = 40; ms > 0; ms -= step, step = [40, 230, 90, 450][++i % 4]) {
              answers.push(session.submit(say("x")).then((r) => r.text(), String));
              await world.sleep(step);
            }
          };
          const names = [...Object.keys(carriers), begin] as (keyof typeof carriers)[];
          for (const to of [names[(names.indexOf(begin) + 1) % 3], begin]) {
            const busy = work(8 * oneWayMs + 3000);
            const port = to === "multiStream" ? 4434 : 4433;
            const moved = await session.migrate({ carriers: [of(to)], port, timeoutMs: 60_000 });
            assertEquals(moved.status, "success");
            await busy;
            await world.sleep(8 * oneWayMs + 1000);
          }
          assertEquals(await Promise.all(answers), answers.map((_, i) => String(i + 1)));
          assertEquals(lines.filter((line) => line.startsWith("path-lost")), []);
          assertEquals(session.stats.moves, 2);
          const open = sockets.filter(({ readyState }) => readyState !== 3);
          assertEquals(open.length, begin === "websocket" ? 1 : 0, "what was left is closed");
          await session.close();
          await server.close();
        });
        assertEquals([runtime.pendingTimers(), client.pendingTimers()], [[], []]);
      });
    }
  }
}
