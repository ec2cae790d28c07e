/**
 * Changing a running session: frame rate, quality, codecs; what the server takes, refuses, and how often. Run:
 * `deno run -A examples/adjust.ts`, `node examples/adjust.ts` or `bun examples/adjust.ts`.
 *
 * @module
 */
import { dialClient, type PatchOutcome } from "@nnrp/client";
import {
  enumName,
  flagNames,
  SessionPatchAckStatus,
  SessionPatchField,
  SessionPatchRejectReason,
} from "@nnrp/core";
import { serve, TypedPayload } from "@nnrp/server";

const server = await serve({
  port: 0,
  maxPatchesPerSecond: 4,
  // The application's own word, after the built-in checks: this model has quality tiers 0 to 2.
  patchPolicy: ({ metadata }) =>
    metadata.qualityTier > 2
      ? { rejectedMask: SessionPatchField.QUALITY_TIER, rejectReason: SessionPatchRejectReason.INVALID_RANGE }
      : undefined,
}, (_frame, { session }) => {
  const { targetCadenceX100, qualityTier } = session.settings; // values in force, for whoever answers frames
  return { typedPayloads: [TypedPayload.tokenChunk(`${targetCadenceX100 / 100} fps, tier ${qualityTier}`)] };
});
const session = await dialClient(`nnrp://127.0.0.1:${server.port}`);

function show(what: string, outcome: PatchOutcome): void {
  const status = enumName(SessionPatchAckStatus, outcome.status);
  const applied = flagNames(SessionPatchField, outcome.appliedMask).join(", ") || "nothing";
  const rejected = flagNames(SessionPatchField, outcome.rejectedMask).join(", ");
  const why = enumName(SessionPatchRejectReason, outcome.rejectReason);
  console.log(
    `${what}: ${status}, applied ${applied}${rejected === "" ? "" : `, refused ${rejected} (${why})`}`,
  );
}
const ask = async () => (await session.submit({ typedPayloads: [TypedPayload.tokenChunk("?")] })).text();
console.log(`before: ${await ask()}`);

// All fields in one call: each call counts against the rate limit.
show("slower and simpler", await session.patch({ targetCadence: 30, qualityTier: 1 }));
console.log(`now: ${await ask()}`);

// Each field is judged alone: what is accepted stays accepted.
const half = await session.patch({ targetCadence: 29.97, qualityTier: 9 });
show("one good, one bad", half);
console.log(`in force: ${half.settings.targetCadenceX100 / 100} fps, tier ${half.settings.qualityTier}`);

show("no such lane", await session.patch({ activeLaneMask: 0b100n }));
show("no such codec", await session.patch({ preferredCodecs: 0b1000_0000 }));

// A refusal is an outcome, not an error; this one says when to come back.
const tooMany = await session.patch({ qualityTier: 2 });
show("the fifth within a second", tooMany);
console.log(`a time to come back: ${tooMany.retryAfterMs > 0}; still ${await ask()}`);

await session.close();
await server.close();
