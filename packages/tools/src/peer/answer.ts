/**
 * The echo: which result the scripted server gives to its Nth frame.
 *
 * @module
 */
import {
  BudgetPolicy,
  PayloadKind,
  ResultClass,
  type ResultFields,
  ResultFlags,
  TileIndexMode,
} from "@nnrp/core";
import type { ReceivedSubmit } from "@nnrp/server";
import type { ServeFlags } from "./serve_flags.ts";

/**
 * Whether a flag "every Nth" hits.
 *
 * @param every The flag; 0 = never.
 * @param n Number of the frame in its session, from 1.
 */
export function hits(every: number, n: number): boolean {
  return every > 0 && n % every === 0;
}

/**
 * The result of a frame: its own content, with the class the flags ask for (partial before stale before degraded).
 *
 * @param flags Flags of the server.
 * @param n Number of the frame in its session, from 1.
 * @param frame The frame, references resolved.
 * @param lastResult Frame of the session's last result.
 */
export function echoResult(
  flags: ServeFlags,
  n: number,
  frame: ReceivedSubmit,
  lastResult: number,
): ResultFields {
  return {
    inferenceMs: 3,
    queueMs: 1,
    serverTotalMs: 4,
    activeProfileId: 1,
    ...echoContent(frame),
    ...resultClass(flags, n, frame.tileIds?.length ?? 0, lastResult),
  };
}

function echoContent(frame: ReceivedSubmit): ResultFields {
  const { metadata, tileIds, sections, typedPayloads } = frame;
  const typed = typedPayloads.length > 0 ? { typedPayloads } : {};
  const hasTensor = (metadata.payloadKindBitmap & PayloadKind.TENSOR) !== 0;
  if (!hasTensor) return typedPayloads.length > 0 ? typed : { payloadKindBitmap: 0 };
  // A result can only say RAW_U16 or DENSE_RANGE (wire spec §7).
  const dense = metadata.tileIndexMode === TileIndexMode.DENSE_RANGE;
  const tileIndexMode = dense ? TileIndexMode.DENSE_RANGE : TileIndexMode.RAW_U16;
  return { tileIds, sections, tileIndexMode, tileBaseId: metadata.tileBaseId, ...typed };
}

function resultClass(flags: ServeFlags, n: number, tiles: number, lastResult: number): ResultFields {
  if (hits(flags.partialEvery, n) && tiles > 1) {
    return {
      resultClass: ResultClass.PARTIAL,
      resultFlags: ResultFlags.PARTIAL,
      appliedBudgetPolicy: BudgetPolicy.ALLOW_PARTIAL,
      coveredTileCount: tiles - 1,
      droppedTileCount: 1,
    };
  }
  if (hits(flags.staleEvery, n)) {
    return {
      resultClass: ResultClass.STALE_REUSE,
      resultFlags: ResultFlags.STALE,
      appliedBudgetPolicy: BudgetPolicy.ALLOW_STALE_REUSE,
      reusedFrameId: lastResult,
    };
  }
  if (hits(flags.degradedEvery, n)) {
    return {
      resultClass: ResultClass.DEGRADED,
      resultFlags: ResultFlags.FALLBACK,
      appliedBudgetPolicy: BudgetPolicy.ALLOW_DEGRADED,
    };
  }
  return {};
}
