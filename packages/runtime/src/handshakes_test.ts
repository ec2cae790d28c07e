import { NnrpConnectionClosedError, NnrpLimitError, NnrpTimeoutError, NnrpTransportError } from "@nnrp/core";
import { virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { test } from "node:test";
import { type HandshakeKind, Handshakes } from "./handshakes.ts";

const KIND: HandshakeKind = { carrier: "tls", what: "TLS handshake", explain: (cause) => `because ${cause}` };

function listening(options: { maxHandshakes?: number; handshakeTimeoutMs?: number } = {}) {
  const world = virtualWorld();
  const host = world.host("server");
  const told: (readonly [string, Error])[] = [];
  const dropped: string[] = [];
  const handshakes = new Handshakes(KIND, host, { ...options, failed: (...what) => told.push(what) });
  const begin = (remote: string) => handshakes.begin(remote, () => dropped.push(remote));
  return { world, host, told, dropped, handshakes, begin };
}

test("a handshake has its time in all, ten seconds unless it is said otherwise, and is told once", async () => {
  for (
    const [options, limitMs] of [[{}, 10_000], [
      { handshakeTimeoutMs: 30 * 24 * 3_600_000 },
      30 * 86_400_000,
    ]] as const
  ) {
    const { world, host, told, dropped, begin } = listening(options);
    const handshake = begin("peer")!;
    await world.run(host.sleep(limitMs - 1), { limitMs: Infinity });
    assertEquals([told.length, dropped.length], [0, 0]);
    await world.run(host.sleep(2), { limitMs: Infinity });
    assertEquals(dropped, ["peer"]);
    assertInstanceOf(told[0][1], NnrpTimeoutError);
    assertEquals(handshake.succeeded(), false, "whoever is late is not taken");
    handshake.failed(new Error("cut"));
    assertEquals(told.length, 1);
  }
});

test("one too many is told and not taken, and there is room again once another is through", () => {
  const { told, dropped, handshakes, begin } = listening({ maxHandshakes: 2 });
  const first = begin("a")!;
  assert(begin("b") !== null && !told.length && handshakes.isFull);
  assertEquals(begin("c"), null);
  assertInstanceOf(told[0][1], NnrpLimitError);
  assertEquals([told[0][0], told.length, dropped.length], ["c", 1, 0]);
  assert(first.succeeded());
  assert(!handshakes.isFull && begin("d") !== null);
});

test("failures are told in words, errors of ours as they are; those that are through are told nothing", () => {
  const { host, told, dropped, begin } = listening();
  begin("a")!.failed("no cipher");
  assertInstanceOf(told[0][1], NnrpTransportError);
  assert(told[0][1].message.includes("the TLS handshake failed: because no cipher"));
  const own = new NnrpTransportError("tls", "refused");
  begin("b")!.failed(own);
  assertEquals(told[1][1], own);
  const through = begin("c")!;
  through.succeeded();
  through.failed("later");
  assertEquals([told.length, dropped.length, host.pendingTimers().length], [2, 0, 0]);
});

test("a listener that closes drops those under way, and no others", () => {
  const { host, told, dropped, handshakes, begin } = listening();
  begin("through")!.succeeded();
  begin("a");
  begin("b");
  handshakes.close();
  assertEquals([dropped, told.map(([remote]) => remote)], [["a", "b"], ["a", "b"]]);
  assertInstanceOf(told[0][1], NnrpConnectionClosedError);
  assertEquals(host.pendingTimers().length, 0);
});
