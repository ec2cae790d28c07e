/**
 * How a scenario of the interop client fails: with words and the values it saw.
 *
 * @module
 */

/** A scenario saw something else than the protocol or the server's flags ask for. */
export class ScenarioFailure extends Error {
  /**
   * Words first, then what was seen.
   *
   * @param what What was checked.
   * @param seen The values, for the verdict line.
   */
  constructor(what: string, seen?: unknown) {
    super(seen === undefined ? what : `${what}: ${show(seen)}`);
    this.name = "ScenarioFailure";
  }
}

/**
 * Fails the scenario unless the condition holds.
 *
 * @param condition What must be true.
 * @param what What was checked.
 * @param seen The values, for the verdict line.
 */
export function check(condition: unknown, what: string, seen?: unknown): asserts condition {
  if (!condition) throw new ScenarioFailure(what, seen);
}

/**
 * The promise's outcome, or a failure of the scenario after `ms` milliseconds.
 *
 * @param promise What is waited for.
 * @param ms Limit.
 * @param what Its name in the verdict line.
 */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ScenarioFailure(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The next event of a feed; a failure of the scenario if there is none.
 *
 * @param feed Where events come from.
 * @param ms Limit.
 * @param what Its name in the verdict line.
 */
export async function nextOf<T>(feed: AsyncIterator<T, unknown>, ms: number, what: string): Promise<T> {
  const step = await within(feed.next(), ms, what);
  if (step.done) throw new ScenarioFailure(`the session ended before ${what}`);
  return step.value;
}

/**
 * The error a promise rejects with; a failure of the scenario if it resolves.
 *
 * @param promise What must be refused.
 * @param what Its name in the verdict line.
 */
export async function refusal(promise: Promise<unknown>, what: string): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new ScenarioFailure(`${what} was not refused`);
}

/**
 * A promise that will be awaited later: its rejection until then is nobody's fault.
 *
 * @param promise What runs meanwhile.
 */
export function started<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/**
 * Resolves after `ms` milliseconds.
 *
 * @param ms How long.
 */
export function sleep(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}

function show(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part) =>
      typeof part === "bigint" ? String(part) : part instanceof Uint8Array ? `${part.length} bytes` : part,
  );
}
