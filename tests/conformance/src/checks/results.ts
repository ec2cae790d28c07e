/**
 * Results that are less than complete: partial, reused, degraded; and the coverage they state (wire spec §7, §11).
 *
 * @module
 */
import {
  BudgetPolicy,
  buildDegradedResultPushPacket,
  buildPartialResultPushPacket,
  buildResultPushPacket,
  buildStaleReuseResultPushPacket,
  encodePacket,
  HeaderFlags,
  type NnrpPacket,
  PacketCursor,
  Result,
  ResultClass,
  ResultFlags,
  type ResultPushOptions,
} from "@nnrp/core";
import { changed, type Check, equal, exactLength, refused, refusedBytes, survives } from "../check.ts";
import { goldenBytes, matchesGolden } from "../golden.ts";
import { PAYLOADS, SECTIONS, sectionShapes, TILE_IDS } from "./submit_samples.ts";

const PACKET = "result_push_packet";
const METADATA = "result_push_metadata";
// Offsets in a packet, wire spec §7.
const RESULT_FLAGS = 40 + 2;
const TILE_COUNT = 40 + 6;
const RESULT_CLASS = 40 + 44;
const BUDGET_POLICY = 40 + 45;
const COVERED = 40 + 52;
const DROPPED = 40 + 54;

const BASE: ResultPushOptions = {
  sessionId: 9,
  frameId: 77,
  viewId: 1,
  routeId: 3,
  flags: HeaderFlags.EOS,
  traceId: 0xfedcba9876543210n,
  tileIds: TILE_IDS,
  sections: SECTIONS,
  activeProfileId: 2,
  inferenceMs: 8,
  queueMs: 1,
  serverTotalMs: 10,
  statusCode: 5,
};

/** The golden metadata: that of a partial result. */
export const goldenResult: Check = () => matchesGolden("current.metadata.result_push");

/** A partial result: some tiles covered, the rest dropped. */
export const partialRules: Check = () => {
  const packet = buildPartialResultPushPacket({ ...BASE, coveredTileCount: 2, droppedTileCount: 1 });
  const bytes = told(packet, {
    class: "PARTIAL",
    flags: ResultFlags.PARTIAL,
    policy: BudgetPolicy.ALLOW_PARTIAL,
    covered: 2,
    dropped: 1,
    reused: 0,
  });
  const coverage = (coveredTileCount: number, droppedTileCount: number) => () =>
    buildPartialResultPushPacket({ ...BASE, coveredTileCount, droppedTileCount });
  refused(coverage(3, 0), "a partial result that drops nothing");
  refused(coverage(2, 2), "more tiles covered and dropped than there are");
  refused(coverage(1, 1), "fewer tiles covered and dropped than there are");
  refusedBytes(PACKET, changed(bytes, COVERED, 3, 0, 0, 0), "class PARTIAL without dropped tiles");
  refusedBytes(PACKET, changed(bytes, COVERED, 3), "coverage beyond the tiles");
  refusedBytes(PACKET, changed(bytes, DROPPED, 4), "more dropped tiles than tiles");
  const flagAlone = changed(changed(bytes, RESULT_CLASS, 0), COVERED, 3, 0, 0, 0);
  refusedBytes(PACKET, flagAlone, "flag PARTIAL without dropped tiles");
  // The rule is about tensors: parts of a stream of payloads drop nothing.
  const part = {
    ...BASE,
    tileIds: [],
    sections: [],
    typedPayloads: PAYLOADS,
    resultClass: ResultClass.PARTIAL,
  };
  survives(PACKET, encodePacket(buildResultPushPacket(part)), "a partial result of payloads");
  commonRules(bytes);
};

/** An older result again. */
export const staleReuseRules: Check = () => {
  const packet = buildStaleReuseResultPushPacket({ ...BASE, reusedFrameId: 76 });
  const bytes = told(packet, {
    class: "STALE_REUSE",
    flags: ResultFlags.STALE,
    policy: BudgetPolicy.ALLOW_STALE_REUSE,
    covered: 3,
    dropped: 0,
    reused: 76,
  });
  for (const reusedFrameId of [-1, 2 ** 32, 1.5]) {
    refused(
      () => buildStaleReuseResultPushPacket({ ...BASE, reusedFrameId }),
      `reused frame ${reusedFrameId}`,
    );
  }
  const mostly = { ...BASE, reusedFrameId: 0xffffffff, coveredTileCount: 0, droppedTileCount: 3 };
  survives(PACKET, encodePacket(buildStaleReuseResultPushPacket(mostly)), "reuse that covers nothing");
  commonRules(bytes);
};

/** A result of lower quality. */
export const degradedRules: Check = () => {
  const bytes = told(buildDegradedResultPushPacket(BASE), {
    class: "DEGRADED",
    flags: ResultFlags.FALLBACK,
    policy: BudgetPolicy.ALLOW_DEGRADED,
    covered: 3,
    dropped: 0,
    reused: 0,
  });
  const fewer = buildDegradedResultPushPacket({ ...BASE, coveredTileCount: 1, droppedTileCount: 2 });
  survives(PACKET, encodePacket(fewer), "a degraded result that drops tiles");
  commonRules(bytes);
};

interface Told {
  readonly class: string;
  readonly flags: number;
  readonly policy: number;
  readonly covered: number;
  readonly dropped: number;
  readonly reused: number;
}

/** Demands that a client is told this by the packet, and all the rest unchanged. */
function told(packet: NnrpPacket, expected: Told): Uint8Array {
  const bytes = encodePacket(packet);
  survives(PACKET, bytes);
  survives(METADATA, packet.metadata);
  const result = new Result(new PacketCursor(bytes));
  const metadata = result.metadata!;
  equal(
    {
      class: result.className,
      flags: metadata.resultFlags,
      policy: metadata.appliedBudgetPolicy,
      covered: result.tensorCoveredTileCount,
      dropped: result.tensorDroppedTileCount,
      reused: metadata.reusedFrameId,
    },
    expected,
    "what the client is told",
  );
  const { frameId, viewId, routeId, traceId, flags, tileIds } = result;
  equal([frameId, viewId, routeId, traceId, flags], [77, 1, 3, BASE.traceId, 8], "header");
  equal(tileIds, TILE_IDS, "tiles");
  equal(sectionShapes(result.sections), sectionShapes(SECTIONS), "sections");
  const { activeProfileId, inferenceMs, queueMs, serverTotalMs, statusCode } = metadata;
  equal([activeProfileId, inferenceMs, queueMs, serverTotalMs, statusCode], [2, 8, 1, 10, 5], "times");
  return bytes;
}

/** Rules that hold for results of every class. */
function commonRules(bytes: Uint8Array): void {
  exactLength(PACKET, bytes);
  const golden = goldenBytes("current.metadata.result_push");
  exactLength(METADATA, golden);
  for (const value of Object.values(ResultClass)) {
    survives(METADATA, changed(golden, 44, value), `class ${value}`);
  }
  refusedBytes(PACKET, changed(bytes, RESULT_CLASS, 4), "class 4");
  refusedBytes(PACKET, changed(bytes, RESULT_FLAGS, 8), "result flag 8");
  refusedBytes(PACKET, changed(bytes, BUDGET_POLICY, 16), "budget policy 16");
  refusedBytes(PACKET, changed(bytes, TILE_COUNT, 2), "a tile fewer than sections have");
  for (const change of [{ resultClass: 4 }, { resultFlags: 8 }, { appliedBudgetPolicy: 16 }]) {
    refused(
      () => buildResultPushPacket({ ...BASE, ...change }),
      `writing ${Object.keys(change)[0]} out of range`,
    );
  }
}
