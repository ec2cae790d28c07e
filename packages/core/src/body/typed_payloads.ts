/**
 * Typed payloads as callers give and get them: token, audio and video chunks, events, tool deltas and opaque bytes; and how
 * they are written: a table of 16 bytes each, then the payloads back to back (wire spec §8.2, §8.3). `typed_payload_table.ts`
 * reads them.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { PayloadKind } from "../wire/flags.ts";
import { checkU16, isU16, isU8, shown } from "../wire/integers.ts";
import type { Outbox } from "../wire/outbox.ts";
import { asBytes } from "../wire/byte_arguments.ts";
import { DESCRIPTOR_SIZE } from "./prelude.ts";

/** Kinds that a typed payload may have: all but TENSOR. */
export const TYPED_PAYLOAD_KINDS = 0x7e;
/** Most typed payloads of a packet: the count has 16 bits (wire spec §13). */
export const MAX_TYPED_PAYLOADS = 0xffff;

/** One payload beside or instead of tensors. */
export interface TypedPayload {
  /** PayloadKind, exactly one and not TENSOR. */
  readonly payloadKind: number;
  /** The bytes; a view on the packet where it was received. */
  readonly payload: Uint8Array;
  /** Profile, u16. Default 0. */
  readonly profileId?: number;
  /** Always 0. */
  readonly descriptorFlags?: number;
}

/** What makes a payload of one kind out of text (as UTF-8) or bytes. Bytes are not copied. */
export type TypedPayloadFactory = (data: string | Uint8Array, profileId?: number) => TypedPayload;

/** Makes typed payloads: `TypedPayload.tokenChunk("text")`. Bytes are not copied, text is encoded as UTF-8. */
export const TypedPayload: {
  /** A piece of text. */
  readonly tokenChunk: TypedPayloadFactory;
  /** A piece of sound. */
  readonly audioChunk: TypedPayloadFactory;
  /** A piece of video. */
  readonly videoChunk: TypedPayloadFactory;
  /** An event with a schema. */
  readonly structuredEvent: TypedPayloadFactory;
  /** A change of a tool's state. */
  readonly toolDelta: TypedPayloadFactory;
  /** Bytes that only the application knows. */
  readonly opaqueBytes: TypedPayloadFactory;
} = {
  tokenChunk: (data, profileId = 0) => make(PayloadKind.TOKEN_CHUNK, data, profileId),
  audioChunk: (data, profileId = 0) => make(PayloadKind.AUDIO_CHUNK, data, profileId),
  videoChunk: (data, profileId = 0) => make(PayloadKind.VIDEO_CHUNK, data, profileId),
  structuredEvent: (data, profileId = 0) => make(PayloadKind.STRUCTURED_EVENT, data, profileId),
  toolDelta: (data, profileId = 0) => make(PayloadKind.TOOL_DELTA, data, profileId),
  opaqueBytes: (data, profileId = 0) => make(PayloadKind.OPAQUE_BYTES, data, profileId),
};

const encoder = new TextEncoder();
const NO_PAYLOAD = {} as TypedPayload;

function make(payloadKind: number, data: string | Uint8Array, profileId: number): TypedPayload {
  const payload = typeof data === "string" ? encoder.encode(data) : asBytes(data, "data");
  return { payloadKind, payload, profileId, descriptorFlags: 0 };
}

/**
 * Checks typed payloads that are to be written and returns how many bytes they have together, descriptors not
 * counted.
 *
 * @throws NnrpValueError naming the one at fault, for example `typedPayloads[1].profileId`.
 */
export function measureTypedPayloads(payloads: readonly TypedPayload[]): number {
  const count = payloads.length;
  if (!(count >= 0 && count <= MAX_TYPED_PAYLOADS)) {
    throw new NnrpValueError("too many typed payloads", {
      field: "typedPayloads",
      expected: `at most ${MAX_TYPED_PAYLOADS}`,
      actual: count,
    });
  }
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const item = payloads[i];
    if (item === undefined || item === null) refuseTypedPayload(NO_PAYLOAD, i);
    const kind = item.payloadKind;
    const profileId = item.profileId;
    if (
      !isOneKind(kind) || kind === PayloadKind.TENSOR || !(item.payload instanceof Uint8Array) ||
      (profileId !== undefined && !isU16(profileId)) ||
      (item.descriptorFlags !== undefined && item.descriptorFlags !== 0)
    ) refuseTypedPayload(item, i);
    const { length } = item.payload;
    if (length === 0) asBytes(item.payload, `typedPayloads[${i}].payload`);
    bytes += length;
  }
  return bytes;
}

/** Kinds of all given payloads together, a PayloadKind bit set. */
export function typedPayloadKinds(payloads: readonly TypedPayload[]): number {
  let kinds = 0;
  for (let i = 0; i < payloads.length; i++) kinds |= payloads[i].payloadKind;
  return kinds;
}

/**
 * Writes the descriptors of payloads that {@linkcode measureTypedPayloads} accepted, 16 bytes each, packed
 * back to back.
 */
export function writeTypedPayloadTable(
  view: DataView,
  offset: number,
  payloads: readonly TypedPayload[],
): void {
  let start = 0;
  for (let i = 0; i < payloads.length; i++) {
    const item = payloads[i];
    const length = item.payload.length;
    const at = offset + i * DESCRIPTOR_SIZE;
    view.setUint32(at, item.payloadKind | ((item.profileId ?? 0) << 16), true);
    view.setUint32(at + 4, start, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, 0, true);
    start += length;
  }
}

/** Adds the payloads themselves. */
export function appendTypedPayloads(out: Outbox, payloads: readonly TypedPayload[]): void {
  for (let i = 0; i < payloads.length; i++) out.append(payloads[i].payload, "typedPayloads[#].payload", i);
}

/** The slow way to the error, and past the fast test for bytes of another realm. */
function refuseTypedPayload(item: TypedPayload, index: number): void {
  const field = `typedPayloads[${index}]`;
  if (!isOneKind(item.payloadKind) || item.payloadKind === PayloadKind.TENSOR) {
    throw new NnrpValueError("exactly one kind, and not TENSOR", {
      field: `${field}.payloadKind`,
      actual: shown(item.payloadKind),
    });
  }
  asBytes(item.payload, `${field}.payload`);
  checkU16(item.profileId ?? 0, `${field}.profileId`);
  if ((item.descriptorFlags ?? 0) !== 0) {
    throw new NnrpValueError("must be 0", {
      field: `${field}.descriptorFlags`,
      expected: 0,
      actual: shown(item.descriptorFlags),
    });
  }
}

/** Whether a number is exactly one PayloadKind bit; TENSOR counts. */
function isOneKind(kind: number): boolean {
  return isU8(kind) && kind < 0x80 && kind !== 0 && (kind & (kind - 1)) === 0;
}
