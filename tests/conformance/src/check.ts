/**
 * What a conformance check is, and the few words in which checks speak: equal, refused, there and back.
 *
 * @module
 */
import { bytesOf, hexOf } from "./hex.ts";
import { isRefusal, readBytes } from "./recode.ts";

/** A live server to run transport cases against. */
export interface Peer {
  /** Host name or address. */
  readonly host: string;
  /** Port of TCP. */
  readonly tcp_port?: number;
  /** Port of QUIC. */
  readonly quic_port?: number;
  /** Certificates that QUIC is checked with, a path. */
  readonly cafile?: string;
}

/** Checks one feature on one layer: returns if all is well, throws if not. */
export type Check = (peer: Peer | null) => void | Promise<void>;

/** A check that found something wrong with the implementation. */
export class CheckFailure extends Error {
  /** Kind of the finding, for the report. */
  readonly failureKind: string;

  /**
   * A finding.
   *
   * @param failureKind `"mismatch"`, `"refused"` or `"not_refused"`.
   * @param message What was found.
   */
  constructor(failureKind: string, message: string) {
    super(message);
    this.failureKind = failureKind;
  }
}

/** A check that cannot be made here. */
export class CheckSkipped extends Error {
  /** Why, for the report. */
  readonly failureKind: string;

  /**
   * A reason.
   *
   * @param failureKind For example `"transport_unavailable"`.
   * @param message The same in words.
   */
  constructor(failureKind: string, message: string) {
    super(message);
    this.failureKind = failureKind;
  }
}

/** Demands that two values are equal, by what they are made of. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [textOf(actual), textOf(expected)];
  if (a !== b) throw new CheckFailure("mismatch", `${what}: expected ${brief(b)}, got ${brief(a)}`);
}

/** Demands that something is so. */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new CheckFailure("mismatch", what);
}

/** Demands that something is refused, as bytes or values are refused. */
export function refused(act: () => unknown, what: string): void {
  let result: unknown;
  try {
    result = act();
  } catch (error) {
    if (isRefusal(error)) return;
    throw error;
  }
  throw new CheckFailure("not_refused", `${what} was not refused: ${brief(textOf(result))}`);
}

/** Demands that bytes survive being decoded and encoded again. */
export function survives(kind: string, bytes: Uint8Array, what = kind): void {
  let recoded: Uint8Array;
  try {
    recoded = readBytes(kind, bytes)();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw new CheckFailure("refused", `${what} was refused: ${(error as Error).message}`);
  }
  equal(hexOf(recoded), hexOf(bytes), `${what}, decoded and encoded again`);
}

/** Demands that bytes are refused when they are decoded. */
export function refusedBytes(kind: string, bytes: Uint8Array, what: string): void {
  refused(() => void readBytes(kind, bytes), what);
}

/** Demands that a byte less and a byte more are refused. */
export function exactLength(kind: string, bytes: Uint8Array): void {
  refusedBytes(kind, bytes.subarray(0, -1), `${kind} cut by a byte`);
  refusedBytes(kind, Uint8Array.of(...bytes, 0), `${kind} with a byte after it`);
}

/** A copy with other bytes at an offset. */
export function changed(bytes: Uint8Array, offset: number, ...values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, offset);
  return copy;
}

/** Bytes written down in hex. */
export function hex(digits: string): Uint8Array {
  const bytes = bytesOf(digits);
  if (bytes === null) throw new Error(`not hex: ${digits}`);
  return bytes;
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (typeof item === "bigint") return `${item}n`;
    if (item instanceof Uint8Array) return hexOf(item);
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => a < b ? -1 : 1));
  }) ?? "nothing";
}

function brief(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
