import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { NnrpWireError } from "../../errors.ts";
import { MessageType } from "../enums.ts";
import { FRAME_SUBMIT_OFFSETS, FRAME_SUBMIT_RECORD } from "./frame_submit.ts";
import { decodeMetadata, laneOf, messageInfo, MESSAGES } from "./registry.ts";
import { RESULT_PUSH_OFFSETS, RESULT_PUSH_RECORD } from "./result_push.ts";

test("the table has a row for every message type, in ascending order", () => {
  assertEquals(MESSAGES.map(({ msgType }) => msgType), Object.values(MessageType).sort((a, b) => a - b));
  for (const { msgType, name } of MESSAGES) {
    assertEquals(MessageType[name as keyof typeof MessageType], msgType);
  }
});

test("metadata has the sizes of wire spec §3", () => {
  const sizes = Object.fromEntries(MESSAGES.map(({ name, metadataSize }) => [name, metadataSize]));
  assertEquals(sizes, {
    CLIENT_HELLO: 64,
    SERVER_HELLO_ACK: 80,
    SESSION_PATCH: 36,
    SESSION_PATCH_ACK: 48,
    CLOSE: 0,
    ERROR: 32,
    FRAME_SUBMIT: 72,
    FRAME_CANCEL: 0,
    RESULT_PUSH: 64,
    RESULT_DROP: 0,
    CACHE_PUT: 32,
    CACHE_ACK: 28,
    CACHE_INVALIDATE: 20,
    FLOW_UPDATE: 32,
    RESULT_HINT: 16,
    TRANSPORT_PROBE: 16,
    TRANSPORT_PROBE_ACK: 16,
    SESSION_MIGRATE: 24,
    SESSION_MIGRATE_ACK: 24,
    PING: 0,
    PONG: 0,
  });
});

test("metadata of any message is read by its type", () => {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, 7, true);
  assertEquals(decodeMetadata(MessageType.TRANSPORT_PROBE, view, 0, 16), {
    probeId: 7,
    probePayloadBytes: 0,
    clientSendTsUs: 0n,
  });
  assertEquals(decodeMetadata(MessageType.PING, view, 0, 16), null);
  assertEquals(messageInfo(0x99), undefined);
  assertThrows(() => decodeMetadata(0x99, view, 0, 16), NnrpWireError, "unknown message type");
});

test("frames and their answers travel on lanes of their own, all other messages on the control lane", () => {
  const lanes = { FRAME_SUBMIT: "submit", RESULT_PUSH: "result", RESULT_DROP: "result" } as Record<
    string,
    string
  >;
  for (const { name, msgType, lane } of MESSAGES) {
    assertEquals([lane, laneOf(msgType)], [lanes[name] ?? "control", lane], name);
  }
  assertEquals([laneOf(0x99), laneOf(255), laneOf(256)], ["control", "control", "control"]);
});

test("the offsets of fields that are read alone are those of the table", () => {
  for (
    const [record, offsets] of [
      [FRAME_SUBMIT_RECORD, FRAME_SUBMIT_OFFSETS],
      [RESULT_PUSH_RECORD, RESULT_PUSH_OFFSETS],
    ] as const
  ) {
    for (const [key, offset] of Object.entries(offsets)) {
      assertEquals(record.fields.find((field) => field.key === key)?.offset, offset, `${record.name} ${key}`);
    }
  }
});
