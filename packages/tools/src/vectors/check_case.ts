/**
 * One case of `valid`, `invalid`, `odd`, `encode_refused` or the golden export: null if it passes, else why not.
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "@nnrp/core";
import { callBuilder } from "./builders.ts";
import { deviationsOf } from "./deviations.ts";
import type { DecodeCase, EncodeCase, GoldenVector, JsonObject } from "./format.ts";
import { bytesOf, difference, hexOf } from "./json_values.ts";
import { decodeRecord, encodeRecord, recordOf } from "./records.ts";
import { STRUCTURES } from "./structures.ts";

/** Reads the bytes of a kind. */
function decode(kind: string, bytes: Uint8Array, context: JsonObject): JsonObject {
  const record = recordOf(kind);
  if (record !== undefined) return decodeRecord(record, bytes);
  if (!Object.hasOwn(STRUCTURES, kind)) throw new Error(`kind ${kind} is unknown`);
  return STRUCTURES[kind].decode(bytes, context);
}

/** Writes a valid case again, or null where the kind is only read. */
function encode(vector: DecodeCase): Uint8Array | null {
  if (vector.builder !== undefined) return callBuilder(vector.builder, vector.args ?? {});
  const source = vector.input ?? vector.fields ?? {};
  const record = recordOf(vector.kind);
  if (record !== undefined) return encodeRecord(record, source);
  return STRUCTURES[vector.kind].encode?.(source, vector.context ?? {}) ?? null;
}

/** `hex` decodes to `fields`, and encodes to `hex` again. */
export function checkValid(vector: DecodeCase): string | null {
  return explained(() => {
    const wrong = checkFields(vector);
    if (wrong !== null) return wrong;
    const written = encode(vector);
    if (written === null || hexOf(written) === vector.hex.toLowerCase()) return null;
    return `encodes to other bytes: ${firstDifference(vector.hex.toLowerCase(), hexOf(written))}`;
  });
}

/** `hex` decodes to `fields` though it looks odd; where ours deviates on purpose, it really does. */
export function checkOdd(vector: DecodeCase): string | null {
  return explained(() => {
    const wrong = checkFields(vector);
    if (wrong !== null) return wrong;
    for (const { row, ours, refused, error } of deviationsOf("odd", vector)) {
      const thrown = caught(() => refused(vector));
      if (!(thrown instanceof error)) return `wire spec §15.${row}: ${ours}, but it ${outcomeOf(thrown)}`;
    }
    return null;
  });
}

function checkFields(vector: DecodeCase): string | null {
  if (vector.fields === undefined) return "the case has no fields";
  return difference(vector.fields, decode(vector.kind, bytesOf(vector.hex), vector.context ?? {}));
}

/** `hex` is refused, and by the stage the case names. */
export function checkInvalid(vector: DecodeCase): string | null {
  return explained(() => {
    const bytes = bytesOf(vector.hex);
    const thrown = caught(() => decode(vector.kind, bytes, vector.context ?? {}));
    if (!(thrown instanceof NnrpWireError)) return `should be refused, but ${outcomeOf(thrown)}`;
    if (vector.stage !== undefined && thrown.stage !== vector.stage) {
      return `should be refused by the ${vector.stage}, but the ${thrown.stage} did: ${thrown.message}`;
    }
    return null;
  });
}

/** Writing `input` is refused. */
export function checkEncodeRefused(vector: EncodeCase): string | null {
  return explained(() => {
    const record = recordOf(vector.target);
    const builder = vector.target.startsWith("builder_") ? vector.target.slice("builder_".length) : null;
    if (record === undefined && builder === null) return `target ${vector.target} is unknown`;
    const thrown = caught(() =>
      record !== undefined ? encodeRecord(record, vector.input) : callBuilder(builder!, vector.input)
    );
    return thrown instanceof NnrpValueError ? null : `should be refused, but ${outcomeOf(thrown)}`;
  });
}

/** Kinds of the golden export that are kinds of ours; `metadata` is the record its name ends with. */
const GOLDEN_KINDS: Readonly<Record<string, string>> = {
  header: "header",
  packet: "message",
  body_region: "body_region_prelude",
  object_reference: "object_reference_block",
  typed_payload_descriptor: "typed_payload_descriptor",
};

/**
 * A golden vector decodes and encodes to the same bytes. The two halves of a typed payload region are one structure: the
 * verdict stands on both rows.
 */
export function checkGolden(vector: GoldenVector, all: readonly GoldenVector[]): string | null {
  return explained(() => {
    if (vector.hex.length !== 2 * vector.bytes) {
      return `says ${vector.bytes} bytes, has ${vector.hex.length / 2}`;
    }
    if (vector.kind.startsWith("typed_payload_") && vector.kind.endsWith("_region")) {
      const descriptors = all.find(({ kind }) => kind === "typed_payload_descriptor_region");
      const frames = all.find(({ kind }) => kind === "typed_payload_frame_region");
      if (descriptors === undefined || frames === undefined) return "the other half of the region is missing";
      return againTheSame("typed_payload_frames", descriptors.hex + frames.hex, {
        descriptor_bytes: descriptors.bytes,
      });
    }
    const kind = vector.kind === "metadata"
      ? vector.name.slice(vector.name.lastIndexOf(".") + 1)
      : GOLDEN_KINDS[vector.kind];
    return kind === undefined ? `kind ${vector.kind} is unknown` : againTheSame(kind, vector.hex, {});
  });
}

function againTheSame(kind: string, hex: string, context: JsonObject): string | null {
  const fields = decode(kind, bytesOf(hex), context);
  return checkValid({ name: kind, kind, hex, context, fields });
}

/** What a function throws, or null. */
export function caught(run: () => unknown): unknown {
  try {
    run();
    return null;
  } catch (error) {
    return error ?? new Error("threw nothing");
  }
}

function outcomeOf(thrown: unknown): string {
  return thrown === null ? "is accepted" : `throws ${wordsOf(thrown)}`;
}

/** Class and first line of an error. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.name}: ${error.cause.message})` : "";
  return `${error.name}: ${error.message}${cause}`.split("\n")[0];
}

/** The verdict of a check; whatever it throws is a failure too. */
function explained(check: () => string | null): string | null {
  try {
    return check();
  } catch (error) {
    return wordsOf(error);
  }
}

function firstDifference(expected: string, actual: string): string {
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at++;
  const byte = at >> 1;
  const show = (hex: string): string => hex.slice(2 * byte, 2 * byte + 16) || "nothing";
  return `at byte ${byte} expected ${show(expected)}, got ${show(actual)} (${expected.length / 2} and ${
    actual.length / 2
  } bytes)`;
}
