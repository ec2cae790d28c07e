import { memoryNetwork, NnrpTimeoutError, NnrpTransportError, NnrpValueError } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { until } from "../../../tests/support/raw_peer.ts";
import { fakeDialer, QUIC, settle, TCP } from "../tests/fake_carriers.ts";
import { dialClient, type DialOptions } from "./dial.ts";
import { PathKeeper, type PathLook, type PathPolicy } from "./path_keeper.ts";
import type { ClientSession } from "./session.ts";
import { virtualWorld } from "@nnrp/testing";

/** A server with roads of several names to it. Pings of the session take as long as the test says. */
async function roads(names: readonly string[], options: DialOptions = {}, serverOptions = {}) {
  const net = memoryNetwork();
  const server = await serve({ ...serverOptions, listen: [net] }, () => ({}));
  const blocked = new Set<string>();
  const dialers = names.map((name) =>
    fakeDialer(name, {
      transport: name === "quic" ? QUIC : TCP,
      encrypted: name !== "plain",
      connect: () =>
        blocked.has(name)
          ? Promise.reject(new NnrpTransportError(name, "blocked"))
          : net.dial({ host: "memory", port: 1 }),
    })
  );
  const session = await dialClient("nnrp://127.0.0.1:1", { carriers: dialers, ...options });
  const pings = { ms: 1000, failing: false };
  const realPing = session.ping.bind(session);
  Object.assign(session, {
    ping: async (how: { timeoutMs?: number }) => {
      if (pings.failing) throw new NnrpTimeoutError("the PONG", how.timeoutMs!);
      await realPing(how);
      return pings.ms;
    },
  });
  const end = async () => {
    await session.close();
    await server.close();
  };
  return { server, session, dialers, blocked, pings, end };
}

/** A keeper that looks only when it is told to. */
function keeperOf(session: ClientSession, policy: PathPolicy = {}): PathKeeper {
  return new PathKeeper(session, { probeIntervalMs: Infinity, ...policy });
}

test("a path that is better by the given ms is taken, by name", async () => {
  const { session, pings, end } = await roads(["tcp", "websocket"]);
  pings.ms = 60_000;
  const keeper = keeperOf(session, { minRttImprovementMs: 1000 });
  const look = await keeper.look();
  assertEquals([look.outcome, session.carrierName, session.stats.moves], ["success", "websocket", 1]);
  assertEquals([look.presentRttMs, look.failures, Object.keys(look.otherRttMs)], [60_000, 0, ["websocket"]]);
  await end();
});

test("a path that is not better by so much is left alone; 0 wants a gain, too", async () => {
  const { session, pings, dialers, end } = await roads(["tcp", "websocket"]);
  for (const [ms, minRttImprovementMs] of [[60_000, 60_001], [0, 0], [-1, 0]]) {
    pings.ms = ms;
    const look = await keeperOf(session, { minRttImprovementMs }).look();
    assertEquals([look.outcome, session.stats.moves], ["skipped", 0]);
    assert(look.otherRttMs.websocket > 0);
  }
  assertEquals(dialers[1].dialled.length, 9, "three probes each");
  pings.ms = 60_000;
  assertEquals((await keeperOf(session, { minRttImprovementMs: 0 }).look()).outcome, "success");
  await end();
});

test("after so many looks without an answer here any path that answers is taken", async () => {
  const { session, pings, end } = await roads(["tcp", "websocket"]);
  const keeper = keeperOf(session, { maxConsecutiveFailures: 3, timeoutMs: 1000 });
  pings.failing = true;
  const looks: PathLook[] = [];
  for (let i = 0; i < 3; i++) looks.push(await keeper.look());
  assertEquals(looks.map((l) => [l.failures, l.outcome, l.presentRttMs]), [
    [1, "skipped", undefined],
    [2, "skipped", undefined],
    [3, "success", undefined],
  ]);
  assertEquals(session.carrierName, "websocket");
  assertEquals((await keeper.look()).failures, 1, "counted anew on the new path");
  await end();
});

test("an answer in between begins the count anew", async () => {
  const { session, pings, end } = await roads(["tcp", "websocket"]);
  pings.ms = 0;
  const keeper = keeperOf(session, { maxConsecutiveFailures: 2 });
  const failures: number[] = [];
  for (const failing of [true, false, true, false]) {
    pings.failing = failing;
    failures.push((await keeper.look()).failures);
  }
  assertEquals([failures, session.stats.moves], [[1, 0, 1, 0], 0]);
  await end();
});

test("no other path answers: nothing to move to, however bad the present one is", async () => {
  const { session, pings, blocked, end } = await roads(["tcp", "websocket"]);
  blocked.add("websocket");
  pings.failing = true;
  const keeper = keeperOf(session, { maxConsecutiveFailures: 1 });
  const look = await keeper.look();
  assertEquals([look.outcome, look.otherRttMs, look.failures], ["skipped", {}, 1]);
  await end();
});

