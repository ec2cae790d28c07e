import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { SessionPatchAckStatus as Status, SessionPatchRejectReason as Reason } from "../../wire/enums.ts";
import { SessionPatchField as F } from "../../wire/flags.ts";
import type { SessionPatchMetadata } from "../../wire/metadata/session_patch.ts";
import type { SessionPatchAckMetadata } from "../../wire/metadata/session_patch_ack.ts";
import type { TensorProfileBlock } from "../../wire/session_patch_body.ts";
import { type EffectiveSettings, laneMaskOf, PatchState } from "./patch.ts";

const initial: EffectiveSettings = {
  profileId: 1,
  targetCadenceX100: 6000,
  qualityTier: 2,
  degradePolicy: 0,
  laneMask: laneMaskOf(4),
  codecBitmap: 0x3,
  compressionBitmap: 0x3,
  profilePatch: null,
};
const block: TensorProfileBlock = { minWidth: 64, minHeight: 64, maxWidth: 1920, maxHeight: 1080 };

/** A patch whose fields would all apply. */
function patch(patchMask: number, o: Partial<SessionPatchMetadata> = {}): SessionPatchMetadata {
  return {
    profileId: 1,
    patchMask,
    targetCadenceX100: 3000,
    qualityTier: 1,
    degradePolicy: 5,
    activeLaneMask: 0b101n,
    preferredCodecBitmap: 0x6,
    preferredCompressionBitmap: 0x1,
    profilePatchBytes: patchMask & F.PROFILE_PATCH ? 16 : 0,
    ...o,
  };
}

/** The values an ack reports. */
function effective(ack: SessionPatchAckMetadata): Omit<EffectiveSettings, "profilePatch"> {
  return {
    profileId: ack.effectiveProfileId,
    targetCadenceX100: ack.effectiveTargetCadenceX100,
    qualityTier: ack.effectiveQualityTier,
    degradePolicy: ack.effectiveDegradePolicy,
    laneMask: ack.effectiveLaneMask,
    codecBitmap: ack.effectiveCodecBitmap,
    compressionBitmap: ack.effectiveCompressionBitmap,
  };
}

const { profilePatch: _, ...initialValues } = initial;

test("each field alone: what applies and what is in force then", () => {
  const table: [number, Partial<EffectiveSettings>][] = [
    [F.NONE, {}],
    [F.TARGET_CADENCE, { targetCadenceX100: 3000 }],
    [F.QUALITY_TIER, { qualityTier: 1 }],
    [F.DEGRADE_POLICY, { degradePolicy: 5 }],
    [F.ACTIVE_LANE_MASK, { laneMask: 0b101n }],
    [F.PREFERRED_CODEC, { codecBitmap: 0x2 }],
    [F.PREFERRED_COMPRESSION, { compressionBitmap: 0x1 }],
  ];
  for (const [mask, change] of table) {
    const { ack, profilePatch } = new PatchState(initial).apply(patch(mask), null, 0);
    assertEquals(
      [ack.ackStatus, ack.rejectReason, ack.appliedPatchMask, ack.rejectedPatchMask, ack.retryAfterMs],
      [Status.ACCEPTED, Reason.NONE, mask, 0, 0],
    );
    assertEquals(effective(ack), { ...initialValues, ...change });
    assertEquals([profilePatch, ack.profilePatchAckBytes], [null, 0]);
  }
});

test("what a field is refused for", () => {
  const table: [string, number, Partial<SessionPatchMetadata>, number][] = [
    ["unknown bit", 0x80, {}, Reason.UNSUPPORTED_FIELD],
    ["highest unknown bit", 0x8000_0000, {}, Reason.UNSUPPORTED_FIELD],
    ["no lane", F.ACTIVE_LANE_MASK, { activeLaneMask: 0n }, Reason.INVALID_LANE_MASK],
    ["lane 4 of 4", F.ACTIVE_LANE_MASK, { activeLaneMask: 0b10001n }, Reason.INVALID_LANE_MASK],
    ["lane 63", F.ACTIVE_LANE_MASK, { activeLaneMask: 1n << 63n }, Reason.INVALID_LANE_MASK],
    [
      "no common codec",
      F.PREFERRED_CODEC,
      { preferredCodecBitmap: 0x8000_0004 },
      Reason.UNSUPPORTED_STRATEGY,
    ],
    ["no codec", F.PREFERRED_CODEC, { preferredCodecBitmap: 0 }, Reason.UNSUPPORTED_STRATEGY],
    [
      "no common compression",
      F.PREFERRED_COMPRESSION,
      { preferredCompressionBitmap: 4 },
      Reason.UNSUPPORTED_STRATEGY,
    ],
    ["quality 256", F.QUALITY_TIER, { qualityTier: 256 }, Reason.INVALID_RANGE],
    ["cadence 0", F.TARGET_CADENCE, { targetCadenceX100: 0 }, Reason.INVALID_RANGE],
    ["profile patch without block", F.PROFILE_PATCH, { profilePatchBytes: 0 }, Reason.INVALID_RANGE],
  ];
  for (const [name, mask, change, reason] of table) {
    const state = new PatchState(initial);
    const { ack } = state.apply(patch(mask, change), null, 0);
    assertEquals(
      [ack.ackStatus, ack.rejectReason, ack.appliedPatchMask, ack.rejectedPatchMask],
      [Status.REJECTED, reason, 0, mask],
      name,
    );
    assertEquals(effective(ack), initialValues, name);
    assertEquals(state.effective, initial, name);
  }
});

