/**
 * CLOSE both ways (behaviour spec §10; docs/spec/extensions.md, "Changed bodies"): a reason, and, where a
 * server agreed to 0xF004, whether its clients are to come back.
 *
 * @module
 */
import { NnrpValueError } from "../../errors.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { readPeerText } from "../../peer_text.ts";
import { encodeWords } from "./words.ts";

/** Length of the head before the reason of a server's CLOSE where 0xF004 is agreed, bytes. */
const HEAD_BYTES = 8;
/** Value of the head: the session is over for good. */
const FOR_GOOD = 0;
/** Clients are to dial again. */
const COME_BACK = 1;

/** A server that ends a session asks its client to begin another: it restarts, or makes room. */
export interface ComeBackWish {
  /** How long to wait before dialling again, ms, u32; counts from when the session's path is left, after its last answer. */
  readonly retryAfterMs: number;
}

/** Contents of a CLOSE. */
export interface CloseWords {
  /** Human-readable reason. */
  readonly reason: string;
  /** Whether to come back; null = not specified, or for good. */
  readonly comeBack: ComeBackWish | null;
}

/**
 * The body of a CLOSE.
 *
 * @param reason Human-readable reason.
 * @param comeBack Whether the client is to come back; null = for good.
 * @param agreed Whether this is a server's, and 0xF004 is in force.
 * @throws NnrpValueError if the time does not fit.
 */
export function encodeClose(reason: string, comeBack: ComeBackWish | null, agreed: boolean): Uint8Array {
  const words = encodeWords(reason);
  if (!agreed) return words;
  const retryAfterMs = comeBack?.retryAfterMs ?? 0;
  if (!Number.isInteger(retryAfterMs) || retryAfterMs < 0 || retryAfterMs > 0xffffffff) {
    throw new NnrpValueError("must be whole ms that fit 32 bits", {
      field: "retryAfterMs",
      expected: "0…4294967295",
      actual: String(retryAfterMs),
    });
  }
  const body = new Uint8Array(HEAD_BYTES + words.length);
  const view = new DataView(body.buffer);
  view.setUint32(0, comeBack === null ? FOR_GOOD : COME_BACK, true);
  view.setUint32(4, retryAfterMs, true);
  body.set(words, HEAD_BYTES);
  return body;
}

/**
 * Reads a CLOSE; a head that is truncated or unknown asks for nothing.
 *
 * @param cursor The packet.
 * @param agreed Whether it is a server's, and 0xF004 is in force.
 */
export function decodeClose(cursor: PacketCursor, agreed: boolean): CloseWords {
  const { bytes, view, bodyOffset, bodyLength } = cursor;
  const hasHead = agreed && bodyLength >= HEAD_BYTES;
  const from = bodyOffset + (hasHead ? HEAD_BYTES : 0);
  const comeBack = hasHead && view.getUint32(bodyOffset, true) === COME_BACK
    ? { retryAfterMs: view.getUint32(bodyOffset + 4, true) }
    : null;
  return { reason: readPeerText(bytes.subarray(from, bodyOffset + bodyLength)), comeBack };
}
