/**
 * Times of any length, wherever the server takes one, in virtual time: a time is over when it is over, 30 days are 30 days and Infinity is
 * for ever, not the 1 ms that runtimes make of what their timers cannot hold.
 */
import { type ClientSession, dialClient, type DialOptions } from "@nnrp/client";
import { TypedPayload } from "@nnrp/core";
import { virtualNetwork, type VirtualWorld, virtualWorld } from "@nnrp/testing";
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { type Handler, NnrpServer, serve, type ServeOptions } from "../mod.ts";

const DAY_MS = 86_400_000;
/** A time that ends while the test looks, and others that runtimes cannot set a timer to. */
const SHORT_MS = 90_000;
const LONG = [2 ** 31, 30 * DAY_MS, 2 ** 32, 400 * DAY_MS, Infinity];
/** Nothing else ends anything. */
const PATIENT = { keepAliveMs: 0, idleTimeoutMs: 0, sendStallMs: Infinity };
const say = { typedPayloads: [TypedPayload.tokenChunk("x")] };
const never: Handler = () => new Promise(() => {});

/** A server and the client's end of a network. */
class House {
  readonly world: VirtualWorld = virtualWorld();
  readonly net = virtualNetwork(this.world, { latencyMs: 1 });
  readonly #carrier = this.net.stream();

  serve(options: ServeOptions, handler: Handler = never): Promise<NnrpServer> {
    const runtime = this.world.host("server");
    return this.world.run(serve({ ...PATIENT, listen: [this.#carrier], runtime, ...options }, handler));
  }

  bind(options: ServeOptions = {}): Promise<NnrpServer> {
    const runtime = this.world.host("server");
    return this.world.run(NnrpServer.bind({ ...PATIENT, listen: [this.#carrier], runtime, ...options }));
  }

  dial(options: DialOptions = {}): Promise<ClientSession> {
    const runtime = this.world.host("client");
    const all = { carriers: [this.#carrier], runtime, timeoutMs: Infinity, ...PATIENT, ...options };
    return this.world.run(dialClient("nnrp://server", all));
  }

  /** A connection that says nothing. */
  async silent(): Promise<void> {
    const carrier = await this.world.run(this.#carrier.dial({ host: "server", port: 4433 }));
    const nothing = () => {};
    carrier.start({
      begin: nothing,
      packet: nothing,
      turn: nothing,
      fault: nothing,
      end: nothing,
      closed: nothing,
    });
  }
}

/** Begins something that a time ends, and gives whether it goes on. */
type Begin = (house: House, ms: number) => Promise<() => boolean>;

/** Whether a promise is still not settled. */
function pending(promise: Promise<unknown>): () => boolean {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  return () => !settled;
}

const TIMES: Record<string, Begin> = {
  "handshakeTimeoutMs, a silent client": async (house, handshakeTimeoutMs) => {
    const server = await house.serve({ handshakeTimeoutMs });
    await house.silent();
    return () => server.stats.open === 1;
  },
  "handshakeTimeoutMs, a validator that thinks": async (house, handshakeTimeoutMs) => {
    let aborted = false;
    const server = await house.serve({
      handshakeTimeoutMs,
      authValidator: (_, signal) => new Promise(() => signal.addEventListener("abort", () => aborted = true)),
    });
    const runtime = house.world.host("client");
    const dialling = dialClient("nnrp://server", {
      carriers: [house.net.stream()],
      runtime,
      timeoutMs: Infinity,
      ...PATIENT,
    });
    dialling.catch(() => {});
    await house.world.runUntil(() => server.stats.open === 1);
    return () => !aborted;
  },
  "accept": async (house, timeoutMs) => {
    const server = await house.bind();
    return pending(server.accept({ timeoutMs }));
  },
  "receiveSubmit": async (house, timeoutMs) => {
    const server = await house.bind();
    await house.dial();
    return pending((await house.world.run(server.accept())).receiveSubmit({ timeoutMs }));
  },
  "ping": async (house, timeoutMs) => {
    const server = await house.serve({});
    await house.dial();
    house.net.link().blackhole("up");
    return pending(server.sessions[0].ping({ timeoutMs }));
  },
  "close of a session": async (house, drainMs) => {
    const server = await house.serve({});
    const client = await house.dial();
    client.submit(say).catch(() => {});
    await house.world.runUntil(() => server.stats.running === 1);
    house.net.link().blackhole("down"); // the client does not hear of it, and does not close either
    return pending(server.sessions[0].close({ drainMs }));
  },
  "close of the server": async (house, drainMs) => {
    const server = await house.serve({});
    const client = await house.dial();
    client.submit(say).catch(() => {});
    await house.world.runUntil(() => server.stats.running === 1);
    house.net.link().blackhole("down");
    return pending(server.close({ drainMs }));
  },
  "resumeWindowMs": async (house, resumeWindowMs) => {
    const server = await house.serve({ migration: { resumeWindowMs } });
    const client = await house.dial({ migrationToken: true });
    await house.world.run(client.ping()); // a session of which its client never said a word is not kept
    house.net.link().cut();
    await house.world.runUntil(() => server.stats.suspended === 1);
    return () => server.stats.sessions === 1;
  },
  "idleTimeoutMs": async (house, idleTimeoutMs) => {
    const server = await house.serve({ idleTimeoutMs });
    await house.dial();
    return () => server.stats.sessions === 1;
  },
  "sendStallMs": async (house, sendStallMs) => {
    const large = { typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(4 << 20))] };
    const server = await house.serve({ sendStallMs }, () => large);
    const client = await house.dial();
    house.net.link().set({ down: { readBytesPerSecond: 0.001 } });
    client.submit(say).catch(() => {});
    await house.world.runUntil(() => server.sessions[0].stats.bufferedBytes > 1 << 20);
    return () => server.stats.sessions === 1;
  },
};

for (const [name, begin] of Object.entries(TIMES)) {
  test(`${name}: ends with its time, of any length, and not before`, async () => {
    const short = new House();
    const goesOn = await begin(short, SHORT_MS);
    await short.world.advance(SHORT_MS * 0.9);
    assertEquals(goesOn(), true);
    await short.world.advance(SHORT_MS);
    assertEquals(goesOn(), false);
    for (const ms of LONG) {
      const house = new House();
      const lasts = await begin(house, ms);
      await house.world.advance(3 * SHORT_MS);
      assertEquals(lasts(), true, `${ms}`);
    }
  });
}

test("keepAliveMs: a ping after so long, and none after days", async () => {
  const house = new House();
  await house.serve({ keepAliveMs: 10_000 });
  const client = await house.dial();
  const before = client.stats.receivedBytes;
  await house.world.advance(11_000);
  assertEquals(client.stats.receivedBytes > before, true);
  for (const keepAliveMs of LONG) {
    const patient = new House();
    await patient.serve({ keepAliveMs });
    const quiet = await patient.dial();
    const told = quiet.stats.receivedBytes;
    await patient.world.advance(SHORT_MS);
    assertEquals(quiet.stats.receivedBytes, told);
  }
});
