/**
 * Enumerations of control messages: cache, session patch, flow control and result hints (wire spec §4, §12).
 *
 * @module
 */

/** Status of a CACHE_PUT (wire spec §4.7). Closed. */
export const CacheAckStatus = {
  /** Kept. */
  ACCEPTED: 0,
  /** Not kept. */
  REJECTED: 1,
  /** Kept in place of an older object. */
  REPLACED: 2,
} as const;
/** A known cache ack status. */
export type CacheAckStatus = typeof CacheAckStatus[keyof typeof CacheAckStatus];

/** What a CACHE_INVALIDATE removes (wire spec §4.8). Closed. */
export const CacheInvalidateScope = {
  /** Everything of the session. */
  WHOLE_SESSION: 0,
  /** One namespace. */
  NAMESPACE: 1,
  /** One kind of object (behaviour spec §10). */
  OBJECT_KIND: 2,
  /** One key. */
  OBJECT_KEY: 3,
  /** Alias of WHOLE_SESSION. */
  SESSION: 0,
  /** Alias of OBJECT_KEY. */
  ENTRY: 3,
} as const;
/** A known invalidation scope. */
export type CacheInvalidateScope = typeof CacheInvalidateScope[keyof typeof CacheInvalidateScope];

/** Status of a SESSION_PATCH (wire spec §4.4). Closed. */
export const SessionPatchAckStatus = {
  /** All of it applied. */
  ACCEPTED: 0,
  /** Some of it. */
  PARTIALLY_APPLIED: 1,
  /** None of it. */
  REJECTED: 2,
} as const;
/** A known patch status. */
export type SessionPatchAckStatus = typeof SessionPatchAckStatus[keyof typeof SessionPatchAckStatus];

/** Why fields of a patch were refused (wire spec §4.4). Closed. */
export const SessionPatchRejectReason = {
  /** None were. */
  NONE: 0,
  /** Unknown field. */
  UNSUPPORTED_FIELD: 1,
  /** Value out of range. */
  INVALID_RANGE: 2,
  /** Unknown strategy. */
  UNSUPPORTED_STRATEGY: 3,
  /** Lanes that do not exist. */
  INVALID_LANE_MASK: 4,
  /** Too many patches. */
  RATE_LIMITED: 5,
  /** Alias of INVALID_LANE_MASK. */
  INVALID_VIEW_MASK: 4,
} as const;
/** A known reject reason. */
export type SessionPatchRejectReason = typeof SessionPatchRejectReason[keyof typeof SessionPatchRejectReason];

/** Whose credit a FLOW_UPDATE is about (wire spec §4.9). Closed. */
export const FlowUpdateScopeKind = {
  /** The connection's. */
  CONNECTION: 0,
  /** The session's. */
  SESSION: 1,
  /** One operation's. */
  OPERATION: 2,
} as const;
/** A known scope of flow control. */
export type FlowUpdateScopeKind = typeof FlowUpdateScopeKind[keyof typeof FlowUpdateScopeKind];

/** Why a FLOW_UPDATE was sent (wire spec §12). Closed. */
export const FlowUpdateReason = {
  /** More credit. */
  GRANT: 0,
  /** Less credit. */
  REDUCE: 1,
  /** Stop. */
  PAUSE: 2,
  /** Go on. */
  RESUME: 3,
  /** The path is congested. */
  CONGESTION: 4,
} as const;
/** A known reason. */
export type FlowUpdateReason = typeof FlowUpdateReason[keyof typeof FlowUpdateReason];

/** How hard the sender of a FLOW_UPDATE is pressed (wire spec §12). Closed. */
export const FlowUpdateBackpressureLevel = {
  /** Not at all. */
  NONE: 0,
  /** Slow down. */
  SOFT: 1,
  /** Stop. */
  HARD: 2,
} as const;
/** A known backpressure level. */
export type FlowUpdateBackpressureLevel =
  typeof FlowUpdateBackpressureLevel[keyof typeof FlowUpdateBackpressureLevel];

/** Budget policy as a RESULT_HINT tells it: an enumeration, unlike the BudgetPolicy bits (wire spec §4.10). Closed. */
export const ResultHintBudgetPolicy = {
  /** Not specified. */
  NONE: 0,
  /** Full result. */
  FULL: 1,
  /** A part of it. */
  PARTIAL: 2,
  /** An older one. */
  STALE_REUSE: 3,
  /** None. */
  DROP: 4,
} as const;
/** A known hint of a budget policy. */
export type ResultHintBudgetPolicy = typeof ResultHintBudgetPolicy[keyof typeof ResultHintBudgetPolicy];

/** How congested the server is (wire spec §4.10). Closed. */
export const ResultHintCongestionState = {
  /** Not specified. */
  NONE: 0,
  /** As usual. */
  STEADY: 1,
  /** More than usual. */
  ELEVATED: 2,
  /** Full. */
  SATURATED: 3,
} as const;
/** A known congestion state. */
export type ResultHintCongestionState =
  typeof ResultHintCongestionState[keyof typeof ResultHintCongestionState];

/** Why a RESULT_HINT was sent (wire spec §4.10). Closed. */
export const ResultHintReason = {
  /** Not specified. */
  NONE: 0,
  /** No room in the queue. */
  QUEUE_FULL: 1,
  /** Too much to do. */
  SERVER_BUSY: 2,
  /** The frame's budget passed. */
  BUDGET_EXCEEDED: 3,
  /** A later frame took its place. */
  SUPERSEDED: 4,
} as const;
/** A known reason of a hint. */
export type ResultHintReason = typeof ResultHintReason[keyof typeof ResultHintReason];
