import { type Carrier, NnrpValueError } from "@nnrp/core";
import { Heard } from "@nnrp/testing/carrier-suite";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { virtualWorld } from "../time/virtual_world.ts";
import { type Fault, playFaults, printFaults } from "./fault_script.ts";
import { virtualNetwork } from "./network.ts";

const SCRIPT: readonly Fault[] = [
  { at: 100, fault: "freeze", link: "a", ms: 50 },
  { at: 200, fault: "blackhole", link: "a", direction: "down", ms: 50 },
  {
    at: 300,
    fault: "weather",
    link: "a",
    weather: { latencyMs: 40, down: { bytesPerSecond: Infinity } },
    ms: 50,
  },
  { at: 400, fault: "refuse dials", ms: 50 },
  { at: 500, fault: "stop host", host: "client", ms: 50, late: "data" },
  { at: 600, fault: "jump wall clock", host: "server", ms: -3_600_000 },
  { at: 700, fault: "cut", link: "a", reason: "a digger" },
  { at: 800, fault: "kill host", host: "server" },
];

test("a script happens when it says, to what it says, and ends when it says", async () => {
  const world = virtualWorld();
  const net = virtualNetwork(world);
  const link = net.link("a");
  const accepted: Carrier[] = [];
  await net.stream().listen((carrier) => accepted.push(carrier));
  const client = new Heard(await world.run(net.stream({ link: "a" }).dial({ host: "server", port: 4433 })));
  playFaults(net, SCRIPT);
  const wallMs = world.host("server").wallNow();
  const state = () =>
    [
      link.isStopped("up") ? "up stopped" : "",
      link.isStopped("down") ? "down stopped" : "",
      link.rttMs > 0 ? `${link.rttMs} ms` : "",
      link.dials === "accept" ? "" : link.dials,
      net.link("main").dials === "accept" ? "" : "main too",
      world.host("client").isFrozen ? "client frozen" : "",
      world.host("server").wallNow() < wallMs ? "server's clock behind" : "",
      client.events.join(),
    ].filter((words) => words !== "").join(", ");
  const states: string[] = [];
  for (let ms = 25; ms <= 725; ms += 50) {
    await world.advance(ms === 25 ? 25 : 50);
    states.push(state());
  }
  const behind = "server's clock behind";
  assertEquals(states, [
    ...["", "", "up stopped, down stopped", "", "down stopped", "", "80 ms", "", "refuse, main too", ""],
    ...["client frozen", "", behind, behind, `${behind}, closed`],
  ]);
  const server = world.host("server");
  await world.advance(100);
  assertEquals(server.isKilled, true);
  await assertRejects(() => world.run(net.stream().dial({ host: "server", port: 4433 })), Error, "refused");
});

test("what has not happened yet can be taken back", async () => {
  const world = virtualWorld();
  const net = virtualNetwork(world);
  const stop = playFaults(net, [{ at: 10, fault: "freeze" }, { at: 20, fault: "heal" }]);
  await world.advance(15);
  stop();
  await world.advance(15);
  assertEquals([net.link().isStopped("up"), world.pending()], [true, []]);
});

test("a printed script is the script", () => {
  const text = printFaults(SCRIPT);
  assertEquals(text.split("\n")[1], '  { at: 100, fault: "freeze", link: "a", ms: 50 },');
  assertEquals(new Function(`return ${text}`)(), SCRIPT);
  assertEquals(printFaults([]), "[\n]");
});

test("a fault that cannot be is refused by field, and nothing of its script happens", () => {
  const bad: [object, string][] = [
    [{ at: -1, fault: "cut" }, "at"],
    [{ at: NaN, fault: "cut" }, "at"],
    [{ at: 1, fault: "rain" }, "fault"],
    [{ at: 1, fault: "blackhole", direction: "sideways" }, "direction"],
    [{ at: 1, fault: "freeze", ms: NaN }, "ms"],
    [{ at: 1, fault: "weather", weather: { latencyMs: -1 } }, "latencyMs"],
    [{ at: 1, fault: "stop host", ms: 5 }, "host"],
    [{ at: 1, fault: "jump wall clock", host: "a" }, "ms"],
  ];
  for (const [fault, field] of bad) {
    const world = virtualWorld();
    const script = [{ at: 0, fault: "cut" }, fault] as Fault[];
    assertThrows(() => playFaults(virtualNetwork(world), script), NnrpValueError, field);
    assertEquals(world.pending(), []);
  }
});
