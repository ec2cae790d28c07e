import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import {
  ClientRig,
  errorsIn,
  helloPacket,
  namesOf,
  RecordingReply,
  RecordingWaiter,
  ServerRig,
} from "@nnrp/testing/engines";
import {
  bare,
  errorPacket,
  flowPacket,
  hintPacket,
  patchPacket,
  resultPacket,
  samplePacket,
  submitPacket,
} from "@nnrp/testing/packets";
import { NnrpInternalError } from "../../errors.ts";
import { ErrorCode, ErrorScope, MessageType } from "../../wire/enums.ts";
import { decodeSessionMigrateAckMetadata } from "../../wire/metadata/session_migrate.ts";
import { MESSAGES } from "../../wire/metadata/registry.ts";
import { encodePacket, type NnrpPacket } from "../../wire/packet.ts";
import type { ServerHandshakeHost } from "../handshake/server_handshake.ts";
import type { ClientHost } from "./client_host.ts";
import type { ServerHost } from "./server_host.ts";

const MAX_U64 = 0xffff_ffff_ffff_ffffn;
/** Header fields in front of this offset say where the packet ends; carriers check them. */
const FIRST_FREE_BYTE = 20;
const TYPES = MESSAGES.map((message) => message.msgType);

const server = (state: string): ServerRig => {
  const rig = new ServerRig({ acknowledgeInvalidate: true });
  if (state === "before the hello") return rig;
  if (state === "while the hello is judged") {
    rig.acceptAtOnce = false;
    rig.receive(helloPacket());
    return rig;
  }
  rig.open();
  rig.receive(submitPacket(1), submitPacket(2, { viewId: 1 }));
  if (state === "draining") rig.engine.close();
  return rig;
};
const SERVER_STATES = ["before the hello", "while the hello is judged", "active", "draining"];

const client = (state: string): ClientRig => {
  const rig = new ClientRig();
  rig.hello({ migrationToken: true });
  if (state === "before the ack") return rig;
  const open = new ClientRig().open();
  open.submit(1);
  open.submit(2, 1);
  open.engine.ping(new RecordingReply<number>(), open.nowMs);
  open.engine.patch(PATCH, null, open.patchReply());
  if (state === "draining") open.engine.close();
  return open;
};
const CLIENT_STATES = ["before the ack", "active", "draining"];
const PATCH = {
  profileId: 1,
  patchMask: 2,
  targetCadenceX100: 0,
  qualityTier: 1,
  degradePolicy: 0,
  activeLaneMask: 0n,
  preferredCodecBitmap: 0,
  preferredCompressionBitmap: 0,
  profilePatchBytes: 0,
};

/** A packet with each of its numbers, wherever it begins and however long it is, at its ends. */
function* extremes(packet: NnrpPacket): Generator<Uint8Array> {
  const whole = encodePacket(packet);
  for (let at = FIRST_FREE_BYTE; at < whole.length; at++) {
    for (const width of [1, 2, 4, 8]) {
      if (at + width > whole.length) continue;
      for (const [low, high] of [[0, 0], [0xff, 0xff], [0xff, 0x7f], [0, 0x80], [0xfe, 0xff]]) {
        const bytes = whole.slice();
        bytes.fill(low === 0 ? 0 : 0xff, at, at + width);
        bytes[at] = low;
        bytes[at + width - 1] = high;
        yield bytes;
      }
    }
  }
}

/** Gives all of it to engines; one that has moved on is replaced by a fresh one. */
function bombard(make: () => ServerRig | ClientRig): void {
  let rig = make();
  const before = rig.current.state;
  let received = 0;
  for (const type of TYPES) {
    for (const bytes of extremes(samplePacket(type))) {
      rig.receive(bytes); // throws what the engine failed with
      if (++received % 50 !== 0 && rig.current.state === before) continue;
      rig.pass(10_000);
      rig = make();
    }
  }
}

for (const state of SERVER_STATES) {
  test(`numbers at their ends, in every message: a server that is ${state} fails at none of them`, () => {
    bombard(() => server(state));
  });
}

for (const state of CLIENT_STATES) {
  test(`numbers at their ends, in every message: a client, ${state}, fails at none of them`, () => {
    bombard(() => client(state));
  });
}

test("whatever metadata and body hold, neither engine fails at it", () => {
  const type = fc.constantFrom(...TYPES);
  const conversation = fc.array(fc.tuple(type, fc.uint8Array({ minLength: 400, maxLength: 400 })), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(conversation, fc.nat(SERVER_STATES.length - 1), (packets, at) => {
      const rigs = [server(SERVER_STATES[at]), client(CLIENT_STATES[at % CLIENT_STATES.length])];
      for (const [msgType, random] of packets) {
        const bytes = encodePacket(samplePacket(msgType));
        // Half of the bytes stay, so that more than the first check is reached.
        for (let i = FIRST_FREE_BYTE; i < bytes.length; i++) {
          if (random[i % 200] < 64) bytes[i] = random[200 + i % 200];
        }
        for (const rig of rigs) rig.receive(bytes);
      }
    }),
    { numRuns: 1000 },
  );
});

