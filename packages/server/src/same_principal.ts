/**
 * Whether two verdicts of a validator name the same client (behaviour spec §11).
 *
 * @module
 */

/** Deeper principals are not compared: nobody who can be named needs so much. */
const MAX_DEPTH = 32;

/** Whether a principal names anybody: an empty common name, say, or plain `true` does not. */
export function namesSomebody(principal: unknown): boolean {
  return principal !== undefined && principal !== null && principal !== "";
}

/**
 * Whether two principals are the same: the same value or object, or plain objects, arrays and byte strings with the same content.
 * Objects of classes are the same only if they are one object, for what they hide cannot be compared.
 */
export function samePlainValue(a: unknown, b: unknown): boolean {
  return same(a, b, 0);
}

function same(a: unknown, b: unknown, depth: number): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || depth > MAX_DEPTH) {
    return false;
  }
  const kind = kindOf(a);
  if (kind === null || kindOf(b) !== kind) return false;
  const keys = Reflect.ownKeys(a);
  if (keys.length !== Reflect.ownKeys(b).length) return false;
  return keys.every((key) =>
    Object.hasOwn(b, key) && same(Reflect.get(a, key) as unknown, Reflect.get(b, key) as unknown, depth + 1)
  );
}

/** What a plain value is; null for objects of classes. */
function kindOf(value: object): "object" | "array" | "bytes" | null {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return "object";
  if (prototype === Array.prototype) return "array";
  return prototype === Uint8Array.prototype ? "bytes" : null;
}