test("the values just inside the ranges apply", () => {
  const state = new PatchState(initial);
  const mask = F.QUALITY_TIER | F.TARGET_CADENCE | F.ACTIVE_LANE_MASK;
  const { ack } = state.apply(
    patch(mask, { qualityTier: 255, targetCadenceX100: 1, activeLaneMask: 0b1111n }),
    null,
    0,
  );
  assertEquals([ack.ackStatus, ack.effectiveQualityTier, ack.effectiveTargetCadenceX100], [
    Status.ACCEPTED,
    255,
    1,
  ]);
});

test("good fields apply beside bad ones, and stay applied", () => {
  const state = new PatchState(initial);
  const mask = F.TARGET_CADENCE | F.PREFERRED_CODEC | F.QUALITY_TIER;
  const { ack } = state.apply(patch(mask, { preferredCodecBitmap: 8 }), null, 0);
  assertEquals(
    [ack.ackStatus, ack.rejectReason, ack.appliedPatchMask, ack.rejectedPatchMask],
    [
      Status.PARTIALLY_APPLIED,
      Reason.UNSUPPORTED_STRATEGY,
      F.TARGET_CADENCE | F.QUALITY_TIER,
      F.PREFERRED_CODEC,
    ],
  );
  const next = state.apply(patch(F.DEGRADE_POLICY), null, 0).ack;
  assertEquals(effective(next), {
    ...initialValues,
    targetCadenceX100: 3000,
    qualityTier: 1,
    degradePolicy: 5,
  });
});

test("of several refusals the first in the order of the checks is the reason", () => {
  const bad: Partial<SessionPatchMetadata> = {
    activeLaneMask: 0n,
    preferredCodecBitmap: 0,
    preferredCompressionBitmap: 0,
    qualityTier: 999,
    targetCadenceX100: 0,
  };
  const table: [number, number][] = [
    [0x7f | 0x100, Reason.UNSUPPORTED_FIELD],
    [0x7f, Reason.INVALID_LANE_MASK],
    [0x7f & ~F.ACTIVE_LANE_MASK, Reason.UNSUPPORTED_STRATEGY],
    [F.QUALITY_TIER | F.TARGET_CADENCE | F.PROFILE_PATCH, Reason.INVALID_RANGE],
  ];
  for (const [mask, reason] of table) {
    assertEquals(
      new PatchState(initial).apply(patch(mask, bad), null, 0).ack.rejectReason,
      reason,
      String(mask),
    );
  }
});

test("a profile patch is kept and echoed, and only in the ack of the patch that carried it", () => {
  const state = new PatchState(initial);
  const first = state.apply(patch(F.PROFILE_PATCH), block, 0);
  assertEquals([first.profilePatch, first.ack.profilePatchAckBytes], [block, 16]);
  assertEquals(state.effective.profilePatch, block);
  const second = state.apply(patch(F.QUALITY_TIER), block, 0);
  assertEquals(
    [second.profilePatch, second.ack.profilePatchAckBytes],
    [null, 0],
    "without the bit it does not count",
  );
});

test("a range without sizes is refused; a maximum of 0 is none", () => {
  const table: [Partial<TensorProfileBlock>, number][] = [
    [{ minWidth: 1921 }, Status.REJECTED],
    [{ minHeight: 1081 }, Status.REJECTED],
    [{ minWidth: 1920, minHeight: 1080 }, Status.ACCEPTED],
    [{ maxWidth: 0, maxHeight: 0 }, Status.ACCEPTED],
  ];
  for (const [change, status] of table) {
    const { ack } = new PatchState(initial).apply(patch(F.PROFILE_PATCH), { ...block, ...change }, 0);
    assertEquals(ack.ackStatus, status, JSON.stringify(change));
  }
});

