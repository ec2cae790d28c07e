/**
 * Message type → what it is made of (wire spec §3): the table that tools, docs and the session walk.
 *
 * @module
 */
import { NnrpWireError } from "../../errors.ts";
import { enumName } from "../enum_names.ts";
import { MessageType } from "../enums.ts";
import { CACHE_ACK_RECORD } from "./cache_ack.ts";
import { CACHE_INVALIDATE_RECORD } from "./cache_invalidate.ts";
import { CACHE_PUT_RECORD } from "./cache_put.ts";
import { CLIENT_HELLO_RECORD } from "./client_hello.ts";
import { ERROR_RECORD } from "./error.ts";
import { FLOW_UPDATE_RECORD } from "./flow_update.ts";
import { FRAME_SUBMIT_RECORD } from "./frame_submit.ts";
import type { AnyRecord, RecordValues } from "./record.ts";
import { RESULT_HINT_RECORD } from "./result_hint.ts";
import { RESULT_PUSH_RECORD } from "./result_push.ts";
import { SERVER_HELLO_ACK_RECORD } from "./server_hello_ack.ts";
import { SESSION_MIGRATE_ACK_RECORD, SESSION_MIGRATE_RECORD } from "./session_migrate.ts";
import { SESSION_PATCH_RECORD } from "./session_patch.ts";
import { SESSION_PATCH_ACK_RECORD } from "./session_patch_ack.ts";
import { TRANSPORT_PROBE_ACK_RECORD, TRANSPORT_PROBE_RECORD } from "./transport_probe.ts";

/** Who sends a message. */
export type MessageDirection = "client" | "server" | "both";

/**
 * Where a packet travels on carriers with several streams: beside all others (`"control"`), or in order with its frame
 * (`"submit"`, `"result"`).
 */
export type Lane = "control" | "submit" | "result";

/** What the body of a message holds. */
export type MessageBodyKind =
  /** Nothing; bytes there pass unseen. */
  | "none"
  /** Control extensions, then the auth block. */
  | "client_hello"
  /** Control extensions, then the model name. */
  | "server_hello_ack"
  /** Nothing or a tensor profile block. */
  | "profile_patch"
  /** Human-readable text, UTF-8. */
  | "text"
  /** Tensors, typed payloads, references (wire spec §8). */
  | "frame_submit"
  /** The same for results. */
  | "result_push"
  /** A cache object. */
  | "object"
  /** Bytes whose length the metadata states. */
  | "probe"
  /** Bytes of the application. */
  | "opaque";

/** One row of wire spec §3. */
export interface MessageInfo {
  /** MessageType. */
  readonly msgType: number;
  /** Name, for example `"FRAME_SUBMIT"`. */
  readonly name: string;
  /** Record of the metadata; null for messages without any. */
  readonly record: AnyRecord | null;
  /** Length of the metadata, bytes. */
  readonly metadataSize: number;
  /** Who sends it. */
  readonly direction: MessageDirection;
  /** Where it travels. */
  readonly lane: Lane;
  /** What its body holds. */
  readonly bodyKind: MessageBodyKind;
}

function row(
  msgType: number,
  record: AnyRecord | null,
  direction: MessageDirection,
  bodyKind: MessageBodyKind,
  lane: Lane = "control",
): MessageInfo {
  const name = enumName(MessageType, msgType);
  return { msgType, name, record, metadataSize: record?.size ?? 0, direction, lane, bodyKind };
}

/** All messages, by code. */
export const MESSAGES: readonly MessageInfo[] = [
  row(MessageType.CLIENT_HELLO, CLIENT_HELLO_RECORD, "client", "client_hello"),
  row(MessageType.SERVER_HELLO_ACK, SERVER_HELLO_ACK_RECORD, "server", "server_hello_ack"),
  row(MessageType.SESSION_PATCH, SESSION_PATCH_RECORD, "client", "profile_patch"),
  row(MessageType.SESSION_PATCH_ACK, SESSION_PATCH_ACK_RECORD, "server", "profile_patch"),
  row(MessageType.CLOSE, null, "both", "text"),
  row(MessageType.ERROR, ERROR_RECORD, "both", "text"),
  row(MessageType.FRAME_SUBMIT, FRAME_SUBMIT_RECORD, "client", "frame_submit", "submit"),
  row(MessageType.FRAME_CANCEL, null, "client", "none"),
  row(MessageType.RESULT_PUSH, RESULT_PUSH_RECORD, "server", "result_push", "result"),
  row(MessageType.RESULT_DROP, null, "server", "none", "result"),
  row(MessageType.CACHE_PUT, CACHE_PUT_RECORD, "client", "object"),
  row(MessageType.CACHE_ACK, CACHE_ACK_RECORD, "server", "none"),
  row(MessageType.CACHE_INVALIDATE, CACHE_INVALIDATE_RECORD, "client", "none"),
  row(MessageType.FLOW_UPDATE, FLOW_UPDATE_RECORD, "both", "none"),
  row(MessageType.RESULT_HINT, RESULT_HINT_RECORD, "server", "none"),
  row(MessageType.TRANSPORT_PROBE, TRANSPORT_PROBE_RECORD, "client", "probe"),
  row(MessageType.TRANSPORT_PROBE_ACK, TRANSPORT_PROBE_ACK_RECORD, "server", "none"),
  row(MessageType.SESSION_MIGRATE, SESSION_MIGRATE_RECORD, "client", "opaque"),
  row(MessageType.SESSION_MIGRATE_ACK, SESSION_MIGRATE_ACK_RECORD, "server", "opaque"),
  row(MessageType.PING, null, "both", "none"),
  row(MessageType.PONG, null, "both", "none"),
];

const byType: readonly (MessageInfo | undefined)[] = Array.from(
  { length: 256 },
  (_, msgType) => MESSAGES.find((info) => info.msgType === msgType),
);

const lanes: readonly Lane[] = byType.map((info) => info?.lane ?? "control");

/** The lane of a message; unknown ones travel on the control lane, where they are refused. */
export function laneOf(msgType: number): Lane {
  return lanes[msgType] ?? "control";
}

/** What a message is made of; undefined for an unknown type. */
export function messageInfo(msgType: number): MessageInfo | undefined {
  return byType[msgType];
}

/**
 * Reads the metadata of any message.
 *
 * @param msgType A MessageType.
 * @param view The bytes.
 * @param offset Where the metadata begins.
 * @param length Its length, bytes.
 * @returns The fields of the record; null for messages without metadata, whatever bytes stand there (wire spec §3).
 * @throws NnrpWireError (stage metadata) if the record refuses, (stage framing) for an unknown type.
 */
export function decodeMetadata(
  msgType: number,
  view: DataView,
  offset: number,
  length: number,
): RecordValues | null {
  const info = messageInfo(msgType);
  if (info === undefined) {
    throw new NnrpWireError("unknown message type", {
      field: "header.msg_type",
      actual: msgType,
      stage: "framing",
    });
  }
  return info.record === null ? null : info.record.decodeValues(view, offset, length);
}
