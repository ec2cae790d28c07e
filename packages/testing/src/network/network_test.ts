import { type Carrier, HeaderOffset, MessageType, NnrpTransportError, NnrpValueError } from "@nnrp/core";
import { Heard } from "@nnrp/testing/carrier-suite";
import { headerBytes, patterned } from "@nnrp/testing/packets";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { type VirtualWorld, virtualWorld } from "../time/virtual_world.ts";
import { type VirtualNetwork, virtualNetwork } from "./network.ts";
import type { LinkWeather, Split, Weather } from "./weather.ts";

const KINDS = ["stream", "multiStream"] as const;
type Kind = typeof KINDS[number];
const TARGET = { host: "server", port: 4433 };

interface Ends {
  readonly world: VirtualWorld;
  readonly net: VirtualNetwork;
  readonly client: Heard;
  readonly server: Heard;
  readonly accepted: readonly Carrier[];
}

async function connect(kind: Kind, weather: LinkWeather = {}, seed = 1): Promise<Ends> {
  const world = virtualWorld({ seed });
  const net = virtualNetwork(world, weather);
  const accepted: Carrier[] = [];
  await net[kind]().listen((carrier) => accepted.push(carrier));
  const dialled = await world.run(net[kind]().dial(TARGET));
  await world.runUntil(() => accepted.length === 1);
  return { world, net, client: new Heard(dialled, true), server: new Heard(accepted[0], true), accepted };
}

/** Nothing that was sent is on its way or unread any more. */
const quiet = ({ world }: Ends) => world.runToIdle();

const weathers: fc.Arbitrary<Partial<Weather>> = fc.record({
  latencyMs: fc.integer({ min: 0, max: 200 }),
  jitterMs: fc.double({ min: 0, max: 100, noNaN: true }),
  bytesPerSecond: fc.constantFrom(2000, 100_000, Infinity),
  readBytesPerSecond: fc.constantFrom(5000, Infinity),
  sendBufferBytes: fc.integer({ min: 1, max: 5000 }),
  receiveBufferBytes: fc.integer({ min: 1, max: 5000 }),
  split: fc.constantFrom<Split>("whole", "random", "bytes", () => 7, () => 0),
});

