/**
 * Checks vector files: counts cases, collects failures.
 *
 * @module
 */
import { checkEncodeRefused, checkGolden, checkInvalid, checkOdd, checkValid } from "./check_case.ts";
import { checkMutations } from "./check_mutations.ts";
import type { VectorFile } from "./format.ts";
import type { LoadedVectors } from "./load.ts";

/** A case that did not pass. */
export interface VectorFailure {
  /** File. */
  readonly path: string;
  /** Case. */
  readonly name: string;
  /** Why. */
  readonly message: string;
}

/** Outcome of a check. */
export interface VectorReport {
  /** Cases that passed. */
  readonly passed: number;
  /** Cases that did not. */
  readonly failures: readonly VectorFailure[];
}

/** Checks one file. A file with more or fewer cases than its head says has a failure beside those of its cases. */
export function checkVectorFile({ path, file }: LoadedVectors): VectorReport {
  const failures: VectorFailure[] = [];
  const fail = (name: string, message: string): void => void failures.push({ path, name, message });
  let total = file.cases.length;
  if (file.count !== file.cases.length) {
    total++;
    fail("(count)", `the file says ${file.count} cases and has ${file.cases.length}`);
  }
  if (file.group === "mutations") {
    total -= file.cases.length;
    for (const vector of file.cases) {
      const { count, wrong } = checkMutations(vector);
      total += count;
      for (const { change, message } of wrong) fail(`${vector.name} ${change}`, message);
    }
  } else {
    for (const { name, message } of verdicts(file)) if (message !== null) fail(name, message);
  }
  return { passed: total - failures.length, failures };
}

function verdicts(
  file: Exclude<VectorFile, { group: "mutations" }>,
): { name: string; message: string | null }[] {
  switch (file.group) {
    case "valid":
      return file.cases.map((vector) => ({ name: vector.name, message: checkValid(vector) }));
    case "invalid":
      return file.cases.map((vector) => ({ name: vector.name, message: checkInvalid(vector) }));
    case "odd":
      return file.cases.map((vector) => ({ name: vector.name, message: checkOdd(vector) }));
    case "encode_refused":
      return file.cases.map((vector) => ({ name: vector.name, message: checkEncodeRefused(vector) }));
    case "golden":
      return file.cases.map((vector) => ({ name: vector.name, message: checkGolden(vector, file.cases) }));
  }
}
