/**
 * Stand-in for `jsr:@std/async/delay`; see `std/assert/mod.ts`.
 *
 * @module
 */
import { delay as impl } from "deno-std/async/delay.js";

/** Resolves after `ms` milliseconds; rejects when the signal aborts. */
export const delay: (ms: number, options?: { signal?: AbortSignal; persistent?: boolean }) => Promise<void> =
  impl;
