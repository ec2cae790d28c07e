/**
 * What every carrier must do that keeps the contract of `Carrier` on one byte stream, as cases for any test runner: a carrier's
 * own test file says how to make a pair of ends.
 *
 * @module
 */
import {
  type Carrier,
  type CarrierBinding,
  type CarrierDialer,
  type CarrierListener,
  type CarrierSink,
  type CloseInfo,
  encodePacket,
  makePacket,
  MessageType,
  NnrpTransportError,
} from "@nnrp/core";
import { patterned } from "./packets.ts";

/** Longest wait for something that must happen, ms by the case's own clock. */
const PATIENCE_MS = 30_000;
/** How often that is checked, ms. */
const LOOK_MS = 2;
/** Checks without a change after which nothing more is expected. */
const STEADY_LOOKS = 60;
const MIB = 1024 * 1024;
const HERE = "127.0.0.1";

/** A carrier that records its events. */
export class Heard implements CarrierSink {
  /** The carrier, started. */
  readonly carrier: Carrier;
  /** Frame ids of the packets, in order. */
  readonly frames: number[] = [];
  /** Their bodies, if they are kept. */
  readonly bodies: Uint8Array[] = [];
  /** `"fault …"`, `"end"`, `"closed"`, in order. */
  readonly events: string[] = [];
  /** What `closed` said. */
  info: CloseInfo | null = null;
  /** What `fault` said. */
  error: Error | null = null;
  readonly #keepBodies: boolean;

  /** Starts the carrier. */
  constructor(carrier: Carrier, keepBodies = false) {
    this.carrier = carrier;
    this.#keepBodies = keepBodies;
    carrier.limits.maxBodyBytes = 64 * MIB;
    carrier.start(this);
  }

