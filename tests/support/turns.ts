/**
 * Waiting by turns of the event loop instead of by the clock: both ends of a test's connections live in one process, so whatever is
 * due gets its chance in each turn, however slow the machine is.
 *
 * @module
 */

/** Turns without a change after which nothing more is expected. */
const STEADY_TURNS = 100;

/** The next turn of the event loop: sockets were looked at, timers that were due have run. */
export function turn(): Promise<void> {
  return new Promise((done) => setTimeout(done, 0));
}

/** So many turns: for handlers and callers that take their time. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** Waits until a number has not changed for many turns, and gives it: all that was under way has come, and nothing follows. */
export async function untilSteady(read: () => number): Promise<number> {
  let last = read();
  for (let same = 0; same < STEADY_TURNS; same++) {
    await turn();
    const now = read();
    if (now !== last) same = -1;
    last = now;
  }
  return last;
}
