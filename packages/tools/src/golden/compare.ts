/**
 * Golden vectors of another implementation against ours: which one differs, in which field (behaviour spec §15).
 *
 * @module
 */
import type { GoldenVector } from "../vectors/format.ts";
import { exportGoldenVectors } from "./export.ts";
import { bytesOfHex } from "./hex.ts";
import { goldenLayout } from "./layout.ts";

/** A field in which a vector differs. */
export interface GoldenDifference {
  /** Name of the vector. */
  readonly vector: string;
  /** Field, for example `flow_update.session_credit`; `kind` or `length` if that differs. */
  readonly field: string;
  /** First byte of the field in the vector; null where that means nothing. */
  readonly offset: number | null;
  /** What it should be, for people. */
  readonly expected: string;
  /** What was found; `"missing"` if the bytes end before. */
  readonly found: string;
}

/** What a comparison found. */
export interface GoldenReport {
  /** Vectors that are the same. */
  readonly same: readonly string[];
  /** Fields that differ, in the order of the expected vectors and of the fields. */
  readonly differences: readonly GoldenDifference[];
  /** Expected vectors that are not there. */
  readonly missing: readonly string[];
  /** Vectors that nobody expected; they were not compared. */
  readonly extra: readonly string[];
}

/**
 * Compares golden vectors by their names. Descriptions and the order do not matter.
 *
 * @param found Vectors of another implementation.
 * @param expected What they should be. Default: {@linkcode exportGoldenVectors}.
 */
export function compareGoldenVectors(
  found: readonly GoldenVector[],
  expected: readonly GoldenVector[] = exportGoldenVectors(),
): GoldenReport {
  const byName = new Map(found.map((vector) => [vector.name, vector]));
  const known = new Set(expected.map(({ name }) => name));
  const same: string[] = [];
  const missing: string[] = [];
  const differences: GoldenDifference[] = [];
  for (const wanted of expected) {
    const given = byName.get(wanted.name);
    if (given === undefined) {
      missing.push(wanted.name);
      continue;
    }
    const wrong = differencesOf(wanted, given);
    if (wrong.length === 0) same.push(wanted.name);
    else differences.push(...wrong);
  }
  return {
    same,
    differences,
    missing,
    extra: found.map(({ name }) => name).filter((name) => !known.has(name)),
  };
}

function differencesOf(wanted: GoldenVector, given: GoldenVector): GoldenDifference[] {
  const vector = wanted.name;
  const expected = bytesOfHex(wanted.hex) ?? new Uint8Array(0);
  const found = bytesOfHex(given.hex) ?? new Uint8Array(0);
  const differences: GoldenDifference[] = [];
  if (wanted.kind !== given.kind) {
    differences.push({ vector, field: "kind", offset: null, expected: wanted.kind, found: given.kind });
  }
  for (const { name, offset, size, show } of goldenLayout(wanted.kind, vector, expected)) {
    const end = offset + size;
    if (end > found.length) {
      differences.push({ vector, field: name, offset, expected: show(expected), found: "missing" });
    } else if (expected.subarray(offset, end).some((byte, i) => byte !== found[offset + i])) {
      differences.push({ vector, field: name, offset, expected: show(expected), found: show(found) });
    }
  }
  if (expected.length !== found.length) {
    differences.push({
      vector,
      field: "length",
      offset: Math.min(expected.length, found.length),
      expected: `${expected.length} bytes`,
      found: `${found.length} bytes`,
    });
  }
  return differences;
}

/** A difference on one line. */
export function renderGoldenDifference(difference: GoldenDifference): string {
  const { vector, field, offset, expected, found } = difference;
  return `${vector}: ${field}${
    offset === null ? "" : ` at byte ${offset}`
  }: expected ${expected}, found ${found}`;
}