for (const kind of KINDS) {
  test(`${kind}: whatever the weather, all packets arrive whole and in order, and the ends after them`, async () => {
    await fc.assert(
      fc.asyncProperty(
        weathers,
        weathers,
        fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 6 }),
        fc.nat(),
        async (up, down, sizes, seed) => {
          const ends = await connect(kind, { up, down }, seed);
          const { client, server } = ends;
          sizes.forEach((size, i) => {
            client.send(i, patterned(size, i));
            server.send(i, patterned(size, i + 1));
          });
          client.carrier.endSending();
          server.carrier.endSending();
          await quiet(ends);
          for (const [side, seedOf] of [[server, 0], [client, 1]] as const) {
            assertEquals(side.frames, sizes.map((_, i) => i));
            sizes.forEach((size, i) => assertEquals(side.bodies[i], patterned(size, i + seedOf)));
            assertEquals(side.events[0], "end"); // one stream that both have ended is closed at once, too
          }
          assertEquals([client.carrier.bufferedBytes, server.carrier.bufferedBytes], [0, 0]);
          assertEquals(client.carrier.sentBytes, server.carrier.receivedBytes);
          await ends.world.run(Promise.all([client.carrier.close(), server.carrier.close()]));
          assertEquals([client.info?.error, server.info?.error], [undefined, undefined]);
          assertEquals(ends.net.link().connections, []);
        },
      ),
      { numRuns: 40 },
    );
  });

  test(`${kind}: the same seed plays the same, another seed not`, async () => {
    const play = async (seed: number) => {
      const ends = await connect(kind, { latencyMs: 10, jitterMs: 9, split: "random" }, seed);
      for (let i = 0; i < 20; i++) {
        ends.client.send(i, patterned(500, i));
        await ends.world.advance(3);
      }
      await quiet(ends);
      return `${ends.world.trace.hash} ${ends.world.now()} ${ends.world.trace.count}`;
    };
    assertEquals(await play(5), await play(5));
    assert(await play(5) !== await play(6));
  });

  test(`${kind}: a reader that is paused holds the writer up; systems hold what their buffers have, no more`, async () => {
    const ends = await connect(kind, { sendBufferBytes: 30_000, receiveBufferBytes: 20_000, latencyMs: 5 });
    const { client, server } = ends;
    server.carrier.pause();
    for (let i = 0; i < 10; i++) client.send(i, patterned(10_000, i));
    await quiet(ends);
    const taken = client.carrier.sentBytes;
    const buffers = kind === "stream" ? [46_000, 50_000] : [46_000, 100_000]; // control has buffers of its own
    assert(taken >= buffers[0] && taken <= buffers[1], `${taken} bytes taken`);
    assertEquals([server.carrier.receivedBytes, server.frames], [0, []]);
    let drained = false;
    void client.carrier.drained().then(() => drained = true);
    await ends.world.advance(60_000);
    assertEquals(drained, false);
    server.carrier.resume();
    await quiet(ends);
    assertEquals([server.frames.length, drained, client.carrier.bufferedBytes], [10, true, 0]);
  });

  test(`${kind}: a frozen path is half-open: nothing moves, nobody is told, all arrives once it heals`, async () => {
    const ends = await connect(kind, { latencyMs: 10 });
    const { world, net, client, server } = ends;
    client.send(1);
    await world.advance(5); // on its way
    net.link().freeze();
    client.send(2);
    server.send(3);
    await world.advance(3_600_000);
    assertEquals([client.frames, client.events, server.frames, server.events], [[], [], [], []]);
    net.link().heal();
    await quiet(ends);
    assertEquals([client.frames, server.frames], [[3], [1, 2]]);
  });

  test(`${kind}: a path that swallows one direction works in the other`, async () => {
    const ends = await connect(kind, { latencyMs: 10 });
    const { world, net, client, server } = ends;
    net.link().blackhole("up");
    client.send(1);
    server.send(2);
    await world.advance(3_600_000);
    assertEquals([client.frames, server.frames, server.events], [[2], [], []]);
    net.link().heal();
    await quiet(ends);
    assertEquals(server.frames, [1]);
  });

  test(`${kind}: a cut tells both ends with an error, after what had arrived`, async () => {
    const ends = await connect(kind, { latencyMs: 10 });
    const { world, net, client, server } = ends;
    client.send(1, patterned(100, 1));
    await world.advance(15); // arrived
    client.send(2);
    server.send(3);
    await world.advance(5); // on their way
    net.link().cut("a digger");
    await quiet(ends);
    assertEquals([server.frames, client.frames], [[1], []]);
    for (const side of [client, server]) {
      assertEquals(side.events, ["closed"]);
      assert(side.info!.error!.message.includes("a digger"));
      assertEquals(side.info!.local, false);
      side.send(4);
      await side.carrier.drained();
      await side.carrier.close();
    }
    await quiet(ends);
    assertEquals([client.events, server.events], [["closed"], ["closed"]]);
    assertEquals(net.link().connections, []);
  });

  test(`${kind}: a frozen host's connections take bytes until its buffers are full; it reads them when it goes on`, async () => {
    const ends = await connect(kind, { receiveBufferBytes: 20_000, sendBufferBytes: 20_000 });
    const { world, client, server } = ends;
    world.host("server").freeze(60_000);
    for (let i = 0; i < 10; i++) client.send(i, patterned(10_000, i));
    await world.advance(59_000);
    assertEquals(server.carrier.receivedBytes, 0);
    assert(client.carrier.bufferedBytes > 0);
    await quiet(ends);
    assertEquals([server.frames.length, server.events], [10, []]);
  });

  test(`${kind}: a host that is killed is gone for its peer, and hears nothing itself`, async () => {
    const ends = await connect(kind, { latencyMs: 10 });
    const { world, client, server } = ends;
    world.host("server").kill();
    client.send(1);
    await quiet(ends);
    assert(client.events.length > 0);
    assertEquals([server.frames, server.events], [[], []]);
    await assertRejects(
      () => world.run(ends.net[kind]().dial(TARGET)),
      NnrpTransportError,
      "connection refused",
    );
  });

  test(`${kind}: dials take a round trip; they are refused, or hear nothing until the system gives up or the caller`, async () => {
    const ends = await connect(kind, { latencyMs: 10 });
    const { world, net } = ends;
    const link = net.link("second");
    const carrier = net[kind]({ link: "second", connectTimeoutMs: 5000 });
    const timed = async (dial: Promise<unknown>) => {
      const startMs = world.now();
      await dial.catch(() => {});
      return Math.round(world.now() - startMs);
    };
    assertEquals(await world.run(() => timed(carrier.dial(TARGET))), 20);
    link.dials = "refuse";
    assertEquals(await world.run(() => timed(carrier.dial(TARGET))), 20);
    await assertRejects(
      () => world.run(carrier.dial(TARGET)),
      NnrpTransportError,
      "server:4433: connection refused",
    );
    link.dials = "ignore";
    assertEquals(await world.run(() => timed(carrier.dial(TARGET))), 5000);
    await assertRejects(() => world.run(carrier.dial(TARGET)), NnrpTransportError, "timed out");
    link.dials = "accept";
    link.freeze();
    const controller = new AbortController();
    const dial = carrier.dial(TARGET, { signal: controller.signal });
    world.after(50, () => controller.abort(new RangeError("enough")));
    await assertRejects(() => world.run(dial), RangeError, "enough");
    link.heal();
    await quiet(ends); // the connection was made all the same, and let go
    const late = new Heard(ends.accepted.at(-1)!);
    await quiet(ends);
    assertEquals([ends.accepted.length, late.events[0]], [3, kind === "stream" ? "end" : "closed"]);
    await assertRejects(
      () => world.run(carrier.dial({ host: "nobody", port: 1 })),
      NnrpTransportError,
      "refused",
    );
  });

  test(`${kind}: bytes take as long as the path is narrow, all connections together`, async () => {
    const ends = await connect(kind, { bytesPerSecond: 10_000, latencyMs: 100 });
    const startMs = ends.world.now();
    ends.client.send(1, patterned(9_960, 1)); // with its header 10,000 bytes
    await ends.world.runUntil(() => ends.server.frames.length === 1);
    assertEquals(Math.round(ends.world.now() - startMs), 1100);
  });
}

