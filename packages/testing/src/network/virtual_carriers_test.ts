import { carrierCases, type CarrierSetup } from "@nnrp/testing/carrier-suite";
import { test } from "node:test";
import { virtualWorld } from "../time/virtual_world.ts";
import { virtualNetwork } from "./network.ts";
import type { LinkWeather } from "./weather.ts";

const CLEAR: LinkWeather = {};
const SHAKY: LinkWeather = { latencyMs: 1, jitterMs: 2, split: "random" };
const NARROW: LinkWeather = { bytesPerSecond: 40_000_000 };

const CARRIERS: readonly (readonly [string, "stream" | "multiStream", boolean, LinkWeather])[] = [
  ["stream in clear weather", "stream", false, CLEAR],
  ["stream on a shaky path", "stream", false, SHAKY],
  ["stream that is read into memory, on a narrow path", "stream", true, NARROW],
  ["many streams in clear weather", "multiStream", false, CLEAR],
  ["many streams on a shaky path", "multiStream", false, SHAKY],
];

for (const [title, kind, readInto, weather] of CARRIERS) {
  let world = virtualWorld();
  let net = virtualNetwork(world);
  const carrier = () => net[kind]({ address: "127.0.0.1", readInto });
  const setup: CarrierSetup = {
    name: `virtual ${title}`,
    binding: carrier,
    dialer: carrier,
    pauses: { client: true, server: true },
    halfClose: true,
    sleep: (ms) => world.sleep(ms),
  };
  for (const { name, run } of carrierCases(setup)) {
    test(name, () => {
      world = virtualWorld({ seed: 7 });
      net = virtualNetwork(world, weather);
      return world.run(run);
    });
  }
}
