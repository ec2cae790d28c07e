/**
 * The vector format `nnrp-wire-vectors/1` and the golden export as they stand in files: types, and the parser that refuses
 * what is neither. Nothing here knows what the bytes mean.
 *
 * @module
 */

/** Whatever JSON holds. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** A JSON object. */
export interface JsonObject {
  /** A value by its key. */
  readonly [key: string]: Json;
}

/** What a case asks for. */
export type VectorGroup = "valid" | "invalid" | "odd" | "encode_refused";

/** A case of `valid`, `invalid` or `odd`. */
export interface DecodeCase {
  /** Name, unique within its file. */
  readonly name: string;
  /** How to read the bytes. */
  readonly kind: string;
  /** The bytes. */
  readonly hex: string;
  /** What the reader needs besides them. */
  readonly context?: JsonObject;
  /** What they say; not in `invalid`. */
  readonly fields?: JsonObject;
  /** What was written, where that is not `fields`. */
  readonly input?: JsonObject;
  /** Builder that wrote them. */
  readonly builder?: string;
  /** Its arguments. */
  readonly args?: JsonObject;
  /** Where a message is refused: framing, metadata or body. */
  readonly stage?: string;
}

/** A case of `encode_refused`. */
export interface EncodeCase {
  /** Name, unique within its file. */
  readonly name: string;
  /** A record, or `builder_` and a builder's name. */
  readonly target: string;
  /** Fields or arguments that must be refused. */
  readonly input: JsonObject;
}

/** A packet and what becomes of it when single places change; the last number of each row is the verdict. */
export interface MutationCase {
  /** Name, unique within its file. */
  readonly name: string;
  /** A valid packet. */
  readonly hex: string;
  /** offset, new byte, verdict. */
  readonly bytes?: readonly (readonly number[])[];
  /** offset, new u32, verdict. */
  readonly words?: readonly (readonly number[])[];
  /** new body length, verdict; body_len follows. */
  readonly body_cut?: readonly (readonly number[])[];
  /** zero bytes added, verdict; body_len follows. */
  readonly body_grow?: readonly (readonly number[])[];
  /** new metadata length, verdict; meta_len follows, the body stays. */
  readonly meta_cut?: readonly (readonly number[])[];
}

/** A row of the golden export. */
export interface GoldenVector {
  /** Name; the record is its last part. */
  readonly name: string;
  /** What it is. */
  readonly kind: string;
  /** Length. */
  readonly bytes: number;
  /** The bytes. */
  readonly hex: string;
  /** What it is, in words. */
  readonly description?: string;
}

/** A file of vectors. */
export type VectorFile =
  | {
    readonly group: "valid" | "invalid" | "odd";
    readonly count: number;
    readonly cases: readonly DecodeCase[];
  }
  | { readonly group: "encode_refused"; readonly count: number; readonly cases: readonly EncodeCase[] }
  | { readonly group: "mutations"; readonly count: number; readonly cases: readonly MutationCase[] }
  | { readonly group: "golden"; readonly count: number; readonly cases: readonly GoldenVector[] };

/** Name of the format in the head of each file. */
export const VECTOR_FORMAT = "nnrp-wire-vectors/1";
/** Name of the golden export's format. */
export const GOLDEN_SCHEMA = "nnrp.cross-language-golden-vectors.v1";

/** A file that says it holds vectors, but not in a way this program reads. */
export class VectorFormatError extends Error {
  /** Name of the class. */
  override readonly name = "VectorFormatError";
}

/**
 * Recognises a parsed JSON file.
 *
 * @returns The vectors, or null if the file does not claim to hold any (an index, say).
 * @throws VectorFormatError if it claims to, in another version or shape.
 */
export function asVectorFile(json: Json): VectorFile | null {
  if (!isObject(json)) return null;
  if (typeof json.schema === "string" && Array.isArray(json.vectors)) {
    if (json.schema !== GOLDEN_SCHEMA) {
      throw new VectorFormatError(`schema ${json.schema} is not ${GOLDEN_SCHEMA}`);
    }
    requireText(json.vectors, ["name", "kind", "hex"]);
    return { group: "golden", count: json.vectors.length, cases: json.vectors as unknown as GoldenVector[] };
  }
  if (json.format === undefined) return null;
  if (json.format !== VECTOR_FORMAT) {
    throw new VectorFormatError(`format ${json.format} is not ${VECTOR_FORMAT}`);
  }
  const { group, cases } = json;
  if (typeof group !== "string" || !(group in REQUIRED)) {
    throw new VectorFormatError(`group ${group} is unknown`);
  }
  if (!Array.isArray(cases)) throw new VectorFormatError("there is no list of cases");
  requireText(cases, REQUIRED[group]);
  const count = typeof json.count === "number" ? json.count : cases.length;
  return { group, count, cases } as unknown as VectorFile;
}

/** Texts that each case of a group has. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  valid: ["name", "kind", "hex"],
  invalid: ["name", "kind", "hex"],
  odd: ["name", "kind", "hex"],
  encode_refused: ["name", "target"],
  mutations: ["name", "hex"],
};

function requireText(cases: readonly Json[], keys: readonly string[]): void {
  cases.forEach((row, index) => {
    for (const key of keys) {
      if (!isObject(row) || typeof row[key] !== "string") {
        throw new VectorFormatError(`case ${index} has no text "${key}"`);
      }
    }
  });
}

/** Whether a JSON value is an object. */
export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
