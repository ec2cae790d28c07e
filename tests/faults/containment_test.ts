import { dialClient, type LogEvent, NnrpError, TypedPayload } from "@nnrp/client";
import {
  type Carrier,
  encodePacket,
  encodeSessionMigrateMetadata,
  makePacket,
  memoryNetwork,
  MessageType,
  type NnrpPacket,
} from "@nnrp/core";
import type { ServerLogEvent } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { webSocket } from "@nnrp/websocket";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { ackFor } from "@nnrp/testing/engines";
import { bare, resultPacket, samplePacket, submitPacket } from "@nnrp/testing/packets";
import { Gate, PLACES, TCP } from "../support/places.ts";
import { helloPacket, RawPeer, RawServer, until } from "../support/raw_peer.ts";
import { underAttack } from "./good_client.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const FAILURES = ["internal-failure", "handler-failed"];

function migratePacket(sessionId: number, token: Uint8Array, lastResultFrameId: bigint): NnrpPacket {
  const metadata = new Uint8Array(24);
  encodeSessionMigrateMetadata(
    { oldTransportId: 2, newTransportId: 2, lastResultFrameId, clientMigrateTsUs: 1n },
    new DataView(metadata.buffer),
    0,
  );
  return makePacket({ msgType: MessageType.SESSION_MIGRATE, sessionId, metadata, body: token });
}

/** The migration token in a SERVER_HELLO_ACK: control extension 0xf002. */
function tokenOf({ body }: NnrpPacket): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  for (let at = 0; at + 8 <= body.length;) {
    const length = view.getUint32(at + 4, true);
    if (view.getUint16(at, true) === 0xf002) return body.slice(at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  throw new Error("no token came");
}

test("a move with one's own token and the greatest number there is for the last result succeeds", async () => {
  const failures: ServerLogEvent[] = [];
  const log = (event: ServerLogEvent) => void (FAILURES.includes(event.type) && failures.push(event));
  await underAttack({ log }, async ({ port, serves }) => {
    for (const last of [0xffff_ffff_ffff_ffffn, 0xffff_ffff_ffff_fffen, 1n << 32n]) {
      const old = await RawPeer.connect(port);
      old.send(helloPacket({ migrationToken: true, requestedSessionId: 9 }));
      const ack = await old.next("SERVER_HELLO_ACK");
      const moved = await RawPeer.connect(port);
      moved.send(migratePacket(ack.header.sessionId, tokenOf(ack), last));
      const answer = await moved.next("SESSION_MIGRATE_ACK");
      assertEquals(new DataView(answer.metadata.buffer, answer.metadata.byteOffset).getUint32(0, true), 0);
      moved.send(bare(MessageType.CLOSE, { sessionId: ack.header.sessionId }));
      await serves();
      old.destroy();
      moved.destroy();
    }
  });
  assertEquals(failures, []);
});

test("a flood of failures is told to the log a bounded number of times, and then how many were left out", async () => {
  const told: string[] = [];
  const options = {
    maxFailuresLoggedPerSecond: 5,
    log: (event: ServerLogEvent) => void (event.type === "handler-failed" && told.push(event.message)),
  };
  for (const place of PLACES) {
    told.length = 0;
    const at = await place.serve(() => {
      throw new Error("each time");
    }, options);
    const session = await at.dial();
    const startedMs = performance.now();
    const frames = 2000;
    for (let sent = 0; sent < frames; sent += 50) {
      await Promise.allSettled(Array.from({ length: 50 }, () => session.submit(say("x"))));
    }
    const seconds = (performance.now() - startedMs) / 1000;
    assert(told.length <= 5 + 5 * seconds + 1, `${told.length} entries in ${seconds} s`);
    assertEquals(told.length + at.server.stats.failuresUntold, frames);
    assertEquals(at.server.stats.handlerFailures, frames);
    // The next one that is told says it.
    await until(() => {
      session.submit(say("x")).catch(() => {});
      return /\d+ failures before it were not told/.test(told.at(-1)!);
    }, "an entry that says how many were left out");
    await at.end();
  }
});

test("a host that takes no connection, and a log of it that fails, cost the connection and not the listener", async () => {
  for (const make of [() => tcp({ port: 0 }), () => webSocket({ port: 0 }), memoryNetwork]) {
    const binding = make();
    let failed = 0;
    const taken: Carrier[] = [];
    let broken = true;
    const listener = await binding.listen((carrier) => {
      if (broken) throw new TypeError("the host does not work");
      taken.push(carrier);
    }, {
      failed: () => {
        failed++;
        throw new TypeError("neither does its log");
      },
    });
    const target = { host: "127.0.0.1", port: listener.port };
    for (let i = 1; i <= 3; i++) {
      const carrier = await binding.dial(target);
      let closed = false;
      carrier.start({
        begin: () => {},
        packet: () => {},
        turn: () => {},
        fault: () => {},
        end: () => void carrier.close(),
        closed: () => closed = true,
      });
      await until(() => closed, "the connection to be let go");
      assertEquals(failed, i);
    }
    broken = false;
    const carrier = await binding.dial(target);
    await until(() => taken.length === 1, "a connection that is taken");
    await Promise.all([carrier.close({ graceful: false }), taken[0].close({ graceful: false })]);
    await listener.close();
  }
});

test("before the verdict on a hello large bodies are refused from the header, after it they are taken", async () => {
  const judged = new Gate<boolean>();
  const at = await TCP.serve((frame) => ({ typedPayloads: frame.typedPayloads }), {
    authValidator: ({ authBlock }) => authBlock.length > 0 ? judged.opened : true,
  });
  const large = encodePacket(
    submitPacket(1, { typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(1 << 20))] }),
  );
  const early = await RawPeer.connect(at.server.port);
  // Together with the hello, so that it is read before the validator has spoken.
  early.send(new Uint8Array([...encodePacket(helloPacket({ auth: "slow" })), ...large.subarray(0, 1000)]));
  const names = await early.rest();
  assertEquals(names, ["ERROR"]);
  early.destroy();
  judged.open(true);

  const peer = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 7 });
  peer.send(large);
  assertEquals((await peer.next("RESULT_PUSH")).header.frameId, 1);
  peer.destroy();
  await at.end();
});

