/**
 * A client that does not read is not served: what waits to be sent to it is bounded by the limit and one result however many handlers
 * answer at once and in whatever way; the rest waits, is in the books, and goes out once it reads, or is let go of when it never does.
 */
import { type ClientSession, dialClient } from "@nnrp/client";
import { type ReceivedSubmit, TypedPayload } from "@nnrp/core";
import { virtualNetwork, type VirtualWorld, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { test } from "node:test";
import { type HandlerOutput, type NnrpServer, serve, type ServerSession } from "../mod.ts";

const KIB = 1024;
const LIMIT = 256 * KIB;
const RESULT = 100 * KIB;
/** What a virtual path holds beside this library's buffer does not count; heads and hints do. */
const SLACK = 32 * KIB;
const FRAMES = 40;

const blob = (bytes: number) => ({ typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(bytes))] });
const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** How a handler may answer; all of them are asked at the same time, and answer at the same time. */
const WAYS: Record<string, (gate: Promise<void>, frame: ReceivedSubmit, session: ServerSession) => unknown> =
  {
    "a result": async (gate) => {
      await gate;
      return blob(RESULT);
    },
    "parts of an async generator": async function* (gate) {
      await gate;
      yield blob(RESULT);
      yield blob(RESULT);
    },
    "parts of a plain iterable": (gate) => gate.then(() => [blob(RESULT), blob(RESULT)]),
    "what a generator returns": async function* (gate) {
      await gate;
      yield say("part");
      return blob(RESULT);
    },
    "results that a handler sends itself": async (gate, frame, session) => {
      await gate;
      await session.sendResult(frame, blob(RESULT), { final: false });
      await session.sendResult(frame, blob(RESULT));
      return {};
    },
  };

interface Stage {
  readonly world: VirtualWorld;
  readonly net: ReturnType<typeof virtualNetwork>;
  readonly server: NnrpServer;
  readonly client: ClientSession;
  readonly session: ServerSession;
  readonly answers: Promise<string>[];
}

/** Forty frames whose handlers answer at once to a client that reads nothing. */
async function unread(kind: "stream" | "multiStream", way: string): Promise<Stage> {
  const world = virtualWorld();
  const net = virtualNetwork(world, {
    latencyMs: 1,
    sendBufferBytes: 64 * KIB,
    receiveBufferBytes: 64 * KIB,
  });
  let open = () => {};
  const gate = new Promise<void>((done) => open = done);
  const runtime = world.host("server");
  const options = { maxSendBufferBytes: LIMIT, sendStallMs: 20_000, migration: { resumeWindowMs: 0 } };
  const server = await world.run(
    serve(
      { listen: [net[kind]()], runtime, ...options },
      (frame, { session }) =>
        (frame.text() === "small" ? say("y") : WAYS[way](gate, frame, session)) as HandlerOutput,
    ),
  );
  const dial = () =>
    world.run(dialClient("nnrp://server", { carriers: [net[kind]()], runtime: world.host("client") }));
  const client = await dial();
  const session = server.sessions[0];
  const answers = Array.from(
    { length: FRAMES },
    () => client.submit(say("large")).then(() => "ok", (error: Error) => error.name),
  );
  await world.runUntil(() => server.stats.running === FRAMES);
  net.link().freeze();
  open();
  return { world, net, server, client, session, answers };
}

for (const kind of ["stream", "multiStream"] as const) {
  for (const way of Object.keys(WAYS)) {
    test(`${kind}: ${way}: bounded, in the books, and all there once the client reads`, async () => {
      const { world, net, server, client, session, answers } = await unread(kind, way);
      for (let i = 0; i < 100; i++) {
        await world.run(world.sleep(100));
        assertLessOrEqual(session.stats.bufferedBytes, LIMIT + RESULT + SLACK);
        const { unsent, total } = server.stats.memory;
        assert(unsent >= session.stats.bufferedBytes && total >= unsent);
        // What handlers have given already is in the books, and not more than it.
        assertLessOrEqual(unsent, (FRAMES + 1) * RESULT + LIMIT + SLACK);
      }
      assertGreater(session.stats.inFlight, FRAMES / 2);
      net.link().heal();
      assertEquals(new Set(await world.run(Promise.all(answers))), new Set(["ok"]));
      await world.run(world.sleep(1000));
      assertEquals([server.stats.memory.unsent, server.stats.running, client.state], [0, 0, "active"]);
      assertEquals((await world.run(client.submit(say("small")))).text(), "y");
      await world.run(server.close({ drainMs: 0 }));
    });

    test(`${kind}: ${way}: let go of when the client never reads`, async () => {
      const { world, server, answers } = await unread(kind, way);
      await world.runUntil(() => server.stats.open === 0);
      await world.run(world.sleep(1000));
      assertEquals([server.stats.memory.unsent, server.stats.memory.total, server.stats.running], [0, 0, 0]);
      await world.run(server.close({ drainMs: 0 }));
      await world.run(Promise.all(answers));
    });
  }
}

test("answers that wait hold no slots of others, and those that are cancelled give their memory back", async () => {
  const { world, net, server, answers } = await unread("stream", "a result");
  await world.run(world.sleep(1000));
  assertEquals([server.stats.running, server.sessions[0].stats.inFlight > FRAMES / 2], [0, true]);
  const other = await world.run(
    dialClient("nnrp://server", { carriers: [net.stream({ link: "other" })], runtime: world.host("other") }),
  );
  assertEquals((await world.run(other.submit(say("small")))).text(), "y");
  const before = server.stats.memory.unsent;
  for (let id = 1; id <= FRAMES; id++) {
    server.sessions[0].sendResultDrop(id);
  }
  await world.run(world.sleep(6000)); // a tick
  assertGreater(before - server.stats.memory.unsent, FRAMES / 2 * RESULT);
  net.link().heal();
  await world.run(Promise.all(answers));
  await world.run(server.close({ drainMs: 0 }));
});