  /** See CarrierSink. */
  begin(): void {}
  /** See CarrierSink. */
  packet(cursor: Parameters<CarrierSink["packet"]>[0]): void {
    this.frames.push(cursor.frameId);
    if (this.#keepBodies) this.bodies.push(cursor.body());
  }
  /** See CarrierSink. */
  turn(): void {}
  /** See CarrierSink. */
  fault(error: Error): void {
    this.error = error;
    this.events.push(`fault ${error.name}`);
  }
  /** See CarrierSink. */
  end(): void {
    this.events.push("end");
  }
  /** See CarrierSink. */
  closed(info: CloseInfo): void {
    this.info = info;
    this.events.push("closed");
  }

  /** Sends a packet. */
  send(frameId: number, body: Uint8Array = new Uint8Array(0)): void {
    const out = this.carrier.begin("control", frameId, 0);
    const head = encodePacket(makePacket({ msgType: MessageType.CLOSE, frameId, body })).subarray(0, 40);
    const at = out.reserve(40);
    out.bytes.set(head, at);
    out.append(body);
    this.carrier.commit("control", frameId, 0, true);
  }
}

/** How to make both ends of a carrier. */
export interface CarrierSetup {
  /** Name in the titles. */
  readonly name: string;
  /** Listens on a free port of 127.0.0.1. */
  readonly binding: () => CarrierBinding;
  /** Dials it. */
  readonly dialer: () => CarrierDialer;
  /** Whether a client, a server that stops reading makes the other side wait. */
  readonly pauses: { readonly client: boolean; readonly server: boolean };
  /** Whether a side that has ended its sending receives what the other still sends. */
  readonly halfClose: boolean;
  /** Waits so many ms; for carriers in virtual time. Default: real ones. */
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Two connected carriers and the listener. */
export interface Pair {
  /** Dialled. */
  readonly client: Heard;
  /** Accepted. */
  readonly server: Heard;
  /** Where to listen. */
  readonly listener: CarrierListener;
}

/** Connects. */
export async function connected(
  setup: Pick<CarrierSetup, "binding" | "dialer">,
  keepBodies = false,
): Promise<Pair> {
  let arrived: (carrier: Carrier) => void;
  const accepted = new Promise<Carrier>((done) => arrived = done);
  const listener = await setup.binding().listen((carrier) => arrived(carrier));
  const client = new Heard(await setup.dialer().dial({ host: HERE, port: listener.port }), keepBodies);
  return { client, server: new Heard(await accepted, keepBodies), listener };
}

/** One thing that a carrier must do. */
export interface CarrierCase {
  /** In words, with the carrier's name in front. */
  readonly name: string;
  /** Rejects if it does not. */
  readonly run: () => Promise<void>;
}

/** The cases: `for (const { name, run } of carrierCases(setup)) test(name, run)`. */
export function carrierCases(setup: CarrierSetup): CarrierCase[] {
  const { name, sleep = realSleep } = setup;
  const cases: CarrierCase[] = [];
  const test = (title: string, run: () => Promise<void>) => cases.push({ name: title, run });
  const until = (holds: () => boolean, what: string) => waitUntil(sleep, holds, what);
  const untilSteady = (read: () => number) => waitUntilSteady(sleep, read);

  test(`${name}: packets of all sizes arrive whole and in order, both ways at once`, async () => {
    const { client, server, listener } = await connected(setup, true);
    const sizes = [0, 1, 40, 4000, 4096, 32_767, 32_768, 65_536, 100_000, 262_144, 300_000, 3 * MIB];
    const sent = Array.from(
      { length: 120 },
      (_, i) => patterned(i < 24 ? sizes[i % sizes.length] : i * 7, i),
    );
    sent.forEach((body, i) => {
      client.send(i, body);
      server.send(i, body);
    });
    await until(
      () => client.frames.length === sent.length && server.frames.length === sent.length,
      "all packets",
    );
    for (const side of [client, server]) {
      assertEquals(side.frames, sent.map((_, i) => i));
      sent.forEach((body, i) => assertEquals(side.bodies[i], body));
    }
    await until(() => client.carrier.bufferedBytes === 0, "the last bytes to be taken");
    assertEquals(client.carrier.sentBytes, server.carrier.receivedBytes);
    await Promise.all([client.carrier.close(), server.carrier.close(), listener.close()]);
  });

  test(`${name}: many small packets over many turns keep their order`, async () => {
    const { client, server, listener } = await connected(setup);
    for (let i = 0; i < 3000; i++) {
      client.send(i, patterned(i % 200, i));
      if (i % 7 === 0) await Promise.resolve();
      if (i % 100 === 0) await sleep(0);
    }
    await until(() => server.frames.length === 3000, "all packets");
    assertEquals(server.frames, Array.from({ length: 3000 }, (_, i) => i));
    await Promise.all([client.carrier.close(), server.carrier.close(), listener.close()]);
  });

  test(`${name}: closing delivers everything written before it, small and large, either way`, async () => {
    for (const size of [10, 100_000, 8 * MIB]) {
      for (const from of ["client", "server"] as const) {
        const pair = await connected(setup, true);
        const closer = pair[from];
        const other = from === "client" ? pair.server : pair.client;
        const body = patterned(size, 1);
        for (let id = 0; id < 3; id++) closer.send(id, body);
        const closing = closer.carrier.close({ reason: "done" });
        await until(() => other.events.includes("end"), "the end");
        await Promise.all([closing, other.carrier.close()]);
        assertEquals(other.frames, [0, 1, 2]);
        for (const got of other.bodies) assertEquals(got, body);
        assertEquals(other.events, ["end", "closed"]);
        assertEquals([closer.info?.local, closer.info?.reason], [true, "done"]);
        await pair.listener.close();
      }
    }
  });

  test(`${name}: a side that ended its sending hears what the other sends, and then its end`, async () => {
    for (const from of ["client", "server"] as const) {
      const pair = await connected(setup, true);
      const first = pair[from];
      const other = from === "client" ? pair.server : pair.client;
      first.send(1, patterned(100_000, 1));
      // Without a half-close the other side must be sending already.
      if (!setup.halfClose) { for (let id = 0; id < 20; id++) other.send(id, patterned(50_000, id)); }
      first.carrier.endSending();
      if (setup.halfClose) {
        await until(() => other.events.includes("end"), "the end");
        for (let id = 0; id < 20; id++) other.send(id, patterned(50_000, id));
      }
      other.carrier.endSending();
      await until(() => first.events.length > 0 && other.events.length > 0, "both ends");
      assertEquals(first.frames.length, 20);
      assertEquals([first.events[0], other.events[0], other.frames], ["end", "end", [1]]);
      await Promise.all([first.carrier.close(), other.carrier.close(), pair.listener.close()]);
    }
  });

  test(`${name}: while an end is paused nothing is delivered; resumed, it hears all of it and the end`, async () => {
    for (const who of ["client", "server"] as const) {
      const pair = await connected(setup);
      const paused = pair[who];
      const other = who === "client" ? pair.server : pair.client;
      other.send(0);
      await until(() => paused.frames.length === 1, "the first packet");
      paused.carrier.pause();
      other.send(1); // a read that is under way may still bring this; Deno's client takes 44 ms to send it
      const before = await untilSteady(() => paused.frames.length);
      for (let id = 2; id < 50; id++) other.send(id, patterned(1000, id));
      const closing = other.carrier.close();
      await untilSteady(() => paused.frames.length);
      assertEquals([paused.frames.length, paused.events], [before, []]);
      paused.carrier.resume();
      await until(() => paused.events.length > 0, "the end");
      assertEquals([paused.frames.length, paused.events[0]], [50, "end"]);
      await Promise.all([paused.carrier.close(), closing, pair.listener.close()]);
    }
  });

  for (const who of ["client", "server"] as const) {
    if (!setup.pauses[who]) continue;
    test(`${name}: a ${who} that does not read makes the other side wait, and gets all once it reads`, async () => {
      const pair = await connected(setup);
      const slow = pair[who];
      const other = who === "client" ? pair.server : pair.client;
      slow.carrier.pause();
      const body = patterned(MIB, 3);
      for (let id = 0; id < 40; id++) other.send(id, body);
      let drained = false;
      void other.carrier.drained().then(() => drained = true);
      await untilSteady(() => other.carrier.bufferedBytes);
      assert(other.carrier.bufferedBytes > 0 && !drained, "something waits");
      assert(other.carrier.bufferedBytes <= 41 * MIB, "nothing is counted twice");
      slow.carrier.resume();
      await until(() => slow.frames.length === 40, "all packets");
      await until(() => drained, "drained()");
      assertEquals([other.carrier.bufferedBytes, other.carrier.released()], [0, null]);
      await Promise.all([slow.carrier.close(), other.carrier.close(), pair.listener.close()]);
    });
  }

  test(`${name}: an end that goes away at once is heard of, and the listener goes on`, async () => {
    const carriers: Heard[] = [];
    const listener = await setup.binding().listen((carrier) => carriers.push(new Heard(carrier)));
    for (let round = 0; round < 5; round++) {
      const client = new Heard(await setup.dialer().dial({ host: HERE, port: listener.port }));
      await until(() => carriers.length === round + 1, "the connection");
      const server = carriers[round];
      for (let i = 0; i < 5; i++) client.send(i, patterned(1000, i));
      await client.carrier.close({ graceful: false });
      assertEquals(client.events, ["closed"]);
      await until(() => server.events.length > 0, "the end");
      await server.carrier.close({ graceful: false });
      await server.carrier.drained();
      assertEquals(server.carrier.bufferedBytes, 0);
    }
    await listener.close();
  });

  test(`${name}: a carrier that is thrown away before it was started lets go of its connection`, async () => {
    let arrived: (carrier: Carrier) => void;
    const accepted = new Promise<Carrier>((done) => arrived = done);
    const listener = await setup.binding().listen((carrier) => arrived(carrier));
    const client = await setup.dialer().dial({ host: HERE, port: listener.port });
    const server = new Heard(await accepted);
    void client.close({ graceful: false });
    await until(() => server.events.length > 0, "the end");
    await Promise.all([server.carrier.close({ graceful: false }), listener.close()]);
  });

  test(`${name}: closing the listener ends no connection, and nobody gets in any more`, async () => {
    const { client, server, listener } = await connected(setup);
    assert(listener.port > 0, "a port");
    await listener.close();
    await listener.close();
    client.send(1);
    await until(() => server.frames.length === 1, "a packet after the listener was closed");
    await assertRejects(
      () => setup.dialer().dial({ host: HERE, port: listener.port }),
      NnrpTransportError,
    );
    assertEquals(client.carrier.remote, `${HERE}:${listener.port}`);
    assert(/^127\.0\.0\.1:\d+$/.test(server.carrier.remote), server.carrier.remote);
    await Promise.all([client.carrier.close(), server.carrier.close()]);
  });

  return cases;
}

function realSleep(ms: number): Promise<void> {
  // fixed wait: between two checks of a condition
  return new Promise((done) => setTimeout(done, ms));
}

async function waitUntil(
  sleep: (ms: number) => Promise<void>,
  holds: () => boolean,
  what: string,
): Promise<void> {
  for (let waitedMs = 0; !holds(); waitedMs += LOOK_MS) {
    if (waitedMs > PATIENCE_MS) throw new Error(`waited in vain for: ${what}`);
    await sleep(LOOK_MS);
  }
}

/** Waits until a number has not changed for many checks: all that was under way has come. */
async function waitUntilSteady(sleep: (ms: number) => Promise<void>, read: () => number): Promise<number> {
  let last = read();
  for (let same = 0; same < STEADY_LOOKS; same++) {
    await sleep(LOOK_MS);
    const now = read();
    if (now !== last) same = -1;
    last = now;
  }
  return last;
}

function assert(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not so: ${what}`);
}

/** Numbers, words and lists of them, bytes. */
function assertEquals(actual: unknown, expected: unknown, what = "equal"): void {
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) {
    assert(actual.length === expected.length, `${actual.length} bytes, expected ${expected.length}`);
    const at = actual.findIndex((byte, i) => byte !== expected[i]);
    assert(at < 0, `byte ${at} is ${actual[at]}, expected ${expected[at]}`);
    return;
  }
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  assert(got === wanted, `${what}: got ${got}, expected ${wanted}`);
}

async function assertRejects(
  call: () => Promise<unknown>,
  type: new (...args: never[]) => Error,
): Promise<void> {
  const error = await call().then(() => null, (reason) => reason);
  assert(error instanceof type, `rejects with ${type.name}, but ${String(error)}`);
}
