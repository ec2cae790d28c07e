/**
 * Processes under test: they answer JSON lines with JSON lines (`../peers/control.ts`), and `/proc` tells what they cost.
 *
 * @module
 */
import { ensureRuntimes } from "../../tests/runtimes/runtimes.ts";

/** Runtimes that are measured. */
export const RUNTIMES = ["deno", "node"] as const;
/** One of them. */
export type Runtime = typeof RUNTIMES[number];

/** How long a process may take to say hello, ms. */
const START_LIMIT_MS = 30_000;
/** How long a process may take to end after its stdin did, ms. */
const END_LIMIT_MS = 2_000;
/** Bytes of a page of memory, as `/proc/PID/stat` counts them. */
const PAGE_BYTES = 4096;
/** Length of the ticks in `/proc/PID/stat`, ms. */
const TICK_MS = 10;

/** What a process used so far. */
export interface Usage {
  /** Processor time in user mode, ms. */
  readonly userMs: number;
  /** Processor time in the kernel, ms. */
  readonly systemMs: number;
  /** Memory in RAM, bytes. */
  readonly rssBytes: number;
}

let nodePath: Promise<string> | undefined;

/** The command that runs a script in a runtime; the heap can be collected by `gc()` there. Rejects if there is no Node. */
export async function scriptCommand(runtime: Runtime, script: string): Promise<string[]> {
  if (runtime === "deno") {
    return [Deno.execPath(), "run", "-A", "--no-check", "--quiet", "--v8-flags=--expose-gc", script];
  }
  nodePath ??= findNode();
  return [await nodePath, "--expose-gc", "--no-warnings", script];
}

async function findNode(): Promise<string> {
  const node = (await ensureRuntimes()).find((runtime) => runtime.name === "node")!;
  if ("skipped" in node) throw new Error(`no Node: ${node.skipped}`);
  return node.path;
}

/** The path of a file beside this one. */
export function here(name: string): string {
  return decodeURIComponent(new URL(name, import.meta.url).pathname);
}

/** A process under test. */
export class Child {
  /** What it said when it was ready. */
  readonly hello: Readonly<Record<string, unknown>>;

  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;

  private constructor(
    process: Deno.ChildProcess,
    lines: AsyncGenerator<string>,
    hello: Readonly<Record<string, unknown>>,
  ) {
    this.#process = process;
    this.#input = process.stdin.getWriter();
    this.#lines = lines;
    this.hello = hello;
  }

  /**
   * Starts a process and waits for its hello. What it complains of goes to this process's stderr.
   *
   * @param command Program and arguments.
   * @param cwd Its folder; default this process's.
   */
  static async start(command: readonly string[], cwd?: string): Promise<Child> {
    const [program, ...args] = command;
    const process = new Deno.Command(program, {
      args,
      cwd,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = linesOf(process.stdout);
    try {
      return new Child(process, lines, await read(lines, START_LIMIT_MS));
    } catch (error) {
      process.kill("SIGKILL");
      await process.status;
      throw error;
    }
  }

  /** Asks and waits for the answer. Rejects with the process's own words if it fails there. */
  async ask<T>(question: unknown, limitMs: number): Promise<T> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(question) + "\n"));
    return await read(this.#lines, limitMs) as T;
  }

  /** What it used so far (Linux only). */
  async usage(): Promise<Usage> {
    const text = await Deno.readTextFile(`/proc/${this.#process.pid}/stat`);
    // The program's name comes second and may hold blanks.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
    return {
      userMs: fields[11] * TICK_MS,
      systemMs: fields[12] * TICK_MS,
      rssBytes: fields[21] * PAGE_BYTES,
    };
  }

  /** Ends its stdin, which ends it; if it does not, kills it. */
  async stop(): Promise<void> {
    await this.#input.close().catch(() => {});
    const kill = setTimeout(() => this.#process.kill("SIGKILL"), END_LIMIT_MS);
    await this.#process.status;
    clearTimeout(kill);
    await this.#lines.return(undefined);
  }
}

/** Runs `use` on processes of one runtime, a server and then a client, and ends both whatever happens. */
export async function withPair<T>(
  runtime: Runtime,
  server: string,
  client: string,
  use: (server: Child, client: Child) => Promise<T>,
): Promise<T> {
  const first = await Child.start(await scriptCommand(runtime, here(server)));
  try {
    const command = await scriptCommand(runtime, here(client));
    const second = await Child.start([...command, String(first.hello.port)]);
    try {
      return await use(first, second);
    } finally {
      await second.stop();
    }
  } finally {
    await first.stop();
  }
}

async function read(lines: AsyncGenerator<string>, limitMs: number): Promise<Record<string, unknown>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), limitMs));
  const line = await Promise.race([lines.next(), late]);
  clearTimeout(timer);
  if (line === null) throw new Error(`a process under test gave no answer within ${limitMs / 1000} s`);
  if (line.done) throw new Error("a process under test ended");
  const value = JSON.parse(line.value) as Record<string, unknown>;
  if (typeof value.error === "string") throw new Error(`in a process under test: ${value.error}`);
  return value;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}
