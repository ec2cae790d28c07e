/**
 * One well-formed packet of every message type, for tests that walk all of them.
 *
 * @module
 */
import {
  buildFrameSubmitPacket,
  buildResultPushPacket,
  CACHE_ACK_RECORD,
  CACHE_INVALIDATE_RECORD,
  CACHE_PUT_RECORD,
  type CacheAckMetadata,
  type CachePutMetadata,
  ERROR_RECORD,
  type ErrorMetadata,
  FLOW_UPDATE_RECORD,
  type FlowUpdateFields,
  flowUpdateOf,
  makePacket,
  MessageType,
  type NnrpPacket,
  type PacketParts,
  PayloadKind,
  RESULT_HINT_RECORD,
  type ResultFields,
  SESSION_MIGRATE_ACK_RECORD,
  SESSION_MIGRATE_RECORD,
  SESSION_PATCH_ACK_RECORD,
  SESSION_PATCH_RECORD,
  type SessionPatchAckMetadata,
  SessionPatchAckStatus,
  SessionPatchField,
  type SessionPatchMetadata,
  type SubmitRequest,
  TRANSPORT_PROBE_ACK_RECORD,
  TRANSPORT_PROBE_RECORD,
  type WireRecord,
} from "@nnrp/core";
import { ackFor, helloPacket } from "../engines/engine_rig.ts";
import { patterned } from "./packet_bytes.ts";

/** Header fields of a sample. */
export type SampleIds = Partial<Omit<PacketParts, "msgType" | "metadata" | "body">>;

/** Session that the samples belong to. */
export const SAMPLE_SESSION = 7;

/** The bytes of a metadata record. */
export function recordBytes<T>(record: WireRecord<T>, fields: T): Uint8Array {
  const bytes = new Uint8Array(record.size);
  record.encode(fields, new DataView(bytes.buffer), 0);
  return bytes;
}

function sample(msgType: number, ids: SampleIds, metadata?: Uint8Array, body?: Uint8Array): NnrpPacket {
  return makePacket({ msgType, sessionId: SAMPLE_SESSION, ...ids, metadata, body });
}

/** A header-only packet. */
export const bare = (msgType: number, ids: SampleIds = {}): NnrpPacket => sample(msgType, ids);

/** FRAME_SUBMIT with one token chunk, unless the request says otherwise. */
export function submitPacket(
  frameId: number,
  request: Partial<SubmitRequest> & { sessionId?: number } = {},
): NnrpPacket {
  return buildFrameSubmitPacket({
    sessionId: SAMPLE_SESSION,
    frameId,
    typedPayloads: [{
      payloadKind: PayloadKind.TOKEN_CHUNK,
      payload: new TextEncoder().encode(`frame ${frameId}`),
    }],
    ...request,
  });
}

/** RESULT_PUSH with one token chunk, unless the fields say otherwise. */
export function resultPacket(
  frameId: number,
  fields: ResultFields & { viewId?: number; traceId?: bigint } = {},
): NnrpPacket {
  const packet = buildResultPushPacket({
    sessionId: SAMPLE_SESSION,
    frameId,
    typedPayloads: [{
      payloadKind: PayloadKind.TOKEN_CHUNK,
      payload: new TextEncoder().encode(`result ${frameId}`),
    }],
    ...fields,
  });
  return { ...packet, header: { ...packet.header, flags: fields.flags ?? 0 } };
}

/** FLOW_UPDATE; scope CONNECTION goes out with session id 0. */
export function flowPacket(fields: FlowUpdateFields, ids: SampleIds = {}): NnrpPacket {
  const connection = fields.scopeKind === 0 ? { sessionId: 0 } : {};
  return sample(
    MessageType.FLOW_UPDATE,
    { ...connection, ...ids },
    recordBytes(FLOW_UPDATE_RECORD, flowUpdateOf(fields)),
  );
}

/** SESSION_PATCH that asks for a quality tier, unless the fields say otherwise. */
export function patchPacket(
  fields: Partial<SessionPatchMetadata> = {},
  ids: SampleIds = {},
  body?: Uint8Array,
): NnrpPacket {
  return sample(
    MessageType.SESSION_PATCH,
    ids,
    recordBytes(SESSION_PATCH_RECORD, {
      profileId: 1,
      patchMask: SessionPatchField.QUALITY_TIER,
      targetCadenceX100: 0,
      qualityTier: 3,
      degradePolicy: 0,
      activeLaneMask: 0n,
      preferredCodecBitmap: 0,
      preferredCompressionBitmap: 0,
      profilePatchBytes: body?.length ?? 0,
      ...fields,
    }),
    body,
  );
}

/** SESSION_PATCH_ACK that accepts a quality tier, unless the fields say otherwise. */
export function patchAckPacket(
  fields: Partial<SessionPatchAckMetadata> = {},
  ids: SampleIds = {},
): NnrpPacket {
  return sample(
    MessageType.SESSION_PATCH_ACK,
    ids,
    recordBytes(SESSION_PATCH_ACK_RECORD, {
      ackStatus: SessionPatchAckStatus.ACCEPTED,
      rejectReason: 0,
      appliedPatchMask: SessionPatchField.QUALITY_TIER,
      rejectedPatchMask: 0,
      retryAfterMs: 0,
      effectiveProfileId: 1,
      reserved0: 0,
      effectiveTargetCadenceX100: 6000,
      effectiveQualityTier: 3,
      effectiveDegradePolicy: 0,
      effectiveLaneMask: 1n,
      effectiveCodecBitmap: 3,
      effectiveCompressionBitmap: 3,
      profilePatchAckBytes: 0,
      ...fields,
    }),
  );
}

