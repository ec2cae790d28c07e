/**
 * The file format of golden vectors: writing it byte for byte as the reference does, and reading it from anybody (behaviour
 * spec §15, "Golden vectors").
 *
 * @module
 */
import {
  GOLDEN_SCHEMA,
  type GoldenVector,
  isObject,
  type Json,
  type JsonObject,
  VectorFormatError,
} from "../vectors/format.ts";
import { exportGoldenVectors } from "./export.ts";
import { bytesOfHex } from "./hex.ts";

/** What a golden vector may be. */
const KINDS: readonly string[] = [
  "header",
  "metadata",
  "packet",
  "body_region",
  "object_reference",
  "typed_payload_descriptor",
  "typed_payload_descriptor_region",
  "typed_payload_frame_region",
];

/**
 * Writes golden vectors as JSON: keys in alphabetical order, two spaces of indentation, other than ASCII escaped, no line end.
 *
 * @param vectors What to write. Default: {@linkcode exportGoldenVectors}.
 * @throws VectorFormatError if a vector breaks a rule of the format.
 */
export function renderGoldenVectorsJson(vectors: readonly GoldenVector[] = exportGoldenVectors()): string {
  const rows = vectors.map(checked).map(({ bytes, description, hex, kind, name }) => ({
    bytes,
    ...description ? { description } : {},
    hex,
    kind,
    name,
  }));
  return JSON.stringify({ schema: GOLDEN_SCHEMA, vectors: rows }, null, 2)
    .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Reads golden vectors.
 *
 * @param text JSON, as text or UTF-8.
 * @returns Vectors with names, each once, of known kinds, with hexadecimal digits in small letters.
 * @throws VectorFormatError if it is no JSON, of another schema, or a vector breaks a rule.
 */
export function parseGoldenVectorsJson(text: string | Uint8Array): GoldenVector[] {
  const document = parsed(text);
  if (!isObject(document)) throw new VectorFormatError("golden vectors are a JSON object");
  if (document.schema !== GOLDEN_SCHEMA) {
    throw new VectorFormatError(`schema ${JSON.stringify(document.schema ?? null)} is not ${GOLDEN_SCHEMA}`);
  }
  if (!Array.isArray(document.vectors)) throw new VectorFormatError("there is no list of vectors");
  const names = new Set<string>();
  return document.vectors.map((row: Json, index: number) => {
    if (!isObject(row)) throw new VectorFormatError(`vector ${index} is no JSON object`);
    const vector = checked(vectorOf(row, index));
    if (names.has(vector.name)) throw new VectorFormatError(`two vectors are called ${vector.name}`);
    names.add(vector.name);
    return vector;
  });
}

function parsed(text: string | Uint8Array): Json {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return JSON.parse(typeof text === "string" ? text : decoder.decode(text)) as Json;
  } catch (error) {
    throw new VectorFormatError(`no JSON: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
  }
}

function vectorOf(row: JsonObject, index: number): GoldenVector {
  for (const key of ["name", "kind", "hex", "description"]) {
    if (typeof row[key] !== "string" && !(key === "description" && row[key] === undefined)) {
      const name = key === "name" ? "" : ` (${row.name})`;
      throw new VectorFormatError(`vector ${index}${name}: "${key}" must be text`);
    }
  }
  const { name, kind, hex, description = "" } = row as unknown as GoldenVector;
  const bytes = row.bytes ?? bytesOfHex(hex)?.length ?? 0;
  return { name, kind, bytes: bytes as number, hex, description };
}

function checked(vector: GoldenVector): GoldenVector {
  const { name, kind, bytes } = vector;
  const hex = vector.hex.toLowerCase();
  if (name === "") throw new VectorFormatError("a vector has no name");
  if (!KINDS.includes(kind)) {
    throw new VectorFormatError(`${name}: kind ${JSON.stringify(kind)} is none of ${KINDS.join(", ")}`);
  }
  const payload = hex.length % 2 === 0 ? bytesOfHex(hex) : null;
  if (payload === null) throw new VectorFormatError(`${name}: "hex" must be pairs of hexadecimal digits`);
  if (bytes !== payload.length) {
    throw new VectorFormatError(
      `${name}: "bytes" says ${JSON.stringify(bytes)}, "hex" holds ${payload.length}`,
    );
  }
  return { ...vector, hex };
}
