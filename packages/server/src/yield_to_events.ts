/**
 * Lets the event loop take its turn (sockets, timers) and then goes on.
 *
 * @module
 */

/**
 * Turns after which Deno's loop surely looks at sockets and timers while something else is always due: its runtime (tokio)
 * does so after this many tasks only, and each turn with a `setImmediate` in it is one. With one turn per yield a busy
 * server would hear of new frames 61 slices late (measured: 49 ms with slices of 1 ms).
 */
const DENO_TURNS = 61;
/** How old news may be on Deno, ms. All turns take 50 us: within so much work that is little. */
const LOOK_MS = 2;

type Immediate = (call: () => void) => unknown;
const { setImmediate: immediate } = globalThis as { setImmediate?: Immediate };
const turnsPerLook = "Deno" in globalThis ? DENO_TURNS : 1;

/**
 * Runs a call after the event loop looked at its sockets: `setImmediate` where there is one, else a timer. On Deno that look
 * costs something, so little work gets a part of it only: after 2 ms of work in pieces there was one.
 *
 * @param call What to go on with.
 * @param workedMs How long the event loop was kept waiting, ms; a whole look where it is left out.
 */
export function yieldToEvents(call: () => void, workedMs: number = LOOK_MS): void {
  if (immediate === undefined) {
    setTimeout(call, 0);
    return;
  }
  let turns = Math.ceil(turnsPerLook * Math.min(1, workedMs / LOOK_MS));
  const step = (): void => {
    if (--turns > 0) immediate(step);
    else call();
  };
  immediate(step);
}
