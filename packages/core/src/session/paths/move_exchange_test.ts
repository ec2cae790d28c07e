import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { test } from "node:test";
import {
  ClientRig,
  namesOf,
  PacketRecorder,
  RecordingReply,
  RecordingWaiter,
  ServerRig,
} from "@nnrp/testing/engines";
import { patterned } from "@nnrp/testing/packets";
import { bare, errorPacket, recordBytes, samplePacket, submitPacket } from "@nnrp/testing/packets";
import {
  NnrpConnectionClosedError,
  NnrpError,
  NnrpProtocolError,
  NnrpUnexpectedMessageError,
} from "../../errors.ts";
import { ErrorScope, MessageType } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import { SESSION_MIGRATE_ACK_RECORD, SESSION_MIGRATE_RECORD } from "../../wire/metadata/session_migrate.ts";
import { encodePacket, makePacket, type NnrpPacket } from "../../wire/packet.ts";
import { PacketCursor } from "../../wire/packet_cursor.ts";
import { EXCHANGE_RECEPTION, type Reception } from "../engine/states.ts";
import { ProbeExchange } from "../probe/probe_exchange.ts";
import { MoveExchange } from "./move_exchange.ts";
import { writeMigrateAccept } from "./migrate_answer.ts";
import { PacketWriter } from "../engine/packet_writer.ts";

const cursorOf = (packet: NnrpPacket) => new PacketCursor(encodePacket(packet));
const REQUEST = { oldTransportId: 2, newTransportId: 1, lastResultFrameId: 5n };

function ack(sessionId: number, acceptCode = 0): NnrpPacket {
  const fields = { acceptCode, resumeFromFrameId: 9n, graceWindowMs: 100, serverMigrateTsUs: 1n };
  const metadata = recordBytes(SESSION_MIGRATE_ACK_RECORD, fields);
  return makePacket({
    msgType: MessageType.SESSION_MIGRATE_ACK,
    sessionId,
    metadata,
    body: patterned(16, 3),
  });
}

test("a move is asked for with the session's id, its trace id, the time given and the proof", () => {
  const out = new PacketRecorder();
  const exchange = new MoveExchange(out, 7, 42n);
  exchange.ask(REQUEST, patterned(16, 1), 1234.5);
  const [packet] = out.take();
  assertEquals([packet.name, packet.lane, packet.header.sessionId, packet.header.traceId], [
    "SESSION_MIGRATE",
    "control",
    7,
    42n,
  ]);
  const { metadata, body } = packet;
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength);
  assertEquals(SESSION_MIGRATE_RECORD.decode(view, 0, metadata.length), {
    ...REQUEST,
    clientMigrateTsUs: 1_234_500n,
  });
  assertEquals(body, patterned(16, 1));
});

test("the answer is a value: the ack and a copy of the next token; a ping before it is answered", () => {
  const out = new PacketRecorder();
  const exchange = new MoveExchange(out, 7, 42n);
  assertEquals(exchange.receive(cursorOf(bare(MessageType.PING, { traceId: 3n }))), undefined);
  assertEquals(out.take().map((p) => [p.name, p.header.traceId]), [["PONG", 3n]]);
  const cursor = cursorOf(ack(7));
  const answer = exchange.receive(cursor)!;
  cursor.bytes.fill(0);
  assertEquals([answer.ack.resumeFromFrameId, answer.nextToken], [9n, patterned(16, 3)]);
});

test("the answer for another session is none", () => {
  const exchange = new MoveExchange(new PacketRecorder(), 7, 42n);
  assertThrows(() => exchange.receive(cursorOf(ack(8))), NnrpUnexpectedMessageError, "of session 8");
});

for (const exchange of ["move", "probe"] as const) {
  test(`all messages before the answer of a ${exchange}: what the table says, and typed errors for the rest`, () => {
    for (const msgType of Object.values(MessageType)) {
      const name = enumName(MessageType, msgType);
      const row: Partial<Record<string, Reception>> = EXCHANGE_RECEPTION[exchange];
      const out = new PacketRecorder();
      const cursor = cursorOf({ ...samplePacket(msgType) });
      const receive = exchange === "move"
        ? () => new MoveExchange(out, cursor.sessionId, 1n).receive(cursor)
        : () => new ProbeExchange(out, 5).receive(cursor, 0);
      let error: unknown;
      try {
        receive();
      } catch (thrown) {
        assertInstanceOf(thrown, NnrpError);
        error = thrown;
      }
      const reception = row[name] ?? "refuse";
      if (reception === "refuse") assertInstanceOf(error, NnrpUnexpectedMessageError, name);
      else if (name === "ERROR") {
        assertInstanceOf(error, NnrpProtocolError);
        assertEquals([error.fatal, error.remote], [true, true]);
      } else {assert(
          !(error instanceof NnrpUnexpectedMessageError) || /ack of probe/.test(error.message),
          name,
        );}
      assertEquals(namesOf(out.take()), exchange === "move" && name === "PING" ? ["PONG"] : []);
    }
  });
}

