/**
 * Packets of submits and results from their arguments (wire spec §11): the same writers that sessions use, into a packet of
 * its own. For tools, tests and raw use.
 *
 * @module
 */
import { NnrpValueError } from "../errors.ts";
import { ResultClass } from "../wire/enums.ts";
import { BudgetPolicy, ResultFlags } from "../wire/flags.ts";
import { decodePacket, type NnrpPacket } from "../wire/packet.ts";
import { PacketBuffer } from "../wire/outbox.ts";
import { encodeFrameSubmit, hasTensorContent } from "./frame_submit_writer.ts";
import type { ResultFields, ResultTarget } from "./result_fields.ts";
import { encodeResultPush } from "./result_push_writer.ts";
import type { SubmitRequest } from "./submit_request.ts";
import type { TypedPayload } from "./typed_payloads.ts";

/** Arguments of {@linkcode buildFrameSubmitPacket}. */
export interface FrameSubmitOptions extends SubmitRequest {
  /** Session, u32. */
  readonly sessionId: number;
}

/** Arguments of {@linkcode buildFrameSubmitMixedPacket}. */
export interface FrameSubmitMixedOptions extends
  Omit<
    FrameSubmitOptions,
    | "typedPayloads"
    | "payloadKindBitmap"
    | "payloadFrameCount"
    | "submitMode"
    | "objectRefMask"
    | "cameraReference"
    | "tileIndexReference"
    | "tensorSectionTableReference"
  > {
  /** Typed payloads, at least one. */
  readonly frames: readonly TypedPayload[];
}

/** Arguments of {@linkcode buildFrameSubmitTypedPayloadPacket}. */
export type FrameSubmitTypedPayloadOptions = Omit<
  FrameSubmitMixedOptions,
  | "srcWidth"
  | "srcHeight"
  | "tileWidth"
  | "tileHeight"
  | "tileIds"
  | "sections"
  | "cameraBlock"
  | "inputProfile"
  | "tileIndexMode"
  | "tileBaseId"
>;

/**
 * A FRAME_SUBMIT. With `typedPayloads` it becomes a typed or mixed one, as a session would send it.
 *
 * @throws NnrpValueError naming the field at fault.
 */
export function buildFrameSubmitPacket(options: FrameSubmitOptions): NnrpPacket {
  const out = new PacketBuffer();
  encodeFrameSubmit(out, options.sessionId, options);
  return decodePacket(out.toBytes());
}

/**
 * A FRAME_SUBMIT with typed payloads alone.
 *
 * @throws NnrpValueError if there are none, or naming the field at fault.
 */
export function buildFrameSubmitTypedPayloadPacket(options: FrameSubmitTypedPayloadOptions): NnrpPacket {
  const { frames, ...rest } = options;
  requireFrames(frames);
  const withoutTensors: FrameSubmitOptions = { ...rest, tileIds: [], sections: [], cameraBlock: undefined };
  return buildFrameSubmitPacket({ ...withoutTensors, typedPayloads: frames });
}

/**
 * A FRAME_SUBMIT with tensors and typed payloads.
 *
 * @throws NnrpValueError if either is missing, or naming the field at fault.
 */
export function buildFrameSubmitMixedPacket(options: FrameSubmitMixedOptions): NnrpPacket {
  const { frames, ...rest } = options;
  requireFrames(frames);
  if (!hasTensorContent(rest)) throw noTensors("tile ids, sections or a camera");
  return buildFrameSubmitPacket({ ...rest, typedPayloads: frames });
}

/** Arguments of {@linkcode buildResultPushPacket}. */
export interface ResultPushOptions extends ResultFields, ResultTarget {
  /** Session, u32. */
  readonly sessionId: number;
}

/** Arguments of {@linkcode buildResultPushMixedPacket}. */
export interface ResultPushMixedOptions
  extends Omit<ResultPushOptions, "typedPayloads" | "payloadKindBitmap" | "payloadFrameCount"> {
  /** Typed payloads, at least one. */
  readonly frames: readonly TypedPayload[];
}

/** Arguments of {@linkcode buildResultPushTypedPayloadPacket}. */
export type ResultPushTypedPayloadOptions = Omit<
  ResultPushMixedOptions,
  "tileIds" | "sections" | "tileIndexMode" | "tileBaseId" | "coveredTileCount" | "droppedTileCount"
>;

