/**
 * What a program without types may give as an answer by mistake: nothing, a text, a misspelt field, one thing where a list is wanted.
 * Left alone, some of it would be an empty result that looks complete. Values of fields are checked where they are written.
 *
 * @module
 */
import { NnrpValueError, type ResultFields } from "@nnrp/core";
import { Drop } from "./drop.ts";

/** Every field of a result; the value tells which are lists. */
const FIELDS: Readonly<Record<keyof ResultFields, "list" | "numbers" | "value">> = {
  typedPayloads: "list",
  sections: "list",
  references: "list",
  tileIds: "numbers",
  flags: "value",
  resultFlags: "value",
  activeProfileId: "value",
  inferenceMs: "value",
  queueMs: "value",
  serverTotalMs: "value",
  statusCode: "value",
  tileIndexMode: "value",
  tileBaseId: "value",
  resultClass: "value",
  appliedBudgetPolicy: "value",
  reusedFrameId: "value",
  coveredTileCount: "value",
  droppedTileCount: "value",
  payloadKindBitmap: "value",
  payloadFrameCount: "value",
  tileIndexReference: "value",
  tensorSectionTableReference: "value",
};

/**
 * Checks that something is a result: an object, all of whose fields a result has, with lists where they are wanted. Objects of
 * classes may have fields of their own, as results that a relay got have.
 *
 * @param answer What a handler gave.
 * @param name What to call it: `"result"`, `"part"`.
 * @throws NnrpValueError that names the field, what it holds, and what was expected.
 */
export function checkAnswer(answer: unknown, name: string): asserts answer is ResultFields {
  if (hasPayloadsOnly(answer)) return;
  if (typeof answer !== "object" || answer === null || ArrayBuffer.isView(answer) || answer instanceof Drop) {
    throw new NnrpValueError("a handler's answer is no result", {
      field: name,
      expected: name === "part"
        ? "an object with fields of a result, as { typedPayloads: [TypedPayload.tokenChunk(text)] }"
        : "an object with fields of a result, as { typedPayloads: [TypedPayload.tokenChunk(text)] }; {} = an empty one",
      actual: shownValue(answer),
    });
  }
  for (const field in answer) checkField(answer, field, name);
}

/** Whether it is a list of payloads and nothing else, as most answers and tokens are: asked first, for it costs least. */
function hasPayloadsOnly(answer: unknown): boolean {
  if (typeof answer !== "object" || answer === null) return false;
  for (const field in answer) if (field !== "typedPayloads") return false;
  return Array.isArray((answer as ResultFields).typedPayloads);
}

function checkField(answer: object, field: string, name: string): void {
  const kind = Object.hasOwn(FIELDS, field) ? FIELDS[field as keyof ResultFields] : undefined;
  const value = (answer as Readonly<Record<string, unknown>>)[field];
  if (kind === undefined) {
    const prototype = Object.getPrototypeOf(answer);
    if (prototype !== Object.prototype && prototype !== null) return;
    throw new NnrpValueError("a result has no such field", {
      field: `${name}.${field}`,
      expected: `one of ${Object.keys(FIELDS).join(", ")}`,
      actual: shownValue(value),
    });
  }
  if (kind === "value" || value === undefined) return;
  const fits = Array.isArray(value) || (kind === "numbers" && ArrayBuffer.isView(value));
  if (fits) return;
  throw new NnrpValueError("a list is wanted", {
    field: `${name}.${field}`,
    expected: kind === "numbers" ? "an array of numbers, or a typed array" : "an array",
    actual: shownValue(value),
  });
}

/** A value in a few words; never throws. */
export function shownValue(value: unknown): string {
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 40))}`;
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return String(value);
  try {
    if (Object.getPrototypeOf(value) === Object.prototype) {
      return `an object with ${Object.keys(value).join(", ").slice(0, 100) || "no fields"}`;
    }
    return `a ${value.constructor.name || "value"}`;
  } catch {
    return "an object";
  }
}
