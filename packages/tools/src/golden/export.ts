/**
 * The twelve golden vectors that every implementation writes the same (behaviour spec §15, "Golden vectors").
 *
 * @module
 */
import {
  BODY_PRELUDE_RECORD,
  BudgetPolicy,
  buildFlowUpdatePacket,
  buildResultHintPacket,
  CacheObjectKind,
  CLIENT_HELLO_RECORD,
  decodeBodyRegions,
  encodeBodyRegions,
  encodePacket,
  FlowUpdateBackpressureLevel,
  FlowUpdateFlags,
  FlowUpdateReason,
  FlowUpdateScopeKind,
  FRAME_SUBMIT_RECORD,
  HEADER_RECORD,
  HEADER_SIZE,
  HeaderFlags,
  InputProfile,
  LOSS_TOLERANCE_INHERIT,
  MessageType,
  OBJECT_REFERENCE_RECORD,
  PacketBuffer,
  PayloadKind,
  RESULT_PUSH_RECORD,
  ResultClass,
  ResultFlags,
  ResultHintBudgetPolicy,
  ResultHintCongestionState,
  ResultHintReason,
  SESSION_PATCH_ACK_RECORD,
  SessionPatchAckStatus,
  SessionPatchField,
  SessionPatchRejectReason,
  SubmitMode,
  TileIndexMode,
  TYPED_PAYLOAD_RECORD,
  TypedPayload,
  VERSION_MAJOR,
  WireFormat,
  type WireRecord,
} from "@nnrp/core";
import type { GoldenVector } from "../vectors/format.ts";
import { hexOf } from "../vectors/json_values.ts";

/** The golden vectors, made by this implementation, in the order of the reference. */
export function exportGoldenVectors(): GoldenVector[] {
  const [descriptors, frames] = typedPayloadRegions();
  return [
    vector(
      "current.header.frame_submit_ack_required_keyframe",
      "header",
      "current FRAME_SUBMIT header golden vector",
      header(),
    ),
    vector(
      "current.metadata.client_hello",
      "metadata",
      "current CLIENT_HELLO fixed metadata golden vector",
      clientHello(),
    ),
    vector(
      "current.metadata.session_patch_ack",
      "metadata",
      "current SESSION_PATCH_ACK fixed metadata golden vector",
      sessionPatchAck(),
    ),
    vector("current.packet.flow_update", "packet", "current FLOW_UPDATE packet golden vector", flowUpdate()),
    vector("current.packet.result_hint", "packet", "current RESULT_HINT packet golden vector", resultHint()),
    vector(
      "current.metadata.frame_submit",
      "metadata",
      "current FRAME_SUBMIT metadata golden vector",
      frameSubmit(),
    ),
    vector(
      "current.metadata.result_push",
      "metadata",
      "current RESULT_PUSH metadata golden vector",
      resultPush(),
    ),
    vector(
      "current.body_region.prelude",
      "body_region",
      "current body region prelude golden vector",
      record(BODY_PRELUDE_RECORD, {
        inlineObjectBytes: 24,
        objectReferenceBytes: 16,
        typedPayloadDescriptorBytes: 16,
        typedPayloadFrameBytes: 14,
        extensionDescriptorBytes: 16,
        extensionPayloadBytes: 5,
        bodyFlags: 0,
        reserved: 0,
      }),
    ),
    vector(
      "current.object_reference.tile_index_block",
      "object_reference",
      "current TILE_INDEX_BLOCK reference golden vector",
      record(OBJECT_REFERENCE_RECORD, {
        objectKind: CacheObjectKind.TILE_INDEX_BLOCK,
        refFlags: 0,
        cacheNamespace: 7,
        cacheKeyHi: 0x11223344,
        cacheKeyLo: 0x55667788,
      }),
    ),
    vector(
      "current.typed_payload.descriptor",
      "typed_payload_descriptor",
      "current typed-payload descriptor golden vector",
      record(TYPED_PAYLOAD_RECORD, {
        payloadKind: PayloadKind.STRUCTURED_EVENT,
        descriptorFlags: 0,
        profileId: 3,
        payloadOffset: 4,
        payloadLength: 7,
        reserved: 0,
      }),
    ),
    vector(
      "current.typed_payload.frame_descriptor_region",
      "typed_payload_descriptor_region",
      "current typed-payload descriptor region for token/audio/video/event frames",
      descriptors,
    ),
    vector(
      "current.typed_payload.frame_region",
      "typed_payload_frame_region",
      "current typed-payload frame region for token/audio/video/event frames",
      frames,
    ),
  ];
}

function vector(name: string, kind: string, description: string, bytes: Uint8Array): GoldenVector {
  return { name, kind, bytes: bytes.length, hex: hexOf(bytes), description };
}

function record<T>(of: WireRecord<T>, fields: T): Uint8Array {
  const bytes = new Uint8Array(of.size);
  of.encode(fields, new DataView(bytes.buffer), 0);
  return bytes;
}

function header(): Uint8Array {
  return record(HEADER_RECORD, {
    versionMajor: VERSION_MAJOR,
    wireFormat: WireFormat.CURRENT,
    msgType: MessageType.FRAME_SUBMIT,
    headerLen: HEADER_SIZE,
    flags: HeaderFlags.ACK_REQUIRED | HeaderFlags.KEYFRAME,
    metaLen: 48, // a header alone: it need not fit the message
    bodyLen: 4096,
    sessionId: 7,
    frameId: 11,
    viewId: 2,
    routeId: 0,
    traceId: 123456789n,
  });
}

