/**
 * ERROR both ways (wire spec §4.5, behaviour spec §9): the one place that writes it and the one that reads it, for sessions, for
 * probes and for moves.
 *
 * @module
 */
import { NnrpProtocolError } from "../../errors.ts";
import { ErrorCode, ErrorScope, MessageType } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import { ERROR_RECORD } from "../../wire/metadata/error.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import type { ErrorEvent } from "../engine/engine_host.ts";
import type { PacketWriter } from "../engine/packet_writer.ts";
import { decodeWords, encodeWords } from "./words.ts";

/** Fields of an ERROR to send. */
export interface ErrorFields {
  /** An ErrorCode. */
  readonly errorCode: number;
  /** An ErrorScope. */
  readonly errorScope: number;
  /** Whether the session is over. Default false. */
  readonly fatal?: boolean;
  /** When trying again makes sense, ms. Default 0 = not specified. */
  readonly retryAfterMs?: number;
  /** Frame it refers to. Default 0. */
  readonly frameId?: number;
  /** View of that frame. Default 0. */
  readonly viewId?: number;
  /** Trace id of the packet that caused it. Default 0. */
  readonly traceId?: bigint;
  /** Diagnostic text, UTF-8 on the wire; at most 1,024 bytes are sent. */
  readonly diagnostic?: string;
}

/** Writes an ERROR about the writer's session. */
export function writeError(writer: PacketWriter, fields: ErrorFields): void {
  const body = encodeWords(fields.diagnostic);
  writer.record(
    MessageType.ERROR,
    ERROR_RECORD,
    {
      errorCode: fields.errorCode,
      errorScope: fields.errorScope,
      isFatal: fields.fatal ? 1 : 0,
      retryAfterMs: fields.retryAfterMs ?? 0,
      relatedSessionId: writer.sessionId,
      relatedFrameId: fields.frameId ?? 0,
      relatedViewId: fields.viewId ?? 0,
      diagnosticBytes: body.length,
    },
    { frameId: fields.frameId, viewId: fields.viewId, traceId: fields.traceId },
    body,
  );
}

/**
 * Reads an ERROR of the peer.
 *
 * @param cursor The packet.
 * @param endsAll Whether it ends everything on its connection whatever it says: a probe or a move that is refused. Default:
 *   what it says.
 * @throws NnrpWireError (stage metadata) if its metadata breaks a rule.
 */
export function readError(cursor: PacketCursor, endsAll = false): ErrorEvent {
  const metadata = ERROR_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
  const error = protocolError(
    {
      errorCode: metadata.errorCode,
      errorScope: metadata.errorScope,
      fatal: endsAll || metadata.isFatal !== 0 || metadata.errorScope === ErrorScope.CONNECTION,
      retryAfterMs: metadata.retryAfterMs,
      frameId: metadata.relatedFrameId,
      viewId: metadata.relatedViewId,
      diagnostic: decodeWords(cursor),
    },
    metadata.relatedSessionId,
    true,
  );
  return { error, traceId: cursor.traceId };
}

/** The error value of an ERROR. */
export function protocolError(fields: ErrorFields, sessionId: number, remote: boolean): NnrpProtocolError {
  return new NnrpProtocolError({
    errorCode: fields.errorCode,
    codeName: enumName(ErrorCode, fields.errorCode),
    errorScope: fields.errorScope,
    fatal: fields.fatal,
    retryAfterMs: fields.retryAfterMs,
    relatedSessionId: sessionId,
    relatedFrameId: fields.frameId,
    relatedViewId: fields.viewId,
    diagnostic: fields.diagnostic,
    remote,
  });
}