test("the best of several is taken", async () => {
  const { session, pings, blocked, end } = await roads(["tcp", "websocket", "tls", "quic"], {
    dialPolicy: { selectedTransportId: TCP },
  });
  blocked.add("websocket").add("quic");
  pings.ms = 60_000;
  const look = await keeperOf(session).look();
  assertEquals([look.outcome, session.carrierName, Object.keys(look.otherRttMs)], ["success", "tls", [
    "tls",
  ]]);
  await end();
});

test("a move that is refused or cannot be made is reported as failed, and the session goes on", async () => {
  const toTcp = { dialPolicy: { selectedTransportId: TCP } };
  const refusing = await roads(["tcp", "quic"], toTcp, { migration: { enabled: false } });
  refusing.pings.ms = 60_000;
  const refused = await keeperOf(refusing.session).look();
  assertEquals([refused.outcome, refusing.session.stats.moves, refusing.session.state], [
    "failed",
    0,
    "active",
  ]);
  await refusing.end();

  const { session, pings, dialers, end } = await roads(["tcp", "websocket"]);
  pings.ms = 60_000;
  const look = await keeperOf(session, {
    migrate: { carriers: [dialers[0]] }, // the one that is better is not among them
  }).look();
  assertEquals([look.outcome, session.carrierName], ["failed", "tcp"]);
  await end();
});

test("paths that may not be taken are not probed: plain text to another machine, without a token the same transport", async () => {
  const far = await roads(["quic", "plain"], {});
  const { origin } = far.session;
  const target = { ...origin!.target, endpoint: { ...origin!.target.endpoint, host: "192.0.2.1" } };
  const as = (allowPlaintextAuth: boolean) =>
    new Proxy(far.session, {
      get: (session, key) => {
        if (key === "origin") return { ...origin, target, allowPlaintextAuth };
        const value = Reflect.get(session, key, session);
        return typeof value === "function" ? value.bind(session) : value;
      },
    });
  far.pings.ms = 0;
  assertEquals([(await keeperOf(as(false)).look()).otherRttMs, far.dialers[1].dialled.length], [{}, 0]);
  await keeperOf(as(false), { migrate: { allowPlaintextAuth: true } }).look();
  await keeperOf(as(true)).look();
  assertEquals(far.dialers[1].dialled.length, 6);
  await far.end();

  const without = await roads(["quic", "webtransport", "tcp"], { migrationToken: false });
  without.pings.ms = 0;
  const look = await keeperOf(without.session).look();
  assertEquals(Object.keys(look.otherRttMs).sort(), ["tcp", "webtransport"]);
  await without.end();
});

test("the keeper looks from time to time and tells of each look, until it or the session is closed", async () => {
  for (const who of ["keeper", "session"]) {
    const world = virtualWorld();
    const hosts = [world.host("client"), world.host("server")];
    await world.run(async () => {
      const [client, server] = hosts.map((runtime) => ({ runtime }));
      const { session, dialers, pings, end } = await roads(["tcp", "websocket"], client, server);
      pings.ms = 0;
      const looks: PathLook[] = [];
      const keeper = new PathKeeper(session, {
        probeIntervalMs: 1000,
        onLook: (look) => void looks.push(look),
      });
      await world.sleep(3500);
      assertEquals(looks.length, 3);
      if (who === "keeper") keeper.close();
      else await session.close();
      const dials = dialers[1].dialled.length;
      await world.sleep(60_000);
      assertEquals([looks.length, dialers[1].dialled.length], [3, dials]);
      assertEquals(session.stats.moves, 0);
      await end();
    });
  }
});

test("a listener that throws does not end the watch", async () => {
  const { session, pings, end } = await roads(["tcp", "websocket"]);
  pings.ms = 0;
  let looks = 0;
  const onLook = () => {
    looks++;
    throw new Error("broken listener");
  };
  new PathKeeper(session, { probeIntervalMs: 1, onLook });
  await until(() => looks >= 3, "three looks");
  await end();
});

test("a session that was not dialled has no other paths", async () => {
  const net = memoryNetwork();
  const server = await serve({ listen: [net] }, () => ({}));
  const { connectClientSession } = await import("./connect.ts");
  const session = await connectClientSession(await net.dial({ host: "memory", port: 1 }));
  const look = await keeperOf(session).look();
  assertEquals([look.otherRttMs, look.outcome, look.presentRttMs! >= 0], [{}, "skipped", true]);
  await session.close();
  await settle();
  await server.close();
});

test("policies out of range are refused", async () => {
  const { session, end } = await roads(["tcp"]);
  const bad: PathPolicy[] = [
    { minRttImprovementMs: -1 },
    { minRttImprovementMs: NaN },
    { probeIntervalMs: 0 },
    { probeIntervalMs: NaN },
    { maxConsecutiveFailures: 0 },
    { maxConsecutiveFailures: NaN },
  ];
  for (const policy of bad) {
    assertThrows(() => new PathKeeper(session, policy), NnrpValueError, "out of range");
  }
  await end();
});
