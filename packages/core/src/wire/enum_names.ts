/**
 * Names for numbers: the table of all enumerations and flag sets, which messages, `nnrp decode` and the docs walk.
 *
 * @module
 */
import * as enums from "./enums.ts";
import * as flags from "./flags.ts";

/** An enumeration or flag set: names and numbers; where two names share a number, the first one is shown. */
export type NamedNumbers = Readonly<Record<string, number>>;

/** What is known about one set (wire spec §12). */
export interface NamedNumbersInfo {
  /** Its name, for example `"MessageType"`. */
  readonly name: string;
  /** The set itself. */
  readonly values: NamedNumbers;
  /** Whether values are bits that combine. */
  readonly isFlags: boolean;
  /** Whether readers refuse other values or bits. */
  readonly closed: boolean;
}

const enumeration = (name: string, values: NamedNumbers, closed: boolean): NamedNumbersInfo => ({
  name,
  values,
  isFlags: false,
  closed,
});
const bits = (name: string, values: NamedNumbers, closed: boolean): NamedNumbersInfo => ({
  name,
  values,
  isFlags: true,
  closed,
});

/** All sets, in the order of wire spec §12. */
export const NAMED_NUMBERS: readonly NamedNumbersInfo[] = [
  enumeration("MessageType", enums.MessageType, true),
  enumeration("WireFormat", enums.WireFormat, true),
  bits("HeaderFlags", flags.HeaderFlags, false),
  enumeration("FrameClass", enums.FrameClass, false),
  enumeration("ErrorCode", enums.ErrorCode, false),
  enumeration("ErrorScope", enums.ErrorScope, true),
  enumeration("TransportId", enums.TransportId, true),
  enumeration("TransportPolicy", enums.TransportPolicy, true),
  enumeration("LossTolerance", enums.LossTolerance, true),
  bits("ControlExtensionFlags", flags.ControlExtensionFlags, false),
  bits("ExtensionFrameFlags", flags.ExtensionFrameFlags, true),
  bits("PayloadKind", flags.PayloadKind, true),
  enumeration("InputProfile", enums.InputProfile, true),
  enumeration("TileIndexMode", enums.TileIndexMode, true),
  enumeration("TensorDType", enums.TensorDType, true),
  enumeration("TensorLayout", enums.TensorLayout, true),
  enumeration("ScalePolicy", enums.ScalePolicy, true),
  bits("SectionFlags", flags.SectionFlags, false),
  enumeration("SubmitMode", enums.SubmitMode, true),
  bits("BudgetPolicy", flags.BudgetPolicy, true),
  enumeration("ResultClass", enums.ResultClass, true),
  bits("ResultFlags", flags.ResultFlags, true),
  enumeration("CacheObjectKind", enums.CacheObjectKind, true),
  enumeration("CacheAckStatus", enums.CacheAckStatus, true),
  bits("CachePutFlags", flags.CachePutFlags, false),
  enumeration("CacheInvalidateScope", enums.CacheInvalidateScope, true),
  bits("SessionPatchField", flags.SessionPatchField, false),
  enumeration("SessionPatchAckStatus", enums.SessionPatchAckStatus, true),
  enumeration("SessionPatchRejectReason", enums.SessionPatchRejectReason, true),
  enumeration("FlowUpdateScopeKind", enums.FlowUpdateScopeKind, true),
  enumeration("FlowUpdateReason", enums.FlowUpdateReason, true),
  enumeration("FlowUpdateBackpressureLevel", enums.FlowUpdateBackpressureLevel, true),
  bits("FlowUpdateFlags", flags.FlowUpdateFlags, true),
  enumeration("ResultHintBudgetPolicy", enums.ResultHintBudgetPolicy, true),
  enumeration("ResultHintCongestionState", enums.ResultHintCongestionState, true),
  enumeration("ResultHintReason", enums.ResultHintReason, true),
];

const names = new Map<
  NamedNumbers,
  { readonly unknown: string; readonly byValue: ReadonlyMap<number, string> }
>();
for (const { name, values } of NAMED_NUMBERS) {
  names.set(values, { unknown: values === enums.ErrorCode ? "CODE" : name, byValue: firstNames(values) });
}

/** Numbers to names; of several names for one number the first one stays. */
function firstNames(values: NamedNumbers): Map<number, string> {
  const byValue = new Map<number, string>();
  for (const [name, value] of Object.entries(values)) if (!byValue.has(value)) byValue.set(value, name);
  return byValue;
}

/**
 * The name of a number.
 *
 * @param set An enumeration, for example `MessageType`.
 * @param value The number.
 * @returns For example `"FRAME_SUBMIT"`; `"MessageType_153"` for an unknown one (`"CODE_99"` for error codes).
 */
export function enumName(set: NamedNumbers, value: number): string {
  const known = names.get(set);
  if (known === undefined) return firstNames(set).get(value) ?? `UNKNOWN_${value}`;
  return known.byValue.get(value) ?? `${known.unknown}_${value}`;
}

/**
 * The names of the bits that are set, lowest first.
 *
 * @param set A flag set, for example `HeaderFlags`.
 * @param value The number.
 * @returns For example `["ACK_REQUIRED", "KEYFRAME"]`; an undefined bit is shown as its number: `"0x80"`.
 */
export function flagNames(set: NamedNumbers, value: number): string[] {
  const byValue = names.get(set)?.byValue ?? firstNames(set);
  const found: string[] = [];
  for (let rest = value >>> 0; rest !== 0;) {
    const bit = (rest & -rest) >>> 0;
    found.push(byValue.get(bit) ?? `0x${bit.toString(16)}`);
    rest = (rest & ~bit) >>> 0;
  }
  return found;
}
