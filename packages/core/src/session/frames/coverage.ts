/**
 * What a result says about its own completeness: class, flags and applied policy belong together, and covered and dropped
 * tiles add up (wire spec §7, §11; behaviour spec §15). The wire does not compare them, so whoever sends fills in what the
 * handler left out.
 *
 * @module
 */
import type { ResultFields } from "../../body/result_fields.ts";
import { ResultClass } from "../../wire/enums.ts";
import { BudgetPolicy, ResultFlags } from "../../wire/flags.ts";

/** One class of result with what stands for it in the two bit sets. */
interface ClassRule {
  readonly resultClass: number;
  readonly flag: number;
  readonly policy: number;
}

/** In the order in which flags decide the class: a stale result that is also partial is STALE_REUSE. */
const RULES: readonly ClassRule[] = [
  { resultClass: ResultClass.STALE_REUSE, flag: ResultFlags.STALE, policy: BudgetPolicy.ALLOW_STALE_REUSE },
  { resultClass: ResultClass.DEGRADED, flag: ResultFlags.FALLBACK, policy: BudgetPolicy.ALLOW_DEGRADED },
  { resultClass: ResultClass.PARTIAL, flag: ResultFlags.PARTIAL, policy: BudgetPolicy.ALLOW_PARTIAL },
];

/**
 * Fills in what a result says about itself; what was given stays as it is, contradictions included.
 *
 * - tiles: covered = ids − dropped, or dropped = ids − covered;
 * - class: from the flags, else PARTIAL if tiles were dropped, else COMPLETE;
 * - flags and applied policy: from the class, and PARTIAL too if tiles were dropped and the class is not COMPLETE.
 *
 * @param fields What the handler gave.
 * @returns The same object if nothing was to be filled in.
 */
export function completeResult(fields: ResultFields): ResultFields {
  const { resultClass: givenClass, resultFlags: givenFlags, appliedBudgetPolicy, tileIds } = fields;
  const tiles = tileIds === undefined ? 0 : tileIds.length;
  const coveredTileCount = fields.coveredTileCount ??
    (tiles > 0 && fields.droppedTileCount !== undefined ? tiles - fields.droppedTileCount : undefined);
  const droppedTileCount = fields.droppedTileCount ??
    (tiles > 0 && coveredTileCount !== undefined ? tiles - coveredTileCount : undefined);
  const dropped = droppedTileCount !== undefined && droppedTileCount > 0;
  const nothingSpecial = (givenClass ?? ResultClass.COMPLETE) === ResultClass.COMPLETE && !givenFlags &&
    !dropped;
  if (
    nothingSpecial && coveredTileCount === fields.coveredTileCount &&
    droppedTileCount === fields.droppedTileCount
  ) {
    return fields; // the usual case allocates nothing
  }
  const resultClass = givenClass ?? classOf(givenFlags ?? (dropped ? ResultFlags.PARTIAL : ResultFlags.NONE));
  let flags = 0;
  let policy = 0;
  for (const rule of RULES) {
    const holds = rule.resultClass === resultClass ||
      (rule.flag === ResultFlags.PARTIAL && dropped && resultClass !== ResultClass.COMPLETE);
    if (!holds) continue;
    flags |= rule.flag;
    policy |= rule.policy;
  }
  return {
    ...fields,
    resultClass,
    resultFlags: givenFlags ?? flags,
    appliedBudgetPolicy: appliedBudgetPolicy ?? policy,
    coveredTileCount,
    droppedTileCount,
  };
}

function classOf(flags: number): number {
  return RULES.find((rule) => (flags & rule.flag) !== 0)?.resultClass ?? ResultClass.COMPLETE;
}