test("a move tells the frame to go on from, however far the client says it has come", () => {
  for (const last of [0n, 1n, 0xffff_ffffn, 1n << 32n, 1n << 63n, MAX_U64 - 1n, MAX_U64]) {
    for (const highest of [0, 5, 0xffff_ffff]) {
      for (const graceMs of [0, 0.5, 1000, 2 ** 33, Infinity]) {
        const rig = server("active");
        if (highest > 0) rig.receive(submitPacket(highest));
        const request = {
          metadata: { oldTransportId: 1, newTransportId: 2, lastResultFrameId: last, clientMigrateTsUs: 0n },
          sessionId: 7,
          proof: new Uint8Array(16),
          traceId: 9n,
        };
        rig.engine.acceptMigration(request, graceMs, new Uint8Array(16), rig.nowMs);
        const [ack] = rig.out.take();
        const view = new DataView(ack.metadata.buffer, ack.metadata.byteOffset);
        const { acceptCode, resumeFromFrameId } = decodeSessionMigrateAckMetadata(view, 0, 24);
        const seen = BigInt(Math.max(2, highest));
        const next = (last > seen ? last : seen) + 1n;
        // No id is greater than the last one: 0 = ids need not grow.
        assertEquals(
          [acceptCode, resumeFromFrameId],
          [0, next > 0xffff_ffffn ? 0n : next],
          `${last}/${highest}`,
        );
      }
    }
  }
});

test("a client that must go on from the last frame id there is does so, and begins anew behind it", () => {
  const rig = new ClientRig().open();
  rig.engine.resumeFrom(0xffff_ffff);
  const ids: number[] = [];
  for (let i = 0; i < 3; i++) {
    const waiter = new RecordingWaiter();
    rig.engine.submit({ frameId: 0, typedPayloads: [] }, undefined, waiter);
    ids.push(waiter.frameId);
  }
  assertEquals(ids, [0xffff_ffff, 1, 2]);
});

/** Fails in the host at each call of this name. */
function spoil<T extends object>(rig: { mayFail: boolean }, host: T, name: keyof T): void {
  rig.mayFail = true;
  Object.assign(host, {
    [name]: () => {
      throw new TypeError(`host.${String(name)} failed`);
    },
  });
}

/** A server engine with a host of which one call fails. */
function brokenServer(name: keyof ServerHost): { rig: ServerRig; told: NnrpInternalError[] } {
  const rig = new ServerRig();
  spoil(rig, rig.host, name);
  return { rig, told: rig.failures };
}

test("a host that fails at a frame costs that frame: INTERNAL_ERROR for it, once in the log, and the session goes on", () => {
  const { rig, told } = brokenServer("submit");
  rig.open();
  const sent = rig.receive(submitPacket(1), submitPacket(2, { viewId: 3 }), bare(MessageType.PING));
  assertEquals(
    errorsIn(sent).map((e) => [e.errorCode, e.errorScope, e.isFatal, e.relatedFrameId, e.relatedViewId]),
    [[ErrorCode.INTERNAL_ERROR, ErrorScope.FRAME, 0, 1, 0], [
      ErrorCode.INTERNAL_ERROR,
      ErrorScope.FRAME,
      0,
      2,
      3,
    ]],
  );
  assertEquals(namesOf(sent).at(-1), "PONG");
  assertEquals([rig.engine.framesInFlight, told.length, rig.done], [0, 2, null]);
  assertInstanceOf(told[0].cause, TypeError);
});

test("a host that failed after it answered a frame costs nothing: no second answer is sent", () => {
  const { rig, told } = brokenServer("submit");
  rig.open();
  rig.host.submit = (frame) => {
    rig.engine.sendResult(frame, {}, true, rig.nowMs);
    throw new TypeError("after the answer");
  };
  assertEquals(namesOf(rig.receive(submitPacket(1), submitPacket(1))), ["RESULT_PUSH", "RESULT_PUSH"]);
  assertEquals([rig.engine.framesInFlight, told.length], [0, 2]);
});

for (
  const [name, packets] of [
    ["cancelled", [submitPacket(1), bare(MessageType.FRAME_CANCEL, { frameId: 1 })]],
    ["flow", [flowPacket({ credit: 1 })]],
    ["patched", [patchPacket()]],
    ["error", [errorPacket()]],
    ["draining", [bare(MessageType.CLOSE)]],
    ["finished", [errorPacket({ isFatal: 1 })]],
  ] as [keyof ServerHost, NnrpPacket[]][]
) {
  test(`a server's host that fails at ${name}() costs its session only: INTERNAL_ERROR, once in the log`, () => {
    const { rig, told } = brokenServer(name);
    rig.open();
    const sent = rig.receive(...packets, bare(MessageType.PING), submitPacket(9));
    const errors = errorsIn(sent);
    if (name !== "finished") {
      assertEquals(
        errors.map((e) => [e.errorCode, e.errorScope, e.isFatal]),
        [[ErrorCode.INTERNAL_ERROR, ErrorScope.CONNECTION, 1]],
      );
      assert(!errors[0].diagnostic.includes(`host.${name}`), "the peer must not hear what was thrown");
    }
    assertEquals(told.map((e) => (e.cause as Error).message), [`host.${name} failed`]);
    assertEquals([rig.engine.state, rig.engine.framesInFlight], [4, 0]);
    if (name !== "finished") assertEquals(rig.done?.fatal, true);
  });
}

