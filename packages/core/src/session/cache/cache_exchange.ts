/**
 * The server's answers to CACHE_PUT and CACHE_INVALIDATE (behaviour spec §6.1, wire spec §4.7).
 *
 * @module
 */
import { NnrpWireError } from "../../errors.ts";
import { CacheAckStatus, MessageType } from "../../wire/enums.ts";
import { CACHE_ACK_RECORD, type CacheAckMetadata } from "../../wire/metadata/cache_ack.ts";
import { CACHE_INVALIDATE_RECORD } from "../../wire/metadata/cache_invalidate.ts";
import { CACHE_PUT_RECORD } from "../../wire/metadata/cache_put.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import type { PacketWriter } from "../engine/packet_writer.ts";
import type { CacheDirectory } from "./cache.ts";

/**
 * Handles a CACHE_PUT and acknowledges it.
 *
 * @param cache The session's cache.
 * @param cursor The packet.
 * @param writer Where the answer goes.
 * @param nowMs When it came, ms of the host's clock.
 * @throws NnrpWireError (stage metadata) if its metadata breaks a rule, or the object has another length than it says.
 */
export function putObject(
  cache: CacheDirectory,
  cursor: PacketCursor,
  writer: PacketWriter,
  nowMs: number,
): void {
  const put = CACHE_PUT_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
  if (put.objectBytes !== cursor.bodyLength) {
    throw new NnrpWireError("the object has another length than its metadata says", {
      field: "cache_put.object_bytes",
      expected: cursor.bodyLength,
      actual: put.objectBytes,
      stage: "metadata",
    });
  }
  const data = cursor.bytes.subarray(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
  const verdict = cache.put({ ...put, data }, nowMs);
  acknowledge(writer, { ...put, ...verdict }, cursor.traceId);
}

/**
 * Handles a CACHE_INVALIDATE.
 *
 * @param cache The session's cache.
 * @param cursor The packet.
 * @param writer Where an answer goes; null for servers that do not answer it.
 * @returns Whether anything was taken out.
 * @throws NnrpWireError (stage metadata) if its metadata breaks a rule.
 */
export function invalidateObjects(
  cache: CacheDirectory,
  cursor: PacketCursor,
  writer: PacketWriter | null,
): boolean {
  const fields = CACHE_INVALIDATE_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
  const found = cache.invalidate(fields) > 0;
  if (writer === null) return found;
  const { maxObjectBytes } = cache;
  const ack = { ...fields, status: CacheAckStatus.ACCEPTED, acceptedTtlMs: 0, maxObjectBytes, detailCode: 0 };
  acknowledge(writer, ack, cursor.traceId);
  return found;
}

function acknowledge(writer: PacketWriter, fields: CacheAckMetadata, traceId: bigint): void {
  const { cacheNamespace, cacheKeyHi, cacheKeyLo, status, acceptedTtlMs, maxObjectBytes, detailCode } =
    fields;
  const ack = { cacheNamespace, cacheKeyHi, cacheKeyLo, status, acceptedTtlMs, maxObjectBytes, detailCode };
  writer.record(MessageType.CACHE_ACK, CACHE_ACK_RECORD, ack, { traceId });
}
