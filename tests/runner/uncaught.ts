/**
 * Preloaded by the runner into every test file on Deno. With `node:test` Deno drops errors of timers and of modules that throw
 * after their first test: such a file counts as passed. This names them; Node and Bun fail by themselves.
 *
 * @module
 */

/** Says it where the runner reads it (`part_log.ts`). */
function tell(error: unknown): void {
  const text = error instanceof Error ? error.stack ?? String(error) : String(error);
  console.error(`uncaught-in-test-file: ${JSON.stringify({ url: Deno.mainModule, error: text })}`);
}

globalThis.addEventListener("error", (event) => {
  if (!event.defaultPrevented) tell(event.error ?? event.message);
});
globalThis.addEventListener("unhandledrejection", (event) => {
  if (!event.defaultPrevented) tell(event.reason);
});