/** Fields that the builders of special results set themselves. */
export type ResultFieldSetByBuilder = "resultFlags" | "resultClass" | "appliedBudgetPolicy" | "reusedFrameId";

/** Arguments of {@linkcode buildPartialResultPushPacket}. */
export interface PartialResultPushOptions extends Omit<ResultPushOptions, ResultFieldSetByBuilder> {
  /** Tiles with new data. */
  readonly coveredTileCount: number;
  /** Tiles without, at least one. */
  readonly droppedTileCount: number;
}

/** Arguments of {@linkcode buildStaleReuseResultPushPacket}. */
export interface StaleReuseResultPushOptions extends Omit<ResultPushOptions, ResultFieldSetByBuilder> {
  /** Frame whose result this is, u32. */
  readonly reusedFrameId: number;
}

/** Arguments of {@linkcode buildDegradedResultPushPacket}. */
export type DegradedResultPushOptions = Omit<ResultPushOptions, ResultFieldSetByBuilder>;

/**
 * A RESULT_PUSH. With `typedPayloads` it becomes a typed or mixed one, as a session would send it.
 *
 * @throws NnrpValueError naming the field at fault.
 */
export function buildResultPushPacket(options: ResultPushOptions): NnrpPacket {
  const out = new PacketBuffer();
  encodeResultPush(out, options.sessionId, options, options);
  return decodePacket(out.toBytes());
}

/**
 * A result that covers a part of the tiles: class and flag PARTIAL, policy ALLOW_PARTIAL.
 *
 * @throws NnrpValueError if no tile is dropped, or naming the field at fault.
 */
export function buildPartialResultPushPacket(options: PartialResultPushOptions): NnrpPacket {
  return buildResultPushPacket({
    ...options,
    resultFlags: ResultFlags.PARTIAL,
    resultClass: ResultClass.PARTIAL,
    appliedBudgetPolicy: BudgetPolicy.ALLOW_PARTIAL,
    reusedFrameId: 0,
  });
}

/**
 * An older result again: class STALE_REUSE, flag STALE, policy ALLOW_STALE_REUSE.
 *
 * @throws NnrpValueError naming the field at fault.
 */
export function buildStaleReuseResultPushPacket(options: StaleReuseResultPushOptions): NnrpPacket {
  return buildResultPushPacket({
    ...options,
    resultFlags: ResultFlags.STALE,
    resultClass: ResultClass.STALE_REUSE,
    appliedBudgetPolicy: BudgetPolicy.ALLOW_STALE_REUSE,
  });
}

/**
 * A result of lower quality: class DEGRADED, flag FALLBACK, policy ALLOW_DEGRADED.
 *
 * @throws NnrpValueError naming the field at fault.
 */
export function buildDegradedResultPushPacket(options: DegradedResultPushOptions): NnrpPacket {
  return buildResultPushPacket({
    ...options,
    resultFlags: ResultFlags.FALLBACK,
    resultClass: ResultClass.DEGRADED,
    appliedBudgetPolicy: BudgetPolicy.ALLOW_DEGRADED,
    reusedFrameId: 0,
  });
}

/**
 * A RESULT_PUSH with typed payloads alone.
 *
 * @throws NnrpValueError if there are none, or naming the field at fault.
 */
export function buildResultPushTypedPayloadPacket(options: ResultPushTypedPayloadOptions): NnrpPacket {
  const { frames, ...rest } = options;
  requireFrames(frames);
  const withoutTensors: ResultPushOptions = { ...rest, tileIds: [], sections: [] };
  return buildResultPushPacket({ ...withoutTensors, typedPayloads: frames });
}

/**
 * A RESULT_PUSH with tensors and typed payloads.
 *
 * @throws NnrpValueError if either is missing, or naming the field at fault.
 */
export function buildResultPushMixedPacket(options: ResultPushMixedOptions): NnrpPacket {
  const { frames, ...rest } = options;
  requireFrames(frames);
  if (!rest.tileIds?.length && !rest.sections?.length) throw noTensors("tile ids or sections");
  return buildResultPushPacket({ ...rest, typedPayloads: frames });
}

function requireFrames(frames: readonly TypedPayload[]): void {
  if (!Array.isArray(frames) || frames.length === 0) {
    throw new NnrpValueError("at least one typed payload is wanted", { field: "frames", actual: "none" });
  }
}

function noTensors(expected: string): NnrpValueError {
  return new NnrpValueError("a mixed packet needs tensor content", {
    field: "tileIds",
    expected,
    actual: "none",
  });
}
