/**
 * Kind `stream`: packets back to back, cut by the packet reader as carriers use it. Every stream is fed in several ways, which
 * must tell the same.
 *
 * @module
 */
import { decodeHeader, PacketReader } from "@nnrp/core";
import type { Json, JsonObject } from "./format.ts";
import { difference } from "./json_values.ts";
import { headerJson, viewOf } from "./messages.ts";

/** What a reader accepts. */
export interface StreamLimits {
  /** Longest metadata, bytes. */
  readonly maxMetadataBytes: number;
  /** Longest body, bytes. */
  readonly maxBodyBytes: number;
  /** Longest body of a probe, bytes. */
  readonly maxProbeBodyBytes: number;
}

/** The reference has no limits but those of the fields. */
export const NO_LIMITS: StreamLimits = {
  maxMetadataBytes: 0xffff_ffff,
  maxBodyBytes: 0xffff_ffff,
  maxProbeBodyBytes: 0xffff_ffff,
};

/** How a stream arrives: sizes of the pieces, and whether they are pushed or read into the reader's memory. */
const WAYS: readonly { readonly piece: number; readonly push: boolean }[] = [
  { piece: Infinity, push: true },
  { piece: Infinity, push: false },
  { piece: 7, push: true },
  { piece: 1, push: false },
];

/**
 * Cuts a stream.
 *
 * @throws NnrpWireError (stage framing) at the first bad header; Error if the ways of feeding disagree.
 */
export function decodeStream(bytes: Uint8Array, limits: StreamLimits = NO_LIMITS): JsonObject {
  const all = WAYS.map(({ piece, push }) =>
    feed(bytes, limits, Math.min(piece, Math.max(1, bytes.length)), push)
  );
  for (const { json, error } of all.slice(1)) {
    const found = difference(all[0].json, json, "stream");
    if (found !== null) throw new Error(`feeding in pieces gives something else: ${found}`);
    if ((error === undefined) !== (all[0].error === undefined)) {
      throw new Error("feeding in pieces gives another verdict", { cause: error ?? all[0].error });
    }
  }
  if (all[0].error !== undefined) throw all[0].error;
  return all[0].json;
}

function feed(
  bytes: Uint8Array,
  limits: StreamLimits,
  piece: number,
  push: boolean,
): { json: JsonObject; error?: unknown } {
  const packets: Json[] = [];
  let offset = 0;
  const reader = new PacketReader({ ...limits }, (cursor) => {
    const packet = cursor.bytes.slice(cursor.offset, cursor.offset + cursor.length);
    packets.push({ offset, length: packet.length, header: headerJson(decodeHeader(viewOf(packet), 0)) });
    offset += packet.length;
  });
  let error: unknown;
  try {
    for (let at = 0; at < bytes.length;) {
      const rest = bytes.subarray(at, at + piece);
      if (push) {
        reader.push(rest.slice());
        at += rest.length;
        continue;
      }
      const target = reader.target();
      const count = Math.min(target.length, rest.length);
      target.set(rest.subarray(0, count));
      reader.filled(count);
      at += count;
    }
  } catch (caught) {
    error = caught;
  }
  const json = {
    packets,
    remainder_bytes: error === undefined ? reader.pendingBytes : bytes.length - offset,
  };
  return error === undefined ? { json } : { json, error };
}
