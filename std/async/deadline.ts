/**
 * Stand-in for `jsr:@std/async/deadline`; see `std/assert/mod.ts`.
 *
 * @module
 */
import { deadline as impl } from "deno-std/async/deadline.js";

/** The promise's outcome, or a rejection when it takes longer than `ms` milliseconds. */
export const deadline: <T>(p: Promise<T>, ms: number, options?: { signal?: AbortSignal }) => Promise<T> =
  impl;