test("the frame id to resume from is one there is, or none, whatever the client names", () => {
  const most = 0xffff_ffff_ffff_ffffn;
  const last = 0xffff_ffffn;
  const rows = [[most, 0n], [last + 1n, 0n], [last, 0n], [last - 1n, last], [0n, 4n]];
  for (const [lastResultFrameId, resume] of rows) {
    const out = new PacketRecorder();
    const metadata = { ...REQUEST, lastResultFrameId, clientMigrateTsUs: 0n };
    const request = { metadata, sessionId: 7, proof: new Uint8Array(0), traceId: 1n };
    writeMigrateAccept(new PacketWriter(out), request, 3, 100, new Uint8Array(0), 0);
    const [sent] = out.take();
    const view = new DataView(sent.metadata.buffer, sent.metadata.byteOffset, sent.metadata.byteLength);
    assertEquals(SESSION_MIGRATE_ACK_RECORD.decode(view, 0, sent.metadata.length).resumeFromFrameId, resume);
  }
});

test("an ERROR with the trace id of the last move tells that its path broke, any other is an ERROR", () => {
  const broken: bigint[] = [];
  const rig = new ClientRig();
  rig.onPathBroken = ({ traceId }) => void broken.push(traceId);
  rig.open();
  const error = (traceId: bigint) => errorPacket({ errorScope: ErrorScope.SESSION }, { traceId });
  const move = rig.engine.beginMove(new PacketRecorder());
  rig.receive(error(move.traceId));
  assertEquals([broken, rig.heard], [[], ["error"]], "not moved yet");
  rig.engine.moveTo(rig.out, rig.nowMs, move.traceId);
  rig.receive(error(move.traceId), error(move.traceId + 5n));
  assertEquals([broken, rig.heard], [[move.traceId], ["error", "error"]]);
});

test("a client that can come back is told of its loss and of the frames that were lost with it, once", () => {
  const rig = new ClientRig().open();
  rig.engine.resumable = true;
  const [due, late] = [rig.submit(1), rig.submit(2)];
  const pong = new RecordingReply<number>();
  rig.engine.ping(pong, rig.nowMs);
  rig.engine.timeOut(2, 0);
  rig.current.carrierClosed({ code: 0, reason: "cut", local: false });
  rig.current.carrierClosed({ code: 0, reason: "cut", local: false });
  assertEquals([rig.heard.filter((word) => word === "suspended").length, rig.ending], [1, null]);
  assertEquals(rig.lost.map((w) => w.frameId).sort(), [1, 2]);
  assertInstanceOf(pong.error, NnrpConnectionClosedError);
  assertEquals([due.heard, late.heard, rig.engine.framesInFlight], [[], [], 0], "the host ends them");
  for (const waiter of rig.lost) rig.engine.failLost(waiter, new NnrpConnectionClosedError("tcp", "cut"));
  assertEquals([due.heard, late.heard, rig.engine.counts.failed], [["CLOSED"], [], 2]);
  rig.engine.giveUp({ kind: "lost", local: false, reason: "nobody there" });
  assertEquals([rig.engine.suspended, rig.done?.end.reason], [false, "nobody there"]);
});

test("frames of a lost path come back as a list, cancelled there; what has ended since is not among them", () => {
  const rig = new ClientRig().open();
  const [first, second] = [rig.submit(1), rig.submit(2)];
  rig.engine.discard(1, 0);
  rig.out.take();
  const lost = rig.engine.losePath([first, second], new NnrpConnectionClosedError("tcp", "cut"));
  assertEquals([lost, second.heard], [[second], []]);
  assertEquals(rig.out.take().map((p) => [p.name, p.header.frameId]), [["FRAME_CANCEL", 2]]);
});

test("frames that the old path never answered end as dropped", () => {
  const rig = new ClientRig().open();
  const [first, second] = [rig.submit(1), rig.submit(2)];
  rig.engine.dropUnanswered([first, new RecordingWaiter()]);
  assertEquals([first.heard, second.heard, rig.engine.counts.dropped], [["drop"], [], 1]);
});

test("a server's session that can come back is suspended by a loss or a silent end, others end", () => {
  for (const resumable of [true, false]) {
    for (const loss of ["end", "close"]) {
      const rig = new ServerRig().open();
      rig.engine.resumable = resumable;
      rig.receive(submitPacket(1));
      rig.heard.length = 0;
      if (loss === "end") rig.current.peerEnded();
      else rig.current.carrierClosed({ code: 0, reason: "cut", local: false });
      const drains = loss === "end" ? ["draining"] : ["draining", "finished"];
      assertEquals(rig.heard, resumable ? ["cancelled", "suspended"] : drains);
      assertEquals(rig.engine.suspended, resumable);
    }
  }
});
