/**
 * Stand-in for `jsr:@std/assert`: the same functions from npm `deno-std`, with the types that package lacks.
 * Delete this folder and import `jsr:@std/assert` once JSR is reachable from where the project is built.
 *
 * @module
 */
import * as impl from "deno-std/assert/mod.js";

/** Any class, whatever its constructor takes. */
// deno-lint-ignore no-explicit-any
type AnyClass<T> = abstract new (...args: any[]) => T;

/** Fails unless `expr` is truthy. */
export const assert: (expr: unknown, msg?: string) => asserts expr = impl.assert;
/** Fails unless both values are deeply equal. */
export const assertEquals: <T>(actual: T, expected: T, msg?: string) => void = impl.assertEquals;
/** Fails if both values are deeply equal. */
export const assertNotEquals: <T>(actual: T, expected: T, msg?: string) => void = impl.assertNotEquals;
/** Fails unless both values are the same (`Object.is`). */
export const assertStrictEquals: <T>(actual: unknown, expected: T, msg?: string) => asserts actual is T =
  impl.assertStrictEquals;
/** Fails if the value is null or undefined. */
export const assertExists: <T>(actual: T, msg?: string) => asserts actual is NonNullable<T> =
  impl.assertExists;
/** Fails unless the value is an instance of the class. */
export const assertInstanceOf: <T extends AnyClass<unknown>>(
  actual: unknown,
  expectedType: T,
  msg?: string,
) => asserts actual is InstanceType<T> = impl.assertInstanceOf;
/** Fails unless the function throws (an instance of `ErrorClass`, with the text). Returns what was thrown. */
export const assertThrows: <E extends Error = Error>(
  fn: () => unknown,
  ErrorClass?: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
) => E = impl.assertThrows;
/** Fails unless the promise rejects (with an instance of `ErrorClass`, with the text). Resolves to the reason. */
export const assertRejects: <E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass?: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
) => Promise<E> = impl.assertRejects;
/** Fails unless the text holds the other text. */
export const assertStringIncludes: (actual: string, expected: string, msg?: string) => void =
  impl.assertStringIncludes;
/** Fails unless the text matches. */
export const assertMatch: (actual: string, expected: RegExp, msg?: string) => void = impl.assertMatch;
/** Fails unless `actual > expected`. */
export const assertGreater: <T>(actual: T, expected: T, msg?: string) => void = impl.assertGreater;
/** Fails unless `actual >= expected`. */
export const assertGreaterOrEqual: <T>(actual: T, expected: T, msg?: string) => void =
  impl.assertGreaterOrEqual;
/** Fails unless `actual < expected`. */
export const assertLess: <T>(actual: T, expected: T, msg?: string) => void = impl.assertLess;
/** Fails unless `actual <= expected`. */
export const assertLessOrEqual: <T>(actual: T, expected: T, msg?: string) => void = impl.assertLessOrEqual;
/** Fails always. */
export const fail: (msg?: string) => never = impl.fail;
