import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { memoryNetwork, NnrpConnectionClosedError } from "@nnrp/core";
import { type ClientSession, dialClient, TypedPayload } from "@nnrp/client";
import { type Handler, serve } from "@nnrp/server";
import { Gate } from "../support/places.ts";
import { until } from "../support/raw_peer.ts";
import { turn, turns } from "../support/turns.ts";
import { movePatiently } from "./patient_move.ts";

const echo: Handler = (frame) => ({ typedPayloads: frame.typedPayloads });
const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

test("a session with a token moves while frames are in flight, and every frame ends once", async () => {
  const net = memoryNetwork();
  const server = await serve({ listen: [net] }, async (frame) => {
    await turns(frame.frameId % 6);
    return { typedPayloads: frame.typedPayloads };
  });
  const session: ClientSession = await dialClient("nnrp://memory", { carriers: [net] });
  const id = session.sessionId;
  const answers: Promise<unknown>[] = [];
  let moving = Promise.resolve();
  for (let i = 0; i < 500; i++) {
    answers.push(session.submit(say(`frame ${i}`)).then((r) => assertEquals(r.text(), `frame ${i}`)));
    if (i % 100 === 50) moving = moving.then(async () => assert((await movePatiently(session)).accepted));
    if (i % 5 === 0) await turn();
  }
  await Promise.all([...answers, moving]);
  assertEquals(session.sessionId, id);
  assertEquals([session.stats.moves, session.stats.complete, session.stats.inFlight], [5, 500, 0]);
  assertEquals([server.stats.migrated, server.stats.sessions, server.stats.open], [5, 1, 1]);
  await session.close();
  await server.close();
});

test("streams go on across a move, in order", async () => {
  const net = memoryNetwork();
  const server = await serve({ listen: [net] }, async function* () {
    for (let i = 0; i < 200; i++) {
      await turn();
      yield { typedPayloads: [TypedPayload.tokenChunk(`${i} `)] };
    }
  });
  const session = await dialClient("nnrp://memory", { carriers: [net] });
  let text = "";
  const moves: Promise<unknown>[] = [];
  const reading = (async () => {
    for await (const part of session.submitStream(say("go")).text()) {
      text += part;
      if (/^(20|80|140) $/.test(part)) moves.push(movePatiently(session));
    }
  })();
  await reading;
  await Promise.all(moves);
  assertEquals(text, Array.from({ length: 200 }, (_, i) => `${i} `).join(""));
  await session.close();
  await server.close();
});

test("a lost connection is replaced: same session, cache kept, frames in flight fail clearly", async () => {
  const net = memoryNetwork();
  const gate = new Gate();
  const server = await serve({ listen: [net] }, async (frame) => {
    if (frame.text() === "slow") await gate.opened;
    return { typedPayloads: frame.typedPayloads };
  });
  const events: string[] = [];
  const session = await dialClient("nnrp://memory", {
    carriers: [net],
    reconnect: { minDelayMs: 5 },
    log: (e) => events.push(e.type),
  });
  const id = session.sessionId;
  const slow = session.submit(say("slow"));
  await until(() => server.stats.running === 1, "the handler");
  void session.raw.carrier.close({ graceful: false });
  await assertRejects(() => slow, NnrpConnectionClosedError);
  gate.open();
  assertEquals((await session.submit(say("again"))).text(), "again");
  assertEquals([session.sessionId, session.stats.reconnects, server.stats.sessionsStarted], [id, 1, 1]);
  assert(events.includes("reconnected"));
  await session.close();
  await server.close();
});

test("with resubmit nobody notices the loss", async () => {
  const net = memoryNetwork();
  let handled = 0;
  const gate = new Gate();
  const server = await serve({ listen: [net] }, async (frame) => {
    if (++handled === 1) await gate.opened; // lost with its connection
    return { typedPayloads: frame.typedPayloads };
  });
  const session = await dialClient("nnrp://memory", {
    carriers: [net],
    reconnect: { minDelayMs: 5, resubmit: true },
  });
  const slow = session.submit(say("slow"));
  await until(() => handled === 1, "the handler");
  void session.raw.carrier.close({ graceful: false });
  assertEquals([(await slow).text(), handled], ["slow", 2]);
  gate.open();
  await session.close();
  await server.close();
});

test("a server that forgot the session gives a new one", async () => {
  const net = memoryNetwork();
  const server = await serve({ listen: [net], migration: { resumeWindowMs: 0 } }, echo);
  const session = await dialClient("nnrp://memory", { carriers: [net], reconnect: { minDelayMs: 5 } });
  await session.raw.carrier.close({ graceful: false });
  assertEquals((await session.submit(say("again"))).text(), "again");
  assertEquals(server.stats.sessionsStarted, 2);
  await session.close();
  await server.close();
});