function clientHello(): Uint8Array {
  return record(CLIENT_HELLO_RECORD, {
    minVersionMajor: 1,
    maxVersionMajor: 1,
    supportedWireFormatBitmap: 0x1,
    supportedProfileBitmap: 0x1,
    supportedPayloadKindBitmap: 0x1,
    supportedCodecBitmap: 0x7,
    supportedCompressionBitmap: 0x3,
    supportedDtypeBitmap: 0x1f,
    supportedLayoutBitmap: 0x3,
    cacheDigestBitmap: 0x1,
    cacheObjectBitmap: 0x7,
    cacheNamespaceCount: 4,
    maxLaneCount: 2,
    maxCacheEntries: 256,
    maxCacheBytes: 8 * 1024 * 1024,
    targetCadenceX100: 6000,
    latencyBudgetMs: 100,
    qualityTier: 2,
    degradePolicy: 2,
    requestedSessionId: 0,
    authBytes: 96,
    controlExtensionBytes: 0,
  });
}

function sessionPatchAck(): Uint8Array {
  return record(SESSION_PATCH_ACK_RECORD, {
    ackStatus: SessionPatchAckStatus.PARTIALLY_APPLIED,
    rejectReason: SessionPatchRejectReason.UNSUPPORTED_STRATEGY,
    appliedPatchMask: SessionPatchField.TARGET_CADENCE | SessionPatchField.QUALITY_TIER |
      SessionPatchField.ACTIVE_LANE_MASK,
    rejectedPatchMask: SessionPatchField.PREFERRED_CODEC,
    retryAfterMs: 0,
    effectiveProfileId: 1,
    effectiveTargetCadenceX100: 9000,
    effectiveQualityTier: 2,
    effectiveDegradePolicy: 2,
    effectiveLaneMask: 3n,
    effectiveCodecBitmap: 0x1,
    effectiveCompressionBitmap: 0x3,
    profilePatchAckBytes: 0,
  });
}

function flowUpdate(): Uint8Array {
  return encodePacket(buildFlowUpdatePacket({
    metadata: {
      scopeKind: FlowUpdateScopeKind.SESSION,
      updateReason: FlowUpdateReason.CONGESTION,
      backpressureLevel: FlowUpdateBackpressureLevel.HARD,
      connectionCredit: 0,
      sessionCredit: 1,
      operationCredit: 0,
      operationId: 0n,
      retryAfterMs: 40,
      creditEpoch: 5,
      flags: FlowUpdateFlags.CREDIT_VALID | FlowUpdateFlags.RETRY_AFTER_VALID,
    },
    sessionId: 21,
    routeId: 6,
    traceId: 13n,
  }));
}

function resultHint(): Uint8Array {
  return encodePacket(buildResultHintPacket({
    metadata: {
      appliedBudgetPolicy: ResultHintBudgetPolicy.STALE_REUSE,
      congestionState: ResultHintCongestionState.SATURATED,
      reason: ResultHintReason.BUDGET_EXCEEDED,
      retryAfterMs: 60,
    },
    sessionId: 21,
    frameId: 303,
    routeId: 7,
    traceId: 14n,
  }));
}

function frameSubmit(): Uint8Array {
  return record(FRAME_SUBMIT_RECORD, {
    srcWidth: 640,
    srcHeight: 360,
    tileWidth: 32,
    tileHeight: 32,
    tileCount: 84,
    sectionCount: 2,
    frameClass: 1,
    inputProfile: InputProfile.DENSE_LUMA_FRAME,
    tileIndexMode: TileIndexMode.DENSE_RANGE,
    latencyBudgetMs: 100,
    targetFpsX100: 6000,
    retryOfFrame: 7,
    tileBaseId: 0,
    cameraBytes: 192,
    tileIndexBytes: 0,
    submitMode: SubmitMode.MIXED,
    budgetPolicy: BudgetPolicy.ALLOW_PARTIAL | BudgetPolicy.ALLOW_DEGRADED,
    lossTolerancePolicy: LOSS_TOLERANCE_INHERIT,
    objectRefMask: 0x3,
    dependencyFrameId: 41,
    payloadKindBitmap: PayloadKind.TENSOR | PayloadKind.STRUCTURED_EVENT,
    payloadFrameCount: 2,
  });
}

function resultPush(): Uint8Array {
  return record(RESULT_PUSH_RECORD, {
    statusCode: 0,
    resultFlags: ResultFlags.PARTIAL,
    sectionCount: 1,
    tileCount: 84,
    activeProfileId: 2,
    inferenceMs: 843,
    queueMs: 2,
    serverTotalMs: 846,
    tileBaseId: 0,
    tileIndexBytes: 16,
    resultClass: ResultClass.PARTIAL,
    appliedBudgetPolicy: BudgetPolicy.ALLOW_PARTIAL,
    reusedFrameId: 41,
    coveredTileCount: 53,
    droppedTileCount: 31,
    payloadKindBitmap: PayloadKind.TENSOR | PayloadKind.TOKEN_CHUNK,
    payloadFrameCount: 3,
  });
}

/** Descriptors and payloads of four typed payloads, as they lie in a body. */
function typedPayloadRegions(): [Uint8Array, Uint8Array] {
  const text = new TextEncoder();
  const body = new PacketBuffer();
  encodeBodyRegions(body, {
    typedPayloads: [
      TypedPayload.tokenChunk("tok", 1),
      TypedPayload.audioChunk(text.encode("au"), 2),
      TypedPayload.videoChunk(text.encode("video"), 3),
      TypedPayload.structuredEvent(text.encode("evt"), 4),
    ],
  });
  const { bytes, typedTableStart, typedStart, extensionTableStart } = decodeBodyRegions(body.toBytes());
  return [bytes.subarray(typedTableStart, typedStart), bytes.subarray(typedStart, extensionTableStart)];
}
