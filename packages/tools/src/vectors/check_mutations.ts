/**
 * The compact fuzz results: a packet, thousands of changes, and which part of it must refuse each.
 *
 * @module
 */
import { NnrpWireError } from "@nnrp/core";
import { caught, wordsOf } from "./check_case.ts";
import type { MutationCase } from "./format.ts";
import { bytesOf } from "./json_values.ts";
import { checkMessage, decodeMessage, viewOf } from "./messages.ts";

/** Verdicts in the order of their numbers. */
const VERDICTS = ["accepted", "framing", "metadata", "body"] as const;

const HEADER = 40;
const META_LEN = 12;
const BODY_LEN = 16;

/** How each list changes the packet; returns the changed one. */
const CHANGES = {
  bytes: (packet: Uint8Array, [offset, byte]: readonly number[]): Uint8Array => {
    const changed = packet.slice();
    changed[offset] = byte;
    return changed;
  },
  words: (packet: Uint8Array, [offset, word]: readonly number[]): Uint8Array => {
    const changed = packet.slice();
    viewOf(changed).setUint32(offset, word, true);
    return changed;
  },
  body_cut: (packet: Uint8Array, [length]: readonly number[]): Uint8Array => {
    const body = HEADER + viewOf(packet).getUint32(META_LEN, true);
    return withLength(packet.slice(0, body + length), BODY_LEN, length);
  },
  body_grow: (packet: Uint8Array, [zeroes]: readonly number[]): Uint8Array => {
    const grown = new Uint8Array(packet.length + zeroes);
    grown.set(packet);
    return withLength(grown, BODY_LEN, viewOf(packet).getUint32(BODY_LEN, true) + zeroes);
  },
  meta_cut: (packet: Uint8Array, [length]: readonly number[]): Uint8Array => {
    const body = HEADER + viewOf(packet).getUint32(META_LEN, true);
    const changed = new Uint8Array(HEADER + length + packet.length - body);
    changed.set(packet.subarray(0, HEADER + length));
    changed.set(packet.subarray(body), HEADER + length);
    return withLength(changed, META_LEN, length);
  },
};

function withLength(packet: Uint8Array, offset: number, length: number): Uint8Array {
  viewOf(packet).setUint32(offset, length, true);
  return packet;
}

/** A verdict that is not the expected one. */
export interface WrongVerdict {
  /** List and change, for example `bytes [4, 133]`. */
  readonly change: string;
  /** Expected and found. */
  readonly message: string;
}

/**
 * Applies all changes of a case.
 *
 * @returns How many verdicts there are, and the wrong ones.
 */
export function checkMutations(
  vector: MutationCase,
): { readonly count: number; readonly wrong: readonly WrongVerdict[] } {
  const packet = bytesOf(vector.hex);
  const wrong: WrongVerdict[] = [];
  let count = 0;
  for (const list of Object.keys(CHANGES) as (keyof typeof CHANGES)[]) {
    for (const row of vector[list] ?? []) {
      count++;
      const expected = VERDICTS[row[row.length - 1]] ?? `verdict ${row[row.length - 1]}`;
      const changed = CHANGES[list](packet, row);
      const { verdict, words } = judge(changed);
      if (verdict !== expected) {
        wrong.push({
          change: `${list} ${JSON.stringify(row.slice(0, -1))}`,
          message: `should be ${expected}, is ${verdict}${words}`,
        });
      }
    }
  }
  return { count, wrong };
}

/** Which part refuses a packet. The full reading and the one that allocates nothing must agree. */
function judge(packet: Uint8Array): { verdict: string; words: string } {
  const full = caught(() => decodeMessage(packet));
  const quick = caught(() => checkMessage(packet));
  const verdict = verdictOf(full);
  if (verdictOf(quick) !== verdict) {
    return { verdict: `${verdict} and ${verdictOf(quick)}`, words: ` (reading and checking disagree)` };
  }
  return { verdict, words: full === null ? "" : ` (${wordsOf(full)})` };
}

function verdictOf(thrown: unknown): string {
  if (thrown === null) return "accepted";
  return thrown instanceof NnrpWireError ? thrown.stage : "no wire error";
}
