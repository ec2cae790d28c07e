/**
 * Reading and memory, in virtual time: a session that is not read is so for a moment only, nobody starves at the server's bound, and
 * the books say what is kept alive.
 */
import { type ClientSession, dialClient, type DialOptions } from "@nnrp/client";
import { CacheObjectKind, ErrorCode, NnrpProtocolError, SubmitMode, TypedPayload } from "@nnrp/core";
import { virtualNetwork, type VirtualWorld, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { test } from "node:test";
import { type Handler, type NnrpServer, serve, type ServeOptions } from "../mod.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const blob = (bytes: number) => ({ typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(bytes))] });

type Kind = "stream" | "multiStream";
const KINDS: readonly Kind[] = ["stream", "multiStream"];

/** A server and its clients. */
class House {
  readonly world: VirtualWorld = virtualWorld();
  readonly net = virtualNetwork(this.world, { latencyMs: 1 });
  readonly kind: Kind;
  server!: NnrpServer;

  constructor(kind: Kind = "stream") {
    this.kind = kind;
  }

  async serve(options: ServeOptions, handler: Handler): Promise<void> {
    const runtime = this.world.host("server");
    this.server = await this.world.run(
      serve({ listen: [this.net[this.kind]()], runtime, ...options }, handler),
    );
  }

  dial(options: DialOptions = {}): Promise<ClientSession> {
    const runtime = this.world.host("client");
    return this.world.run(
      dialClient("nnrp://server", { carriers: [this.net[this.kind]()], runtime, ...options }),
    );
  }

  /** Answers after so many ms. */
  after(ms: number): Handler {
    return async () => {
      await new Promise<void>((done) => this.world.host("server").after(ms, done));
      return say("done");
    };
  }

  sleep(ms: number): Promise<void> {
    return this.world.run(this.world.sleep(ms));
  }

  async close(): Promise<void> {
    await this.world.run(this.server.close({ drainMs: 0 }));
  }
}

/** How a submit ended, in a word. */
function outcome(submit: Promise<unknown>): Promise<string> {
  return submit.then(() => "ok", (error) => {
    if (error instanceof NnrpProtocolError && error.errorCode === ErrorCode.SERVER_BUSY) return "busy";
    return (error as Error).name;
  });
}

for (const kind of KINDS) {
  test(`${kind}: at the server's bound sessions take turns: one with small frames is served beside one that fills it`, async () => {
    const house = new House(kind);
    await house.serve({ maxServerBytes: MIB }, house.after(20));
    const greedy = await house.dial({ maxInFlight: 4 });
    const small = await house.dial();
    const done = { greedy: 0, small: 0 };
    let stop = false;
    const loop = async (session: ClientSession, key: "greedy" | "small", request: ReturnType<typeof say>) => {
      while (!stop) if (await outcome(session.submit(request)) === "ok") done[key]++;
    };
    const loops = [1, 2, 3, 4].map(() => loop(greedy, "greedy", blob(700_000)));
    loops.push(loop(small, "small", say("x")));
    await house.sleep(8000);
    stop = true;
    await house.world.run(Promise.all(loops));
    assertGreater(done.greedy, 50);
    assertGreater(done.small, 50);
    await house.close();
  });

  test(`${kind}: a cancel reaches the handler of a session that holds too much, within the pause`, async () => {
    const house = new House(kind);
    let abortedMs = Infinity;
    await house.serve({ maxSessionBytes: 100_000, maxPauseMs: 700 }, (frame) => {
      if (frame.byteLength < 1000) return say("pong");
      return new Promise((done) =>
        frame.signal.addEventListener("abort", () => {
          abortedMs = house.world.now();
          done(say("late"));
        })
      );
    });
    const session = await house.dial();
    const cancel = new AbortController();
    const large = outcome(session.submit(blob(150_000), { signal: cancel.signal }));
    await house.world.runUntil(() => house.server.stats.running === 1);
    const cancelledMs = house.world.now();
    cancel.abort();
    assertEquals(await house.world.run(large), "NnrpCancelledError");
    assertEquals(await house.world.run(outcome(session.submit(say("next")))), "ok");
    assertLessOrEqual(abortedMs - cancelledMs, 750);
    await house.close();
  });

  test(`${kind}: after the pause frames without room are answered SERVER_BUSY, control works, and nobody gives anybody up`, async () => {
    const house = new House(kind);
    await house.serve(
      { maxSessionBytes: 4 * MIB, idleTimeoutMs: 3000, sendStallMs: 2000 },
      house.after(15_000),
    );
    const session = await house.dial({ keepAliveMs: 500 });
    const all = Promise.all(Array.from({ length: 8 }, () => outcome(session.submit(blob(2 * MIB)))));
    await house.sleep(5000);
    const rtt = await house.world.run(session.ping());
    assertLess(rtt, 1000);
    const ends = await house.world.run(all);
    const ok = ends.filter((end) => end === "ok").length;
    assertEquals(ends.filter((end) => end === "busy").length, 8 - ok, ends.join());
    assert(ok >= 2 && ok < 8, ends.join());
    assertEquals([session.state, house.server.stats.bytesInFlight], ["active", 0]);
    assertEquals(await house.world.run(outcome(session.submit(say("after")))), "ok");
    await house.close();
  });
}

test("a pause that ends within its time loses nothing, whatever was sent meanwhile", async () => {
  const house = new House();
  await house.serve({ maxSessionBytes: MIB }, house.after(100));
  const session = await house.dial();
  const ends = await house.world.run(
    Promise.all(Array.from({ length: 40 }, () => outcome(session.submit(blob(300_000))))),
  );
  assertEquals(ends.filter((end) => end !== "ok"), []);
  await house.close();
});

test("the client hears of a pause by credit 0, and gets back what it had, or what the application said", async () => {
  for (const said of [undefined, 5, 0]) {
    const house = new House();
    await house.serve(
      { maxSessionBytes: 100_000, maxPauseMs: 10_000 },
      (frame) => frame.byteLength < 1000 ? say("small") : house.after(3000)(frame, undefined as never),
    );
    const session = await house.dial();
    const credits: number[] = [];
    void (async () => {
      for await (const { metadata } of session.flowUpdates()) credits.push(metadata.sessionCredit);
    })();
    if (said !== undefined) house.server.sessions[0].sendFlowUpdate({ credit: said });
    const large = outcome(session.submit(blob(150_000)));
    if (said === 0) {
      await house.sleep(500);
      assertEquals(credits, [0, 0]);
      house.server.sessions[0].sendFlowUpdate({ credit: 7 });
    }
    assertEquals(await house.world.run(large), "ok");
    await house.sleep(100);
    assertEquals(credits, said === 0 ? [0, 0, 7, 7] : said === undefined ? [0, 64] : [said, 0, said]);
    assertEquals(await house.world.run(outcome(session.submit(say("x")))), "ok");
    await house.close();
  }
});

test("silence of a client that is not read is not its own, however short the idle time", async () => {
  const house = new House();
  await house.serve(
    { maxSessionBytes: 100_000, idleTimeoutMs: 2000, maxPauseMs: Infinity },
    house.after(9000),
  );
  const session = await house.dial({ keepAliveMs: 500 });
  assertEquals(await house.world.run(outcome(session.submit(blob(150_000)))), "ok");
  assertEquals(session.state, "active");
  await house.close();
});

test("a validator that thinks for longer than the idle time does not make its client silent", async () => {
  const house = new House();
  const runtime = house.world.host("server");
  await house.serve({
    idleTimeoutMs: 1000,
    authValidator: async () => {
      await new Promise<void>((done) => runtime.after(4000, done));
      return true;
    },
  }, () => say("x"));
  const session = await house.dial({ timeoutMs: 20_000 });
  assertEquals(session.state, "active");
  await house.close();
});

test("a client that is gone while it is not read is noticed once the pause is over", async () => {
  const house = new House();
  let abortedMs = Infinity;
  await house.serve(
    { maxSessionBytes: 100_000 },
    (frame) =>
      new Promise((done) =>
        frame.signal.addEventListener("abort", () => {
          abortedMs = house.world.now();
          done(say("x"));
        })
      ),
  );
  const session = await house.dial({ migrationToken: false });
  const large = outcome(session.submit(blob(200_000)));
  await house.world.runUntil(() => house.server.stats.running === 1);
  const goneMs = house.world.now();
  house.net.link().cut();
  await house.world.run(large);
  await house.world.runUntil(() => abortedMs < Infinity);
  assertLessOrEqual(abortedMs - goneMs, 1100);
  await house.close();
});

test("a client that does not take its answers gets no new ones: handlers of its session are not started until it has taken them", async () => {
  const house = new House();
  let started = 0;
  await house.serve(
    { maxSendBufferBytes: MIB, concurrency: 2, maxQueuedFrames: 200, sendStallMs: Infinity },
    () => {
      started++;
      return blob(MIB);
    },
  );
  const session = await house.dial();
  const all = Promise.all(Array.from({ length: 60 }, () => outcome(session.submit(say("x")))));
  await house.world.runUntil(() => started > 0);
  house.net.link().freeze();
  await house.sleep(20_000);
  assertLess(started, 6);
  assertLess(house.server.stats.memory.unsent, 6 * MIB);
  house.net.link().heal();
  const ends = await house.world.run(all);
  assertEquals(ends.filter((end) => end !== "ok"), []);
  await house.close();
});

test("objects that frames in flight keep alive are in the books, each once, and are gone with the frames", async () => {
  const house = new House();
  await house.serve({ maxSessionBytes: 3 * MIB, maxPauseMs: 200 }, house.after(4000));
  const session = await house.dial();
  const data = new Uint8Array(MIB);
  const ends: Promise<string>[] = [];
  let most = 0;
  for (let i = 0; i < 12; i++) {
    const putting = session.putCache({ kind: CacheObjectKind.CAMERA_BLOCK, key: 7n, data });
    const put = await house.world.run(putting);
    const request = { submitMode: SubmitMode.REFERENCE, objectRefMask: 1, cameraReference: put.reference };
    // Twice the same object: it is kept alive once.
    for (const _ of [1, 2]) ends.push(outcome(session.submit(request)));
    await house.sleep(10);
    most = Math.max(most, house.server.stats.memory.resolved);
  }
  const all = await house.world.run(Promise.all(ends));
  assertGreater(most, 2 * MIB);
  assertLessOrEqual(most, 5 * MIB);
  assert(all.filter((end) => end === "ok").length >= 6, all.join());
  const { resolved, cached } = house.server.stats.memory;
  assertEquals([resolved, cached], [0, MIB]);
  await house.close();
});

test("sessions that wait for their clients are in the books, and the first to go when the server is full", async () => {
  const house = new House();
  await house.serve({ maxServerBytes: 5 * MIB, profile: { maxCacheBytes: 2 * MIB } }, () => say("x"));
  for (let i = 0; i < 12; i++) {
    const session = await house.dial({ reconnect: false });
    const data = new Uint8Array(MIB);
    await house.world.run(session.putCache({ kind: CacheObjectKind.CAMERA_BLOCK, key: 1n, data }));
    house.net.link().cut();
    await house.world.runUntil(() => house.server.stats.open === 0);
    const { memory, suspended } = house.server.stats;
    assertLessOrEqual(memory.total, 5 * MIB);
    assertEquals([memory.suspended, memory.cached], [suspended * MIB, 0]);
  }
  assertGreater(house.server.stats.suspended, 2);
  const session = await house.dial();
  assertEquals(await house.world.run(outcome(session.submit(say("x")))), "ok");
  await house.close();
});

test("caches take half of the server's memory at most: frames go on", async () => {
  const house = new House();
  await house.serve({ maxServerBytes: 2 * MIB }, () => say("x"));
  const sessions: ClientSession[] = [];
  let usable = 0;
  for (let i = 0; i < 4; i++) {
    const session = await house.dial();
    sessions.push(session);
    for (let key = 0n; key < 4n; key++) {
      const data = new Uint8Array(200 * KIB);
      const put = await house.world.run(session.putCache({ kind: CacheObjectKind.CAMERA_BLOCK, key, data }));
      if (put.usable) usable++;
    }
  }
  assertGreater(usable, 3);
  assertLessOrEqual(house.server.stats.memory.cached, MIB);
  for (const session of sessions) {
    assertEquals(await house.world.run(outcome(session.submit(blob(300_000)))), "ok");
  }
  await house.close();
});