/** Every byte of a packet behind its lengths at its ends. */
function* mutations(packet: NnrpPacket): Generator<Uint8Array> {
  const whole = encodePacket(packet);
  for (let at = 20; at < whole.length; at++) {
    for (const width of [1, 4, 8]) {
      for (const value of [0, 0x7f, 0xff]) {
        if (at + width > whole.length) continue;
        const bytes = whole.slice();
        bytes.fill(value, at, at + width);
        yield bytes;
      }
    }
  }
}

const TYPES = Object.values(MessageType);
/** Mutations that go over one connection: most of them end nothing. */
const PER_CONNECTION = 60;

test("a server reads every message with numbers at their ends; a handler opens all of each frame; nothing fails inside", async () => {
  const failures: string[] = [];
  const log = ({ type, message }: ServerLogEvent) =>
    void (type === "internal-failure" && failures.push(message));
  await underAttack({ log }, async ({ port, serves }) => {
    for (const type of TYPES) {
      const all = [...mutations(samplePacket(type))];
      for (let at = 0; at < all.length; at += PER_CONNECTION) {
        const peer = await RawPeer.connect(port);
        if (type !== MessageType.CLIENT_HELLO) peer.send(helloPacket({ requestedSessionId: 7 }));
        peer.send(...all.slice(at, at + PER_CONNECTION));
        peer.end();
        await peer.ended;
        peer.destroy();
      }
      await serves();
    }
  });
  assertEquals(failures, []);
});

test("a client reads every message with numbers at their ends; its calls end with errors of this library", async () => {
  const raw = await RawServer.listen();
  const failures: string[] = [];
  const log = ({ type, message }: LogEvent) => void (type === "internal-failure" && failures.push(message));
  const strange: unknown[] = [];
  const note = (error: unknown) => void (error instanceof NnrpError || strange.push(error));
  for (const type of TYPES) {
    const all = [...mutations(samplePacket(type))];
    for (let at = 0; at < all.length; at += PER_CONNECTION) {
      const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`, { log });
      dialling.catch(note);
      const peer = await raw.accept();
      const hello = await peer.next("CLIENT_HELLO");
      const batch = all.slice(at, at + PER_CONNECTION);
      if (type !== MessageType.SERVER_HELLO_ACK) peer.send(ackFor(hello));
      const waiting: Promise<unknown>[] = [];
      const session = type === MessageType.SERVER_HELLO_ACK ? null : await dialling;
      if (session !== null) {
        waiting.push(session.submit({ ...say("a"), frameId: 3 }, { timeoutMs: 5000 }));
        waiting.push(
          session.ping({ timeoutMs: 5000 }),
          session.patch({ qualityTier: 1 }, { timeoutMs: 5000 }),
        );
      }
      peer.send(...batch, resultPacket(3));
      peer.end();
      for (const outcome of await Promise.allSettled(waiting)) {
        if (outcome.status === "rejected") note(outcome.reason);
      }
      const opened = session ?? await dialling.catch(() => null);
      await opened?.close({ drainMs: 0 });
      peer.destroy();
    }
  }
  raw.close();
  assertEquals([failures, strange.map(String)], [[], []]);
});
