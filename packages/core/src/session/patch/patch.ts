/**
 * The server's answer to SESSION_PATCH: which fields apply, which are refused and why, and the values in force
 * (behaviour spec §10, SESSION_PATCH / ACK). Each field is judged alone, so partial application is normal.
 *
 * @module
 */
import { SessionPatchAckStatus, SessionPatchRejectReason } from "../../wire/enums.ts";
import { SessionPatchField } from "../../wire/flags.ts";
import type { ServerHelloAckMetadata } from "../../wire/metadata/server_hello_ack.ts";
import type { SessionPatchMetadata } from "../../wire/metadata/session_patch.ts";
import type { SessionPatchAckMetadata } from "../../wire/metadata/session_patch_ack.ts";
import type { TensorProfileBlock } from "../../wire/session_patch_body.ts";

/** Patches per window; a client that follows its frame rate needs a few per second. */
export const DEFAULT_PATCHES_PER_WINDOW = 16;
/** Length of the window, ms. */
export const DEFAULT_PATCH_WINDOW_MS = 1000;

/** The values of a session that SESSION_PATCH can change, as now in force. */
export interface EffectiveSettings {
  /** Profile the values belong to. */
  readonly profileId: number;
  /** Frames per second × 100, u32. */
  readonly targetCadenceX100: number;
  /** Quality tier, 0…255. */
  readonly qualityTier: number;
  /** Degrade policy bits, u16. */
  readonly degradePolicy: number;
  /** Bit n = lane n is active, u64. */
  readonly laneMask: bigint;
  /** Bit n = codec n may be used. */
  readonly codecBitmap: number;
  /** Bit n = compression n may be used. */
  readonly compressionBitmap: number;
  /** Frame sizes, if a profile patch was ever applied. */
  readonly profilePatch: TensorProfileBlock | null;
}

/** The values in force right after the handshake, as the ack tells them (wire spec §4.2). */
export function settingsOfHelloAck(ack: ServerHelloAckMetadata): EffectiveSettings {
  return {
    profileId: 1, // the only profile there is; the record carries a bitmap, no id
    targetCadenceX100: ack.targetCadenceX100,
    qualityTier: ack.qualityTier,
    degradePolicy: ack.degradePolicy,
    laneMask: laneMaskOf(ack.maxLaneCount),
    codecBitmap: ack.acceptedCodecBitmap,
    compressionBitmap: ack.acceptedCompressionBitmap,
    profilePatch: null,
  };
}

/** All lanes below `count`, as a mask. */
export function laneMaskOf(count: number): bigint {
  return (1n << BigInt(Math.min(count, 64))) - 1n;
}

/** The application's word on one field that passed all checks; NONE lets it apply. */
export type PatchPolicy = (
  field: SessionPatchField,
  patch: SessionPatchMetadata,
  profilePatch: TensorProfileBlock | null,
) => SessionPatchRejectReason;

/** Options of {@linkcode PatchState}. */
export interface PatchStateOptions {
  /** Codecs the server can use. Default: those in force at first. */
  readonly supportedCodecBitmap?: number;
  /** Compressions the server can use. Default: those in force at first. */
  readonly supportedCompressionBitmap?: number;
  /** Patches per window; beyond it RATE_LIMITED. Default {@linkcode DEFAULT_PATCHES_PER_WINDOW}. */
  readonly maxPatchesPerWindow?: number;
  /** Length of the window, ms. Default {@linkcode DEFAULT_PATCH_WINDOW_MS}. */
  readonly windowMs?: number;
  /** Asked for each field that passed the checks. */
  readonly policy?: PatchPolicy;
}

/** What goes into SESSION_PATCH_ACK. */
export interface PatchAnswer {
  /** Its metadata. */
  readonly ack: SessionPatchAckMetadata;
  /** Its body: the applied profile patch, echoed; null = empty body. */
  readonly profilePatch: TensorProfileBlock | null;
}

interface FieldCheck {
  readonly field: SessionPatchField;
  readonly reason: SessionPatchRejectReason;
  readonly refuses: (
    patch: SessionPatchMetadata,
    block: TensorProfileBlock | null,
    can: Abilities,
  ) => boolean;
  readonly take: (
    patch: SessionPatchMetadata,
    block: TensorProfileBlock | null,
    can: Abilities,
  ) => Partial<EffectiveSettings>;
}

interface Abilities {
  readonly laneMask: bigint;
  readonly codecBitmap: number;
  readonly compressionBitmap: number;
}

const F = SessionPatchField;
const R = SessionPatchRejectReason;

/** The checks in the order of behaviour spec §10; the first refusal gives the ack its reason. */
const CHECKS: readonly FieldCheck[] = [
  {
    field: F.ACTIVE_LANE_MASK,
    reason: R.INVALID_LANE_MASK,
    refuses: (p, _, can) => p.activeLaneMask === 0n || (p.activeLaneMask & ~can.laneMask) !== 0n,
    take: (p) => ({ laneMask: p.activeLaneMask }),
  },
  {
    field: F.PREFERRED_CODEC,
    reason: R.UNSUPPORTED_STRATEGY,
    refuses: (p, _, can) => (p.preferredCodecBitmap & can.codecBitmap) === 0,
    take: (p, _, can) => ({ codecBitmap: (p.preferredCodecBitmap & can.codecBitmap) >>> 0 }),
  },
  {
    field: F.PREFERRED_COMPRESSION,
    reason: R.UNSUPPORTED_STRATEGY,
    refuses: (p, _, can) => (p.preferredCompressionBitmap & can.compressionBitmap) === 0,
    take: (p, _, can) => ({
      compressionBitmap: (p.preferredCompressionBitmap & can.compressionBitmap) >>> 0,
    }),
  },
  {
    field: F.QUALITY_TIER,
    reason: R.INVALID_RANGE,
    refuses: (p) => p.qualityTier > 255,
    take: (p) => ({ qualityTier: p.qualityTier }),
  },
  {
    field: F.TARGET_CADENCE,
    reason: R.INVALID_RANGE,
    refuses: (p) => p.targetCadenceX100 === 0,
    take: (p) => ({ targetCadenceX100: p.targetCadenceX100 }),
  },
  {
    field: F.DEGRADE_POLICY,
    reason: R.INVALID_RANGE,
    refuses: () => false,
    take: (p) => ({ degradePolicy: p.degradePolicy }),
  },
  {
    // the bit without the block says nothing, and a range that holds no size cannot be kept
    field: F.PROFILE_PATCH,
    reason: R.INVALID_RANGE,
    refuses: (_, block) => block === null || isEmptyRange(block),
    take: (_, block) => ({ profilePatch: block }),
  },
];

