/**
 * Reading single values of recordings: numbers, names that become ids, references (behaviour spec §15).
 *
 * @module
 */
import { NnrpValueError, type ObjectReference } from "@nnrp/core";
import type { RecordedReference } from "./recorded.ts";

/**
 * A whole number; fractions are cut off, as the reference does.
 *
 * @param value What was recorded; undefined and null are no number.
 * @param field Its name for the error.
 * @throws NnrpValueError if it is missing or not finite.
 */
export function wholeNumber(value: number | null | undefined, field: string): number {
  const whole = Math.trunc(Number(value ?? NaN)) + 0; // no −0
  if (!Number.isFinite(whole)) {
    throw new NnrpValueError("a number is wanted", { field, actual: String(value) });
  }
  return whole;
}

/**
 * The session id of a recorded session.
 *
 * @param recorded Name or number of the session.
 * @param given Id to use in its place.
 */
export function replaySessionId(recorded: string | number | bigint, given: number | undefined): number {
  if (recorded === undefined || recorded === null) {
    throw new NnrpValueError("a session is wanted", { field: "sessionId" });
  }
  return given ?? crc32OfText(String(recorded), "sessionId");
}

/**
 * The trace id of a recorded trace; 0 for an empty one.
 *
 * @param recorded Text or number of the trace.
 * @param given Id to use in its place.
 */
export function replayTraceId(
  recorded: string | number | bigint | null | undefined,
  given: bigint | undefined,
): bigint {
  return given ?? (recorded ? BigInt(crc32OfText(String(recorded), "traceId")) : 0n);
}

/**
 * A recorded reference as a block of the kind that its place demands.
 *
 * @param recorded Key, or a whole reference.
 * @param kind CacheObjectKind of the place.
 * @param field Name of the place.
 * @throws NnrpValueError if a whole reference names another kind.
 */
export function replayReference(
  recorded: RecordedReference | ObjectReference | null | undefined,
  kind: number,
  field: string,
): ObjectReference | undefined {
  if (recorded === undefined || recorded === null) return undefined;
  if ("objectKind" in recorded) {
    if (recorded.objectKind !== kind) {
      throw new NnrpValueError("reference to another kind of object", {
        field: `${field}.objectKind`,
        expected: kind,
        actual: recorded.objectKind,
      });
    }
    return recorded;
  }
  return {
    objectKind: kind,
    refFlags: 0,
    cacheNamespace: wholeNumber(recorded.cacheNamespace, `${field}.cacheNamespace`),
    cacheKeyHi: wholeNumber(recorded.cacheKeyHi, `${field}.cacheKeyHi`),
    cacheKeyLo: wholeNumber(recorded.cacheKeyLo, `${field}.cacheKeyLo`),
  };
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 as zlib computes it, of the UTF-8 bytes of a text. */
function crc32OfText(text: string, field: string): number {
  if (/\p{Surrogate}/u.test(text)) {
    throw new NnrpValueError("half a surrogate pair is no text", { field });
  }
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
