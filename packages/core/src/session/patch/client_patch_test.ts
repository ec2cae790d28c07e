import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { NnrpLimitError } from "../../errors.ts";
import { SessionPatchField as F } from "../../wire/flags.ts";
import type { SessionPatchMetadata } from "../../wire/metadata/session_patch.ts";
import type { SessionPatchAckMetadata } from "../../wire/metadata/session_patch_ack.ts";
import { ClientPatchState } from "./client_patch.ts";
import { type EffectiveSettings, PatchState } from "./patch.ts";

const initial: EffectiveSettings = {
  profileId: 1,
  targetCadenceX100: 6000,
  qualityTier: 2,
  degradePolicy: 0,
  laneMask: 1n,
  codecBitmap: 3,
  compressionBitmap: 3,
  profilePatch: null,
};
const block = { minWidth: 1, minHeight: 2, maxWidth: 3, maxHeight: 4 };

function ackOf(qualityTier: number): SessionPatchAckMetadata {
  return new PatchState({ ...initial, qualityTier }).apply(patch(0), null, 0).ack;
}

function patch(patchMask: number, o: Partial<SessionPatchMetadata> = {}): SessionPatchMetadata {
  return {
    profileId: 1,
    patchMask,
    targetCadenceX100: 3000,
    qualityTier: 1,
    degradePolicy: 5,
    activeLaneMask: 1n,
    preferredCodecBitmap: 1,
    preferredCompressionBitmap: 2,
    profilePatchBytes: 0,
    ...o,
  };
}

test("the client's values follow the server's, patch by patch", () => {
  const server = new PatchState(initial, { maxPatchesPerWindow: 4 });
  const client = new ClientPatchState<string>(initial);
  const patches = [
    patch(F.QUALITY_TIER | F.TARGET_CADENCE),
    patch(F.PREFERRED_CODEC | F.ACTIVE_LANE_MASK, { activeLaneMask: 0n }),
    patch(F.PROFILE_PATCH),
    patch(0x7f, { preferredCodecBitmap: 4 }),
    patch(F.QUALITY_TIER, { qualityTier: 0 }), // over the rate
  ];
  patches.forEach((fields, i) => {
    const trace = BigInt(i + 1);
    client.patchSent(trace, fields.patchMask, `patch ${i}`);
    const { ack, profilePatch } = server.apply(fields, fields.patchMask & F.PROFILE_PATCH ? block : null, 0);
    const done = client.acknowledge(ack, trace, profilePatch);
    assertEquals([done?.waiter, done?.data], [`patch ${i}`, fields.patchMask]);
    assertEquals(client.effective, server.effective);
  });
  assertEquals(client.effective.profilePatch, block);
});

test("acks are matched by trace id, or by order if they have none", () => {
  const client = new ClientPatchState<string>(initial);
  for (const [trace, who] of [[1n, "a"], [2n, "b"], [3n, "c"]] as const) client.patchSent(trace, 1, who);
  assertEquals(client.acknowledge(ackOf(9), 2n, null)?.waiter, "b");
  assertEquals(client.acknowledge(ackOf(8), 0n, null)?.waiter, "a");
  assertEquals(client.acknowledge(ackOf(7), 99n, null), undefined);
  assertEquals([client.effective.qualityTier, client.pending], [7, 1]);
});

test("an ERROR ends a patch; a late ack after lost patience still tells the values", () => {
  const client = new ClientPatchState<string>(initial);
  client.patchSent(1n, 1, "a");
  client.patchSent(2n, 1, "b");
  client.patchSent(3n, 1, "c");
  assertEquals(client.reject(1n), "a");
  client.abandon(2n);
  assertEquals(client.acknowledge(ackOf(9), 2n, null)?.waiter, undefined);
  assertEquals([client.effective.qualityTier, client.drain()], [9, ["c"]]);
});

test("patches without answer are bounded", () => {
  const client = new ClientPatchState<string>(initial);
  for (let trace = 1n; trace <= 1024n; trace++) client.patchSent(trace, 1, "w");
  assertThrows(() => client.checkRoom(), NnrpLimitError);
  assertThrows(() => client.patchSent(2000n, 1, "w"), NnrpLimitError);
});
