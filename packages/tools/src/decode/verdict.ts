/**
 * What the codec says about a whole packet, and where in the input the byte is that it speaks of. The tree only lays bytes out;
 * the codec stays the judge, so that `nnrp decode` and the endpoints cannot disagree.
 *
 * @module
 */
import {
  decodeClientHelloBody,
  decodeFrameSubmitBody,
  decodeMetadata,
  decodeResultPushBodyLenient,
  decodeServerHelloAckBody,
  decodeSessionPatchAckBody,
  decodeSessionPatchBody,
  MessageType,
  NnrpWireError,
  type PacketHeader,
  type RecordValues,
} from "@nnrp/core";
import { specSection } from "./spec_sections.ts";
import type { DecodeProblem } from "./tree.ts";
import { ruleOf, type Walk } from "./walk.ts";

/**
 * Reads metadata and body the way endpoints do.
 *
 * @param bytes The packet, whole.
 * @returns What is refused, or null.
 */
export function codecRefusal(header: PacketHeader, bytes: Uint8Array): NnrpWireError | null {
  const split = header.headerLen + header.metaLen;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const metadata = decodeMetadata(header.msgType, view, header.headerLen, header.metaLen);
    if (metadata !== null) readBody(header.msgType, metadata, bytes.subarray(split));
    return null;
  } catch (error) {
    if (error instanceof NnrpWireError) return error;
    throw error;
  }
}

function readBody(msgType: number, metadata: RecordValues, body: Uint8Array): void {
  // Records know their keys, tables of records do not: the values are those of the message's own record.
  const fields = metadata as never;
  switch (msgType) {
    case MessageType.CLIENT_HELLO:
      decodeClientHelloBody(fields, body);
      return;
    case MessageType.SERVER_HELLO_ACK:
      decodeServerHelloAckBody(fields, body);
      return;
    case MessageType.SESSION_PATCH:
      decodeSessionPatchBody(Number(metadata.profilePatchBytes), body);
      return;
    case MessageType.SESSION_PATCH_ACK:
      decodeSessionPatchAckBody(Number(metadata.profilePatchAckBytes), body);
      return;
    case MessageType.FRAME_SUBMIT:
      decodeFrameSubmitBody(fields, body);
      return;
    case MessageType.RESULT_PUSH:
      decodeResultPushBodyLenient(fields, body);
      return;
    case MessageType.TRANSPORT_PROBE:
      if (metadata.probePayloadBytes !== body.length) {
        throw new NnrpWireError("differs from the body", {
          field: "transport_probe.probe_payload_bytes",
          expected: body.length,
          actual: Number(metadata.probePayloadBytes),
        });
      }
      return;
  }
}

/** Metadata fields that state the length of a profile block, by message. */
const PROFILE_LENGTHS: Readonly<Record<string, string>> = {
  session_patch: "profile_patch_bytes",
  session_patch_ack: "profile_patch_ack_bytes",
};

/**
 * A refusal of the body as a problem with a place in the input.
 *
 * @param walk The walk through the packet: knows where the records are.
 * @param bodyStart Where the body begins in the input.
 */
export function locate(walk: Walk, error: NnrpWireError, bodyStart: number): DecodeProblem {
  const field = error.field === "both regions" ? "object_references" : error.field;
  return {
    offset: placeOf(walk, error, bodyStart),
    field,
    rule: ruleOf(error),
    spec: specSection(field, error.stage, walk.message),
    ...(error.expected === undefined ? {} : { expected: String(error.expected) }),
    ...(error.actual === undefined ? {} : { actual: String(error.actual) }),
  };
}

function placeOf(walk: Walk, { field, offset }: NnrpWireError, bodyStart: number): number {
  const metadata = walk.places.get(walk.message);
  if (metadata !== undefined) {
    const name = field.startsWith("tensor_profile_patch")
      ? PROFILE_LENGTHS[walk.message]
      : field.startsWith(`${walk.message}.`)
      ? field.slice(walk.message.length + 1)
      : field;
    const found = metadata.record.fields.find(({ wireName }) => wireName === name);
    if (found !== undefined) return metadata.offset + found.offset;
  }
  return bodyStart + (offset ?? 0);
}