test("streams overtake each other, bytes of one do not", async () => {
  const ends = await connect("multiStream", { jitterMs: 50 });
  const { client, server } = ends;
  const send = (frameId: number) => {
    const out = client.carrier.begin("submit", frameId, 0);
    const at = out.reserve(40);
    out.bytes.set(headerOfSubmit(frameId), at);
    client.carrier.commit("submit", frameId, 0, true);
  };
  client.send(1000); // control first: frames wait for it
  for (let id = 1; id <= 30; id++) send(id);
  await quiet(ends);
  assertEquals(server.frames[0], 1000);
  const frames = server.frames.slice(1);
  assert(String(frames) !== String([...frames].sort((a, b) => a - b)), "some came out of order");
  assertEquals([...frames].sort((a, b) => a - b), Array.from({ length: 30 }, (_, i) => i + 1));
});

test("weather can change under way, for one direction or both, and what cannot be is refused", async () => {
  const ends = await connect("stream");
  const { world, net, client, server } = ends;
  net.link().set({ latencyMs: 30, down: { latencyMs: 100 } });
  assertEquals(net.link().rttMs, 130);
  const startMs = world.now();
  server.send(1);
  await world.runUntil(() => client.frames.length === 1);
  assertEquals(Math.round(world.now() - startMs), 100);
  const bad: Partial<Weather>[] = [
    { latencyMs: -1 },
    { latencyMs: Infinity },
    { jitterMs: NaN },
    { bytesPerSecond: 0 },
    { readBytesPerSecond: -1 },
    { sendBufferBytes: 0 },
    { receiveBufferBytes: NaN },
    { split: "halves" as Split },
  ];
  for (const weather of bad) {
    assertThrows(() => net.link().set(weather), NnrpValueError, Object.keys(weather)[0]);
    assertThrows(() => virtualNetwork(world, { up: weather }), NnrpValueError, Object.keys(weather)[0]);
  }
});