for (
  const [name, packets] of [
    ["hello", [helloPacket()]],
    ["migrate", [samplePacket(MessageType.SESSION_MIGRATE)]],
  ] as [keyof ServerHandshakeHost, NnrpPacket[]][]
) {
  test(`a handshake's host that fails at ${name}() costs its connection only: INTERNAL_ERROR, once in the log`, () => {
    const rig = new ServerRig();
    spoil(rig, rig.handshakeHost, name);
    const errors = errorsIn(rig.receive(...packets, bare(MessageType.PING)));
    assertEquals(
      errors.map((e) => [e.errorCode, e.errorScope, e.isFatal]),
      [[ErrorCode.INTERNAL_ERROR, ErrorScope.CONNECTION, 1]],
    );
    assertEquals(rig.failures.map((e) => (e.cause as Error).message), [`host.${name} failed`]);
    assertEquals([rig.handshake.state, rig.done?.fatal], [4, true]);
  });
}

for (
  const [name, packets] of [
    ["opened", []],
    ["hint", [hintPacket()]],
    ["flow", [flowPacket({ credit: 1 })]],
    ["error", [errorPacket()]],
    ["draining", [bare(MessageType.CLOSE)]],
    ["admitted", [bare(MessageType.CLOSE), errorPacket({ isFatal: 1 })]],
  ] as [keyof ClientHost, NnrpPacket[]][]
) {
  test(`a client's host that fails at ${name}() costs its session only, and everybody who waits hears of it`, () => {
    const rig = new ClientRig();
    spoil(rig, rig.host, name);
    const [hello] = rig.hello();
    const ack = new ServerRig().receive(hello)[0];
    rig.receive(ack);
    const waiter = name === "opened" ? null : rig.submit(1);
    rig.out.take();
    rig.receive(...packets, bare(MessageType.PING));
    assertEquals(rig.failures.map((e) => (e.cause as Error).message), [`host.${name} failed`]);
    assertEquals(rig.engine.state, 4);
    if (waiter !== null) assertEquals(waiter.heard.length, 1, waiter.heard.join());
    assert(rig.done !== null);
  });
}

test("a waiter that cannot take its result costs its frame only", () => {
  for (const final of [true, false]) {
    const rig = new ClientRig().open();
    rig.mayFail = true;
    const waiter = new RecordingWaiter(0, !final);
    waiter.result = () => {
      throw new TypeError("no");
    };
    rig.submit(1, 0, waiter);
    const other = rig.submit(2);
    rig.out.take();
    const first = resultPacket(1, final ? {} : { resultClass: 1, appliedBudgetPolicy: 1, resultFlags: 1 });
    const sent = rig.receive(first, resultPacket(2));
    assertEquals(namesOf(sent), final ? [] : ["FRAME_CANCEL"]);
    assertEquals([waiter.heard, other.heard], [["INTERNAL"], ["final"]]);
    assertInstanceOf(waiter.error, NnrpInternalError);
    assertEquals([rig.engine.framesInFlight, rig.failures.length], [0, 1]);
  }
});

test("a log that fails too changes nothing", () => {
  const { rig } = brokenServer("flow");
  spoil(rig, rig.host, "failure");
  rig.open();
  const errors = errorsIn(rig.receive(flowPacket({ credit: 1 })));
  assertEquals(errors.map((e) => e.errorCode), [ErrorCode.INTERNAL_ERROR]);
  assert(rig.done !== null);
});

test("bodies may be large once the hello is accepted, not before, and not after a refusal", () => {
  const rig = new ServerRig({ maxBodyBytes: 1 << 24 });
  rig.acceptAtOnce = false;
  rig.receive(helloPacket());
  assertEquals(rig.out.limits.maxBodyBytes, 65536);
  rig.accept();
  assertEquals(rig.out.limits.maxBodyBytes, 1 << 24);

  const refused = new ServerRig({ maxBodyBytes: 1 << 24 });
  refused.acceptAtOnce = false;
  refused.receive(helloPacket());
  refused.handshake.refuseHello(ErrorCode.AUTH_FAILED, "no");
  assertEquals(refused.out.limits.maxBodyBytes, 65536);
});

test("an engine whose output fails ends, and lets its carrier go", () => {
  const told: string[] = [];
  const rig = new ServerRig();
  rig.mayFail = true;
  const { engine, out } = rig.open();
  rig.host.failure = () => void told.push("failure");
  rig.host.finished = () => void told.push("finished");
  out.begin = () => {
    throw new RangeError("no memory");
  };
  engine.crash(new NnrpInternalError("test"));
  assertEquals([engine.state, told], [4, ["failure", "finished"]]);
});
