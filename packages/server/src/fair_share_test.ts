/**
 * Running slots are shared: what one session holds or asks for keeps no other from its part, in virtual time.
 */
import type { ClientSession } from "@nnrp/client";
import { dialClient } from "@nnrp/client";
import { TypedPayload } from "@nnrp/core";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { serve, type ServeOptions } from "../mod.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
/** Round trips and turns of the event loop, far below what a slow handler takes. */
const AT_ONCE_MS = 50;
const SLOW_MS = 5000;

/** A server whose handlers take as many virtual ms as their frames say. */
async function house(options: ServeOptions = {}, seed = 1) {
  const world = virtualWorld({ seed });
  const carrier = virtualNetwork(world, { latencyMs: 1 }).stream();
  const running = new Map<number, number>();
  const host = world.host("server");
  const server = await world.run(
    serve({ listen: [carrier], runtime: host, ...options }, async (frame, { session }) => {
      const { sessionId } = session;
      running.set(sessionId, (running.get(sessionId) ?? 0) + 1);
      await new Promise<void>((done) => void host.after(Number(frame.text()), done));
      running.set(sessionId, running.get(sessionId)! - 1);
      return say("x");
    }),
  );
  const dial = (): Promise<ClientSession> =>
    world.run(dialClient("nnrp://server", { carriers: [carrier], runtime: world.host("client") }));
  /** How long a frame takes, ms. */
  const time = async (session: ClientSession, ms: number): Promise<number> => {
    const beganMs = world.now();
    await world.run(session.submit(say(`${ms}`)));
    return world.now() - beganMs;
  };
  /** Submits frames whose ends are nobody's business. */
  const flood = (session: ClientSession, frames: number, ms = SLOW_MS) => {
    for (let i = 0; i < frames; i++) session.submit(say(`${ms}`)).catch(() => {});
  };
  return { world, server, running, dial, time, flood };
}

test("with the defaults, slow frames of some sessions do not delay the first frame of another", async () => {
  for (const greedy of [1, 2, 5]) {
    const at = await house();
    for (let i = 0; i < greedy; i++) at.flood(await at.dial(), 64);
    await at.world.advance(AT_ONCE_MS);
    const modest = await at.dial();
    const ms = await at.time(modest, 1);
    assert(ms < AT_ONCE_MS, `${greedy} greedy sessions: ${ms} ms`);
  }
});

test("with the defaults, a free server gives one session all that its client was told", async () => {
  const at = await house();
  const session = await at.dial();
  at.flood(session, 64);
  await at.world.advance(AT_ONCE_MS);
  assertEquals([at.server.stats.running, at.server.stats.queued], [64, 0]);
});

for (const concurrency of [1, 2, 8, 9, 32, 64]) {
  test(`of ${concurrency} slots nothing is kept that somebody could use`, async () => {
    const at = await house({ concurrency });
    const [one, other] = [await at.dial(), await at.dial()];
    at.flood(one, 64);
    await at.world.advance(AT_ONCE_MS);
    const kept = Math.floor(concurrency / 9);
    assertEquals(at.server.stats.running, concurrency - kept);
    at.flood(other, 64);
    await at.world.advance(AT_ONCE_MS);
    assertEquals(at.server.stats.running, kept > 0 ? concurrency - kept + 1 : concurrency);
  });
}

test("sessions that have frames waiting hold equal parts of the slots, whoever came first", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const lot = virtualWorld({ seed }).random("shape");
    const concurrency = 4 + Math.floor(lot.next() * 60);
    const sessions = 2 + Math.floor(lot.next() * 4);
    // Times of any length, so that slots become free one by one.
    const flood = (client: ClientSession) => {
      for (let i = 0; i < 400; i++) at.flood(client, 1, 500 + Math.floor(lot.next() * 1000));
    };
    const at = await house({ concurrency, maxQueuedFrames: 500, profile: { maxInFlightFrames: 1000 } }, seed);
    const clients: ClientSession[] = [];
    for (let i = 0; i < sessions; i++) clients.push(await at.dial());
    flood(clients[0]);
    await at.world.advance(AT_ONCE_MS);
    for (const client of clients.slice(1)) flood(client);
    await at.world.advance(4000); // nothing runs any more that began while one was alone
    const held = [...at.running.values()];
    const share = Math.ceil(concurrency / sessions);
    const what = `seed ${seed}: ${concurrency} slots, ${sessions} sessions hold ${held}`;
    assert(held.every((count) => count <= share + 1), what);
    assert(Math.max(...held) - Math.min(...held) <= 2, what);
  }
});

test("a session with fewer than its part gets the next free slots, before one that has more", async () => {
  const at = await house({ concurrency: 8 });
  const [greedy, modest] = [await at.dial(), await at.dial()];
  at.flood(greedy, 8, 100); // all slots
  await at.world.advance(AT_ONCE_MS);
  at.flood(greedy, 40, SLOW_MS);
  await at.world.advance(AT_ONCE_MS / 2);
  at.flood(modest, 4, SLOW_MS);
  await at.world.advance(100);
  assertEquals([...at.running.values()], [4, 4]);
});