test("a patch over the rate is rejected whole, with the time until the window ends", () => {
  const state = new PatchState(initial, { maxPatchesPerWindow: 2, windowMs: 1000 });
  const status = (nowMs: number): number[] => {
    const { ack } = state.apply(patch(F.QUALITY_TIER | 0x80), null, nowMs);
    return [ack.rejectReason, ack.rejectedPatchMask, ack.retryAfterMs];
  };
  assertEquals(status(100), [Reason.UNSUPPORTED_FIELD, 0x80, 0]);
  assertEquals(status(200), [Reason.UNSUPPORTED_FIELD, 0x80, 0]);
  assertEquals(status(850.5), [Reason.RATE_LIMITED, 0x80 | F.QUALITY_TIER, 250]);
  assertEquals(status(1099), [Reason.RATE_LIMITED, 0x80 | F.QUALITY_TIER, 1]);
  assertEquals(status(1100), [Reason.UNSUPPORTED_FIELD, 0x80, 0]);
});

test("the application can refuse single fields that passed the checks", () => {
  const asked: number[] = [];
  const state = new PatchState(initial, {
    policy: (field) => {
      asked.push(field);
      return field === F.QUALITY_TIER ? Reason.INVALID_RANGE : Reason.NONE;
    },
  });
  const { ack } = state.apply(patch(F.QUALITY_TIER | F.TARGET_CADENCE, { targetCadenceX100: 0 }), null, 0);
  assertEquals([asked, ack.ackStatus, ack.rejectReason], [
    [F.QUALITY_TIER],
    Status.REJECTED,
    Reason.INVALID_RANGE,
  ]);
});

test("codecs the server can use but did not agree on at first may be patched in", () => {
  const state = new PatchState({ ...initial, codecBitmap: 0x1 }, { supportedCodecBitmap: 0x7 });
  const { ack } = state.apply(patch(F.PREFERRED_CODEC, { preferredCodecBitmap: 0xe }), null, 0);
  assertEquals(ack.effectiveCodecBitmap, 0x6);
});

test("masks split into applied and rejected, values stay in range, and the ack tells the values in force", () => {
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const u16 = fc.integer({ min: 0, max: 0xffff });
  const anyPatch = fc.record({
    patchMask: fc.oneof(fc.integer({ min: 0, max: 0x7f }), u32),
    targetCadenceX100: fc.oneof(fc.constant(0), u32),
    qualityTier: fc.oneof(fc.integer({ min: 250, max: 260 }), u16),
    degradePolicy: u16,
    activeLaneMask: fc.oneof(fc.bigInt({ min: 0n, max: 31n }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
    preferredCodecBitmap: fc.oneof(fc.integer({ min: 0, max: 7 }), u32),
    preferredCompressionBitmap: fc.oneof(fc.integer({ min: 0, max: 7 }), u32),
  });
  fc.assert(fc.property(fc.array(fc.tuple(anyPatch, fc.boolean())), (patches) => {
    const state = new PatchState(initial, { maxPatchesPerWindow: Infinity });
    for (const [fields, withBlock] of patches) {
      const before = state.effective;
      const { ack } = state.apply(patch(fields.patchMask, fields), withBlock ? block : null, 0);
      const { appliedPatchMask: applied, rejectedPatchMask: rejected } = ack;
      assertEquals((applied | rejected) >>> 0, fields.patchMask);
      assertEquals(applied & rejected, 0);
      assertEquals(ack.rejectReason === Reason.NONE, rejected === 0);
      assertEquals(ack.ackStatus === Status.ACCEPTED, rejected === 0);
      const { profilePatch, ...values } = state.effective;
      assertEquals(effective(ack), values);
      if (applied === 0) assertEquals(state.effective, before);
      assert(values.laneMask !== 0n && values.laneMask <= 0b1111n);
      assert(values.qualityTier <= 255 && values.targetCadenceX100 > 0);
      assert(values.codecBitmap !== 0 && (values.codecBitmap & ~0x3) === 0);
      assert(values.compressionBitmap !== 0 && (values.compressionBitmap & ~0x3) === 0);
      assert(profilePatch === null || profilePatch === block);
    }
  }));
});