const KNOWN_FIELDS = CHECKS.reduce((mask, check) => mask | check.field, 0);

/** The patchable values of one session on the server. */
export class PatchState {
  #effective: EffectiveSettings;
  #abilities: Abilities;
  #maxPerWindow: number;
  #windowMs: number;
  #policy: PatchPolicy | undefined;
  #windowFromMs = -Infinity;
  #inWindow = 0;

  /**
   * A session after its handshake.
   *
   * @param initial Values in force after the handshake; its lanes are all lanes there are.
   * @param options Abilities, rate limit, policy.
   */
  constructor(initial: EffectiveSettings, options: PatchStateOptions = {}) {
    this.#effective = initial;
    this.#abilities = {
      laneMask: initial.laneMask,
      codecBitmap: options.supportedCodecBitmap ?? initial.codecBitmap,
      compressionBitmap: options.supportedCompressionBitmap ?? initial.compressionBitmap,
    };
    this.#maxPerWindow = options.maxPatchesPerWindow ?? DEFAULT_PATCHES_PER_WINDOW;
    this.#windowMs = options.windowMs ?? DEFAULT_PATCH_WINDOW_MS;
    this.#policy = options.policy;
  }

  /** The values now in force. */
  get effective(): EffectiveSettings {
    return this.#effective;
  }

  /**
   * Applies a patch as far as it can be.
   *
   * @param patch Its metadata.
   * @param profilePatch Its body, decoded; null if the body is empty.
   * @param nowMs Monotonic time, ms.
   */
  apply(patch: SessionPatchMetadata, profilePatch: TensorProfileBlock | null, nowMs: number): PatchAnswer {
    const mask = patch.patchMask >>> 0;
    const retryMs = this.#rateLimit(nowMs);
    if (retryMs > 0) return this.#answer(0, mask, R.RATE_LIMITED, retryMs);

    let rejected = (mask & ~KNOWN_FIELDS) >>> 0;
    let reason: SessionPatchRejectReason = rejected === 0 ? R.NONE : R.UNSUPPORTED_FIELD;
    let next = this.#effective;
    for (const check of CHECKS) {
      if ((mask & check.field) === 0) continue;
      const refusal = check.refuses(patch, profilePatch, this.#abilities)
        ? check.reason
        : this.#policy?.(check.field, patch, profilePatch) ?? R.NONE;
      if (refusal === R.NONE) {
        next = { ...next, ...check.take(patch, profilePatch, this.#abilities) };
      } else {
        rejected = (rejected | check.field) >>> 0;
        if (reason === R.NONE) reason = refusal;
      }
    }
    this.#effective = next;
    return this.#answer((mask & ~rejected) >>> 0, rejected, reason, 0);
  }

  /** 0, or how long until a patch is taken again, ms. */
  #rateLimit(nowMs: number): number {
    const endsMs = this.#windowFromMs + this.#windowMs;
    if (nowMs >= endsMs) {
      this.#windowFromMs = nowMs;
      this.#inWindow = 0;
    } else if (this.#inWindow >= this.#maxPerWindow) return Math.ceil(endsMs - nowMs);
    this.#inWindow++;
    return 0;
  }

  #answer(
    applied: number,
    rejected: number,
    reason: SessionPatchRejectReason,
    retryAfterMs: number,
  ): PatchAnswer {
    const now = this.#effective;
    const echoed = applied & F.PROFILE_PATCH ? now.profilePatch : null;
    return {
      ack: {
        ackStatus: reason === R.NONE
          ? SessionPatchAckStatus.ACCEPTED
          : applied === 0
          ? SessionPatchAckStatus.REJECTED
          : SessionPatchAckStatus.PARTIALLY_APPLIED,
        rejectReason: reason,
        appliedPatchMask: applied,
        rejectedPatchMask: rejected,
        retryAfterMs,
        effectiveProfileId: now.profileId,
        reserved0: 0,
        effectiveTargetCadenceX100: now.targetCadenceX100,
        effectiveQualityTier: now.qualityTier,
        effectiveDegradePolicy: now.degradePolicy,
        effectiveLaneMask: now.laneMask,
        effectiveCodecBitmap: now.codecBitmap,
        effectiveCompressionBitmap: now.compressionBitmap,
        profilePatchAckBytes: echoed === null ? 0 : 16,
      },
      profilePatch: echoed,
    };
  }
}

/** Whether no frame size lies in the range; a maximum of 0 is no maximum. */
function isEmptyRange(block: TensorProfileBlock): boolean {
  return (block.maxWidth !== 0 && block.minWidth > block.maxWidth) ||
    (block.maxHeight !== 0 && block.minHeight > block.maxHeight);
}
