/**
 * How many bytes NNRP takes against another encoding of the same thing (behaviour spec §15, "Size comparison").
 *
 * @module
 */
import type { NnrpPacket } from "@nnrp/core";
import { type EnhanceResultOptions, enhanceResultToPacket } from "./enhance_result.ts";
import { type FrameFeaturesOptions, frameFeaturesToPacket } from "./frame_features.ts";
import type { RecordedEnhanceResult, RecordedFrameFeatures } from "./recorded.ts";
import { renderWireSummary, summarizeWirePacket, type WireSummary } from "./wire_summary.ts";

/** The other encoding. */
export interface ReferencePayload {
  /** Its bytes; only their number counts. */
  readonly payload: Uint8Array;
  /** Its name. Default `"protobuf"`. */
  readonly label?: string;
}

/** Sizes of a packet and of another encoding. */
export interface WireSizeComparison {
  /** Name of the other encoding. */
  readonly referenceLabel: string;
  /** Its length, bytes. */
  readonly referenceBytes: number;
  /** The packet. */
  readonly current: WireSummary;
  /** How much longer the packet is, bytes; negative if it is shorter. */
  readonly deltaBytes: number;
  /** Length of the packet in hundredths of the other, cut after two digits: `"251.00%"`; `"n/a"` against nothing. */
  readonly wireRatioPercent: string;
}

/**
 * Compares a packet with another encoding.
 *
 * @param packet A FRAME_SUBMIT or RESULT_PUSH.
 * @param reference The other encoding.
 * @param subject What it is about. Default: the name of the message in small letters.
 * @throws NnrpUnexpectedMessageError for other messages, NnrpWireError if metadata or body break a rule.
 */
export function compareWireSize(
  packet: NnrpPacket,
  reference: ReferencePayload,
  subject?: string,
): WireSizeComparison {
  const current = summarizeWirePacket(packet, subject);
  const referenceBytes = reference.payload.length;
  return {
    referenceLabel: reference.label ?? "protobuf",
    referenceBytes,
    current,
    deltaBytes: current.wireBytes - referenceBytes,
    wireRatioPercent: percent(current.wireBytes, referenceBytes),
  };
}

/**
 * Compares a recorded frame's packet with another encoding.
 *
 * @param features The recorded frame.
 * @param reference The other encoding.
 * @param options Numbers that the recording does not tell.
 * @throws NnrpValueError naming the field at fault.
 */
export function compareFrameFeaturesWireSize(
  features: RecordedFrameFeatures,
  reference: ReferencePayload,
  options?: FrameFeaturesOptions,
): WireSizeComparison {
  return compareWireSize(frameFeaturesToPacket(features, options), reference, "frame_submit");
}

/**
 * Compares a recorded result's packet with another encoding.
 *
 * @param result The recorded result.
 * @param reference The other encoding.
 * @param options Numbers that the recording does not tell.
 * @throws NnrpValueError naming the field at fault.
 */
export function compareEnhanceResultWireSize(
  result: RecordedEnhanceResult,
  reference: ReferencePayload,
  options?: EnhanceResultOptions,
): WireSizeComparison {
  return compareWireSize(enhanceResultToPacket(result, options), reference, "result_push");
}

/** A comparison on one line of `key=value` pairs; the packet's summary ends it. */
export function renderWireSizeComparison(comparison: WireSizeComparison): string {
  const { referenceLabel, referenceBytes, current, deltaBytes, wireRatioPercent } = comparison;
  return `reference_label=${referenceLabel} reference=${referenceBytes} current=${current.wireBytes} ` +
    `delta=${deltaBytes} current_ratio=${wireRatioPercent} ${renderWireSummary(current)}`;
}

function percent(bytes: number, reference: number): string {
  if (reference === 0) return "n/a";
  const basisPoints = Math.floor((bytes * 10_000) / reference);
  return `${Math.floor(basisPoints / 100)}.${String(basisPoints % 100).padStart(2, "0")}%`;
}