/** CACHE_PUT of a camera block of 16 bytes, unless the fields say otherwise. */
export function cachePutPacket(
  fields: Partial<CachePutMetadata> = {},
  ids: SampleIds = {},
  data: Uint8Array = patterned(16, 1),
): NnrpPacket {
  return sample(
    MessageType.CACHE_PUT,
    ids,
    recordBytes(CACHE_PUT_RECORD, {
      cacheNamespace: 0,
      cacheKeyHi: 0,
      cacheKeyLo: 1,
      objectKind: 1,
      ttlMs: 0,
      objectBytes: data.length,
      codecBitmap: 0,
      flags: 0,
      ...fields,
    }),
    data,
  );
}

/** CACHE_ACK that accepts, unless the fields say otherwise. */
export function cacheAckPacket(fields: Partial<CacheAckMetadata> = {}, ids: SampleIds = {}): NnrpPacket {
  return sample(
    MessageType.CACHE_ACK,
    ids,
    recordBytes(CACHE_ACK_RECORD, {
      cacheNamespace: 0,
      cacheKeyHi: 0,
      cacheKeyLo: 1,
      status: 0,
      acceptedTtlMs: 0,
      maxObjectBytes: 8388608,
      detailCode: 0,
      ...fields,
    }),
  );
}

/** ERROR, session scope, not fatal, unless the fields say otherwise. */
export function errorPacket(
  fields: Partial<ErrorMetadata> = {},
  ids: SampleIds = {},
  words = "words",
): NnrpPacket {
  const body = new TextEncoder().encode(words);
  return sample(
    MessageType.ERROR,
    ids,
    recordBytes(ERROR_RECORD, {
      errorCode: 12,
      errorScope: 1,
      isFatal: 0,
      retryAfterMs: 0,
      relatedSessionId: SAMPLE_SESSION,
      relatedFrameId: 0,
      relatedViewId: 0,
      diagnosticBytes: body.length,
      ...fields,
    }),
    body,
  );
}

/** TRANSPORT_PROBE with a body of so many bytes. */
export function probePacket(probeId = 5, bytes = 100): NnrpPacket {
  const metadata = recordBytes(TRANSPORT_PROBE_RECORD, {
    probeId,
    probePayloadBytes: bytes,
    clientSendTsUs: 1n,
  });
  return sample(MessageType.TRANSPORT_PROBE, { sessionId: 0 }, metadata, new Uint8Array(bytes).fill(0x50));
}

/** SESSION_MIGRATE from TCP to QUIC. */
export function migratePacket(ids: SampleIds = {}): NnrpPacket {
  const fields = { oldTransportId: 2, newTransportId: 1, lastResultFrameId: 0n, clientMigrateTsUs: 1n };
  return sample(MessageType.SESSION_MIGRATE, ids, recordBytes(SESSION_MIGRATE_RECORD, fields));
}

/** CACHE_INVALIDATE of the whole session, unless the fields say otherwise. */
export function invalidatePacket(
  fields: Partial<{ invalidateScope: number; cacheKeyLo: number }> = {},
): NnrpPacket {
  return sample(
    MessageType.CACHE_INVALIDATE,
    {},
    recordBytes(CACHE_INVALIDATE_RECORD, {
      invalidateScope: 0,
      cacheNamespace: 0,
      cacheKeyHi: 0,
      cacheKeyLo: 0,
      reasonCode: 0,
      ...fields,
    }),
  );
}

/** RESULT_HINT for the session. */
export function hintPacket(ids: SampleIds = {}): NnrpPacket {
  const fields = { appliedBudgetPolicy: 0, congestionState: 1, reason: 0, retryAfterMs: 0 };
  return sample(MessageType.RESULT_HINT, ids, recordBytes(RESULT_HINT_RECORD, fields));
}

/** A well-formed packet of any type; a bare header for types that do not exist. */
export function samplePacket(msgType: number): NnrpPacket {
  switch (msgType) {
    case MessageType.CLIENT_HELLO:
      return helloPacket();
    case MessageType.SERVER_HELLO_ACK:
      return ackFor(helloPacket());
    case MessageType.SESSION_PATCH:
      return patchPacket();
    case MessageType.SESSION_PATCH_ACK:
      return patchAckPacket();
    case MessageType.ERROR:
      return errorPacket();
    case MessageType.FRAME_SUBMIT:
      return submitPacket(900);
    case MessageType.FRAME_CANCEL:
      return bare(msgType, { frameId: 900 });
    case MessageType.RESULT_PUSH:
      return resultPacket(900);
    case MessageType.RESULT_DROP:
      return bare(msgType, { frameId: 900 });
    case MessageType.CACHE_PUT:
      return cachePutPacket();
    case MessageType.CACHE_ACK:
      return cacheAckPacket();
    case MessageType.CACHE_INVALIDATE:
      return invalidatePacket();
    case MessageType.FLOW_UPDATE:
      return flowPacket({ credit: 100 });
    case MessageType.RESULT_HINT:
      return hintPacket();
    case MessageType.TRANSPORT_PROBE:
      return probePacket();
    case MessageType.TRANSPORT_PROBE_ACK:
      return sample(
        msgType,
        { sessionId: 0 },
        recordBytes(TRANSPORT_PROBE_ACK_RECORD, { probeId: 5, reserved: 0, serverRecvTsUs: 1n }),
      );
    case MessageType.SESSION_MIGRATE:
      return migratePacket();
    case MessageType.SESSION_MIGRATE_ACK:
      return sample(
        msgType,
        {},
        recordBytes(SESSION_MIGRATE_ACK_RECORD, {
          acceptCode: 0,
          resumeFromFrameId: 0n,
          graceWindowMs: 0,
          serverMigrateTsUs: 1n,
        }),
      );
    default:
      return bare(msgType, { traceId: 77n });
  }
}
