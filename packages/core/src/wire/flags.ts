/**
 * Every bit set of the protocol (wire spec §12). In a *closed* set an undefined bit is refused; in an *open* one it
 * travels and is kept. All have NONE 0.
 *
 * @module
 */

/** Flags of the header (wire spec §2). Open. */
export const HeaderFlags = {
  /** No flag. */
  NONE: 0,
  /** The sender waits for an answer. */
  ACK_REQUIRED: 0x01,
  /** May be dropped under load. */
  CAN_DROP: 0x02,
  /** Out of date already. */
  STALE: 0x04,
  /** Last packet of its frame. */
  EOS: 0x08,
  /** Sent again. */
  RETRANSMIT: 0x10,
  /** Stands alone. */
  KEYFRAME: 0x20,
} as const;
/** A flag of the header. */
export type HeaderFlags = typeof HeaderFlags[keyof typeof HeaderFlags];

/** Flags of a control extension entry (wire spec §5). Open. */
export const ControlExtensionFlags = {
  /** No flag. */
  NONE: 0,
  /** A receiver that does not know the type must refuse. */
  CRITICAL: 1,
} as const;
/** A flag of a control extension. */
export type ControlExtensionFlags = typeof ControlExtensionFlags[keyof typeof ControlExtensionFlags];

/** Flags of an extension frame (wire spec §8.2). Closed. */
export const ExtensionFrameFlags = {
  /** No flag. */
  NONE: 0,
  /** A receiver that does not know the kind must refuse. */
  CRITICAL: 1,
} as const;
/** A flag of an extension frame. */
export type ExtensionFrameFlags = typeof ExtensionFrameFlags[keyof typeof ExtensionFrameFlags];

/** Kinds of payloads (wire spec §12). Closed bits; a typed payload has exactly one, and not TENSOR. */
export const PayloadKind = {
  /** No kind. */
  NONE: 0,
  /** Tensor sections. */
  TENSOR: 0x01,
  /** A piece of text. */
  TOKEN_CHUNK: 0x02,
  /** A piece of sound. */
  AUDIO_CHUNK: 0x04,
  /** A piece of video. */
  VIDEO_CHUNK: 0x08,
  /** An event with a schema. */
  STRUCTURED_EVENT: 0x10,
  /** A change of a tool's state. */
  TOOL_DELTA: 0x20,
  /** Bytes that only the application knows. */
  OPAQUE_BYTES: 0x40,
} as const;
/** A payload kind. */
export type PayloadKind = typeof PayloadKind[keyof typeof PayloadKind];

/** Flags of a tensor section (wire spec §9). Open. */
export const SectionFlags = {
  /** No flag. */
  NONE: 0,
  /** A codec table follows the descriptor. */
  MIXED_CODEC: 1,
  /** Tiles lie at multiples of the stride. */
  FIXED_STRIDE: 2,
} as const;
/** A flag of a tensor section. */
export type SectionFlags = typeof SectionFlags[keyof typeof SectionFlags];

/** What a server may do when the budget does not suffice (wire spec §6). Closed. */
export const BudgetPolicy = {
  /** Nothing. */
  NONE: 0,
  /** Answer with a part. */
  ALLOW_PARTIAL: 1,
  /** Answer with an older result. */
  ALLOW_STALE_REUSE: 2,
  /** Answer in lower quality. */
  ALLOW_DEGRADED: 4,
  /** Not answer. */
  ALLOW_DROP: 8,
} as const;
/** A bit of a budget policy. */
export type BudgetPolicy = typeof BudgetPolicy[keyof typeof BudgetPolicy];

/** What is special about a result (wire spec §7). Closed. */
export const ResultFlags = {
  /** Nothing. */
  NONE: 0,
  /** Out of date. */
  STALE: 1,
  /** From a fallback. */
  FALLBACK: 2,
  /** Not all of it. */
  PARTIAL: 4,
} as const;
/** A flag of a result. */
export type ResultFlags = typeof ResultFlags[keyof typeof ResultFlags];

/** How a cached object is to be kept (wire spec §4.6). Open. */
export const CachePutFlags = {
  /** As the cache likes. */
  NONE: 0,
  /** Not to be evicted. */
  PINNED: 1,
  /** For more than one frame. */
  REUSABLE: 2,
} as const;
/** A flag of a cached object. */
export type CachePutFlags = typeof CachePutFlags[keyof typeof CachePutFlags];

/** Fields that a SESSION_PATCH changes (wire spec §4.3). Open. */
export const SessionPatchField = {
  /** None. */
  NONE: 0,
  /** `target_cadence_x100`. */
  TARGET_CADENCE: 0x01,
  /** `quality_tier`. */
  QUALITY_TIER: 0x02,
  /** `degrade_policy`. */
  DEGRADE_POLICY: 0x04,
  /** `active_lane_mask`. */
  ACTIVE_LANE_MASK: 0x08,
  /** `preferred_codec_bitmap`. */
  PREFERRED_CODEC: 0x10,
  /** `preferred_compression_bitmap`. */
  PREFERRED_COMPRESSION: 0x20,
  /** The profile patch block. */
  PROFILE_PATCH: 0x40,
  /** Alias of TARGET_CADENCE. */
  TARGET_FPS: 0x01,
  /** Alias of ACTIVE_LANE_MASK. */
  ACTIVE_VIEW_MASK: 0x08,
} as const;
/** A field of a patch. */
export type SessionPatchField = typeof SessionPatchField[keyof typeof SessionPatchField];

/** Which fields of a FLOW_UPDATE count, and how (wire spec §4.9). Closed. */
export const FlowUpdateFlags = {
  /** No flag. */
  NONE: 0,
  /** The credit of the scope counts. */
  CREDIT_VALID: 1,
  /** `retry_after_ms` counts. */
  RETRY_AFTER_VALID: 2,
  /** Only background work may go on. */
  BACKGROUND_ONLY: 4,
  /** Only what is in flight may end. */
  DRAIN_IN_FLIGHT_ONLY: 8,
} as const;
/** A flag of a FLOW_UPDATE. */
export type FlowUpdateFlags = typeof FlowUpdateFlags[keyof typeof FlowUpdateFlags];