test("an address is taken once, and free again after its listener is closed", async () => {
  const net = virtualNetwork(virtualWorld());
  const first = await net.stream().listen(() => {});
  await assertRejects(() => net.stream().listen(() => {}), NnrpTransportError, "address in use");
  await net.multiStream().listen(() => {}); // as UDP beside TCP
  await net.stream({ port: 1 }).listen(() => {});
  await first.close();
  await net.stream().listen(() => {});
});

test("hosts of another world, and real ones, are refused", () => {
  const net = virtualNetwork(virtualWorld());
  const other = virtualWorld().host("a");
  assertThrows(() => void net.stream({ host: other }).dial(TARGET), NnrpValueError, "another world");
  const real = { runtime: { now: () => 0 } } as object;
  assertThrows(() => void net.stream().dial(TARGET, real), NnrpValueError, "runtime");
});

function headerOfSubmit(frameId: number): Uint8Array {
  const bytes = headerBytes({ type: MessageType.FRAME_SUBMIT });
  new DataView(bytes.buffer).setUint32(HeaderOffset.FRAME_ID, frameId, true);
  return bytes;
}

for (const kind of KINDS) {
  test(`${kind}: a connection tells what lies unread at an end, and which end went first, and why`, async () => {
    const ends = await connect(kind);
    const { world, net, client, server, accepted } = ends;
    const [connection] = net.link().connections;
    client.send(1, patterned(1000, 1));
    await world.advance(100);
    const before = connection.arrivals.server.arrivedBytes;
    assert(before >= 1000 && connection.arrivals.server.unreadBytes === 0);

    connection.server.freeze(60_000); // its system takes bytes, its program does not
    const sentMs = world.now();
    client.send(2, patterned(1000, 2));
    await world.advance(1000);
    const { unreadBytes, arrivedBytes, lastArrivalMs } = connection.arrivals.server;
    assert(unreadBytes >= 1000 && arrivedBytes === before + unreadBytes);
    assert(lastArrivalMs >= sentMs && lastArrivalMs <= world.now());
    assertEquals(connection.ends, []);

    void accepted[0].close({ graceful: false }); // gives up although bytes wait
    assertEquals(connection.ends.map(({ side, by }) => [side, by]), [["server", "itself"]]);
    assertEquals(connection.ends[0].unreadBytes, unreadBytes);
    assertEquals(connection.ends[0].atMs, world.now());
    await quiet(ends);
    void client.carrier.close({ graceful: false });
    await quiet(ends);
    assertEquals(connection.ends.map(({ side }) => side), ["server", "client"]);
    assert(server.info !== null && client.info !== null);
  });

  test(`${kind}: ends that are cut or killed say so`, async () => {
    const cut = await connect(kind);
    const [one] = cut.net.link().connections;
    one.cut();
    await quiet(cut);
    assertEquals(one.ends.map(({ by }) => by), ["network", "network"]);
    const killed = await connect(kind);
    const [other] = killed.net.link().connections;
    other.client.kill();
    await quiet(killed);
    assertEquals([other.ends[0].side, other.ends[0].by], ["client", "killed"]);
  });
}
