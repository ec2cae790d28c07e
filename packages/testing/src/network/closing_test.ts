import type { Carrier, CarrierCloseOptions } from "@nnrp/core";
import { Heard } from "@nnrp/testing/carrier-suite";
import { patterned } from "@nnrp/testing/packets";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { virtualWorld } from "../time/virtual_world.ts";
import { virtualNetwork } from "./network.ts";
import type { LinkWeather } from "./weather.ts";

const MIB = 1024 * 1024;
const LENGTH = 8 * MIB;
const SLOW: LinkWeather = { latencyMs: 20, down: { bytesPerSecond: MIB } };
/** The system takes all of it at once. */
const DEEP: LinkWeather = { latencyMs: 20, down: { bytesPerSecond: MIB, sendBufferBytes: 2 * LENGTH } };

interface Row {
  readonly what: string;
  readonly weather: LinkWeather;
  readonly options: CarrierCloseOptions;
  /** How often the client sends something meanwhile, ms. */
  readonly pingMs?: number;
  readonly arrives: boolean;
  /** When the server is done, ms. */
  readonly doneMs: readonly [least: number, most: number];
}

const ROWS: readonly Row[] = [
  { what: "a slow path", weather: SLOW, options: {}, arrives: true, doneMs: [7500, 9000] },
  {
    what: "a slow path, time for half of it",
    weather: SLOW,
    options: { drainMs: 4000 },
    arrives: false,
    doneMs: [4000, 4100],
  },
  {
    what: "a slow path behind a deep buffer, a peer that sends on",
    weather: DEEP,
    options: { drainMs: 60_000, stallMs: 10_000 },
    pingMs: 300,
    arrives: true,
    doneMs: [7500, 9000],
  },
  {
    what: "a peer whose path stands still",
    weather: { ...SLOW, down: { bytesPerSecond: 1 } },
    options: { drainMs: 60_000 },
    arrives: false,
    doneMs: [1000, 2100],
  },
];

/** A client that leaves once the server has, as sessions do. */
class Leaving extends Heard {
  override end(): void {
    super.end();
    void this.carrier.close();
  }
}

for (const kind of ["stream", "multiStream"] as const) {
  for (const { what, weather, options, pingMs, arrives, doneMs: [least, most] } of ROWS) {
    test(`${kind}: what was written before a close arrives while bytes leave: ${what}`, async () => {
      const world = virtualWorld();
      const net = virtualNetwork(world, weather);
      const accepted: Carrier[] = [];
      await net[kind]().listen((carrier) => accepted.push(carrier));
      const client = new Leaving(await world.run(net[kind]().dial({ host: "server", port: 4433 })), true);
      await world.runUntil(() => accepted.length === 1);
      const server = new Heard(accepted[0]);
      client.send(1);
      await world.runUntil(() => server.frames.length === 1);
      const body = patterned(LENGTH, 1);
      server.send(1, body);
      const ping = () => {
        if (client.events.length > 0 || client.bodies.length > 0) return;
        client.send(2);
        world.after(pingMs!, ping);
      };
      if (pingMs !== undefined) ping();
      const startMs = world.now();
      const closing = server.carrier.close(options).then(() => world.now() - startMs);
      const tookMs = await world.run(closing);
      await world.run(world.sleep(60_000));
      assertEquals(client.bodies.length, arrives ? 1 : 0);
      if (arrives) assertEquals(client.bodies[0], body);
      assert(tookMs >= least && tookMs <= most, `${tookMs} ms`);
    });
  }
}
