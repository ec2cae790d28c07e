import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { errorsIn, helloPacket, namesOf, ServerRig } from "@nnrp/testing/engines";
import { patterned } from "@nnrp/testing/packets";
import { bare, errorPacket, migratePacket, probePacket, submitPacket } from "@nnrp/testing/packets";
import { NnrpValueError } from "../../errors.ts";
import { ErrorCode, MessageType } from "../../wire/enums.ts";
import { DEFAULT_MAX_BODY_BYTES, MAX_BODY_BYTES_BEFORE_HELLO } from "../../wire/limits.ts";
import { makePacket } from "../../wire/packet.ts";
import { SessionState } from "../engine/states.ts";
import { buildHelloAck, judgeHello } from "./negotiation.ts";

/** A server that has not judged the hello yet. */
function undecided(options: ConstructorParameters<typeof ServerRig>[0] = {}): ServerRig {
  const rig = new ServerRig(options);
  rig.acceptAtOnce = false;
  rig.receive(helloPacket());
  return rig;
}

function ackOf(rig: ServerRig) {
  const agreement = judgeHello(rig.context!, {});
  assert(agreement.accepted);
  return buildHelloAck(agreement, { sessionId: 7, activeTransportId: 2 });
}

test("an agreement is a value: the connection, the ack, what came behind the hello, the probes before it", () => {
  const rig = new ServerRig();
  rig.acceptAtOnce = false;
  rig.receive(probePacket(), probePacket(), helloPacket(), submitPacket(1), submitPacket(2));
  const { metadata, body } = ackOf(rig);
  const agreed = rig.handshake.agree(metadata, body)!;
  assertEquals(rig.handshake.outcome, agreed);
  assertEquals(agreed.kind, "agreed");
  assertEquals(agreed.link.writer.sessionId, 7);
  assertEquals(agreed.ack, metadata);
  assertEquals(agreed.deferred.map(({ cursor, lane }) => [cursor.frameId, lane]), [[1, "submit"], [
    2,
    "submit",
  ]]);
  assertEquals(agreed.probes, { probes: 2, probesRefused: 0 });
  assertEquals(rig.handshake.agree(metadata, body), null, "only once");
  rig.begin(agreed);
  assertEquals([rig.engine.state, rig.engine.sessionId], [SessionState.ACTIVE, 7]);
  assertEquals(rig.frames.map((f) => f.frameId), [1, 2]);
  assertEquals(rig.engine.counts.probes, 2);
});

test("an ack that cannot be written leaves the hello open: it can be refused, under session id 0", () => {
  const rig = undecided();
  const { metadata, body } = ackOf(rig);
  assertThrows(() => rig.handshake.agree({ ...metadata, maxBodyBytes: -1 }, body), NnrpValueError);
  assertEquals([rig.out.packets.length, rig.handshake.outcome], [0, null]);
  rig.handshake.refuseHello(ErrorCode.INTERNAL_ERROR, "no");
  const [error] = errorsIn(rig.out.take());
  assertEquals([error.errorCode, error.relatedSessionId], [ErrorCode.INTERNAL_ERROR, 0]);
});

test("bodies are small until the hello is accepted, not only until it came", () => {
  const rig = undecided();
  const { limits } = rig.out;
  assertEquals(limits.maxBodyBytes, MAX_BODY_BYTES_BEFORE_HELLO);
  rig.accept();
  assertEquals(limits.maxBodyBytes, DEFAULT_MAX_BODY_BYTES);
});

const FAILURES: Record<string, { play: (rig: ServerRig) => void; kind: string; lastWords: boolean }> = {
  "refused by ERROR": {
    play: (rig) => rig.handshake.refuseHello(ErrorCode.AUTH_FAILED, "no"),
    kind: "refused",
    lastWords: true,
  },
  "refused by an ack": {
    play: (rig) => rig.handshake.refuseByAck(ackOf(rig).metadata),
    kind: "refused",
    lastWords: true,
  },
  "a packet that has no place here": {
    play: (rig) => rig.receive(bare(MessageType.RESULT_DROP)),
    kind: "refused",
    lastWords: true,
  },
  "a fatal ERROR of the client": {
    play: (rig) => rig.receive(errorPacket({ isFatal: 1 })),
    kind: "refused",
    lastWords: false,
  },
  "CLOSE of the client": {
    play: (rig) => rig.receive(bare(MessageType.CLOSE)),
    kind: "lost",
    lastWords: false,
  },
  "the client finished sending": { play: (rig) => rig.current.peerEnded(), kind: "lost", lastWords: false },
  "the carrier closed": {
    play: (rig) => rig.current.carrierClosed({ code: 0, reason: "gone", local: false }),
    kind: "lost",
    lastWords: false,
  },
  "silence": { play: (rig) => [rig.pass(200_000), rig.pass(20)], kind: "lost", lastWords: false },
};

for (const [what, { play, kind, lastWords }] of Object.entries(FAILURES)) {
  test(`${what}: the outcome is "${kind}", told once, and nothing can be agreed after it`, () => {
    const rig = undecided();
    const ack = ackOf(rig);
    play(rig);
    assertEquals([rig.failure?.kind, rig.failure?.lastWords, rig.handshake.outcome], [
      kind,
      lastWords,
      rig.failure,
    ]);
    assertEquals([rig.handshake.agree(ack.metadata, ack.body), rig.handshake.take()], [null, null]);
    rig.handshake.refuseHello(ErrorCode.AUTH_FAILED, "again");
    rig.current.carrierClosed({ code: 0, reason: "", local: true });
    assertEquals(rig.heard.filter((word) => word === "refused" || word === "lost").length, 1);
  });
}

test("what comes behind a hello is bounded in packets and in bytes", () => {
  const small = submitPacket(1);
  const big = makePacket({ msgType: MessageType.FRAME_SUBMIT, body: patterned(2000, 1) });
  for (
    const [options, packet, fits] of [
      [{ maxDeferredPackets: 3 }, small, 3],
      [{ maxDeferredBytes: 5000 }, big, 2],
    ] as const
  ) {
    const rig = undecided(options);
    for (let i = 0; i < fits; i++) assertEquals(rig.receive(packet), []);
    const errors = errorsIn(rig.receive(packet));
    assertEquals(errors.map((e) => [e.errorCode, e.isFatal]), [[ErrorCode.LIMIT_EXCEEDED, 1]]);
    assertEquals(rig.failure?.kind, "refused");
  }
});

test("a connection that is taken by a move belongs to the handshake no more", () => {
  const rig = new ServerRig();
  rig.receive(probePacket());
  const taken = rig.handshake.take()!;
  assertEquals([taken.kind, taken.probes.probes, rig.handshake.outcome], ["moved", 1, taken]);
  rig.receive(helloPacket(), bare(MessageType.PING));
  rig.current.peerEnded();
  rig.current.carrierClosed({ code: 0, reason: "", local: false });
  assertEquals([rig.heard, rig.out.packets.length], [[], 0]);
});

test("a refused move leaves the connection open for a hello", () => {
  const rig = new ServerRig();
  assertEquals(namesOf(rig.receive(migratePacket())), ["SESSION_MIGRATE_ACK"]);
  assertEquals(namesOf(rig.receive(helloPacket())), ["SERVER_HELLO_ACK"]);
  assertEquals(rig.engine.state, SessionState.ACTIVE);
});
