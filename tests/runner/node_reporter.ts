/**
 * A reporter for `node --test`: what `node_events.ts` needs of the runner's events, one JSON line each.
 *
 * @module
 */

/** An event of Node's test runner, as far as it is read here. */
interface RunnerEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>> & {
    readonly details?: {
      readonly passed?: boolean;
      readonly type?: string;
      readonly duration_ms?: number;
      readonly error?: {
        readonly failureType?: string;
        readonly exitCode?: number;
        readonly signal?: string;
        readonly cause?: unknown;
      };
    };
  };
}

const WANTED = new Set(["test:dequeue", "test:complete", "test:stdout", "test:stderr", "test:summary"]);

/** Turns events into lines. */
export default async function* report(source: AsyncIterable<RunnerEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (!WANTED.has(type)) continue;
    const { name, file, entryFile, testId, parentId, skip, todo, message, details } = data;
    const error = details?.error;
    const cause = error?.cause as { stack?: unknown } | undefined;
    const line = {
      event: type.slice("test:".length),
      // The word "type" of a test is "test" or "suite"; a file is a test without an entry file.
      kind: details?.type,
      name,
      file: entryFile ?? file,
      isFile: entryFile === undefined,
      id: testId,
      parent: parentId,
      skip,
      todo,
      text: message,
      passed: details?.passed,
      ms: details?.duration_ms,
      failure: error?.failureType,
      exitCode: error?.exitCode,
      signal: error?.signal,
      error: error === undefined ? undefined : typeof cause?.stack === "string" ? cause.stack : String(cause),
    };
    yield JSON.stringify(line) + "\n";
  }
}
