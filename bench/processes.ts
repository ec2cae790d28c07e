/**
 * Peer processes: starting them, pinning them to a core, asking them, ending them.
 *
 * @module
 */
import type { Job, Measured } from "./peers/control.ts";

/** How long a process may take to say hello, ms. */
const START_LIMIT_MS = 20_000;
/** How long a job may take beyond its own time, ms. */
const JOB_SLACK_MS = 20_000;
/** How long a process may take to end after its stdin did, ms. */
const END_LIMIT_MS = 2_000;
/** How much of what a process complains is kept, characters. */
const COMPLAINT_LENGTH = 2_000;

/** A process that answers JSON lines with JSON lines. */
class PeerProcess {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;
  #complaint = "";
  readonly #complained: Promise<void>;

  /** @param command Program and arguments. */
  constructor(command: readonly string[]) {
    const [program, ...args] = command;
    this.#child = new Deno.Command(program, {
      args,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#input.closed.catch(() => {});
    this.#lines = lines(this.#child.stdout);
    this.#complained = this.#listen();
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) {
      this.#complaint = (this.#complaint + decoder.decode(chunk, { stream: true })).slice(-COMPLAINT_LENGTH);
    }
  }

  /** The next line, or an error that says what the process complained of. */
  async read(limitMs: number): Promise<Record<string, unknown>> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), limitMs));
    try {
      const line = await Promise.race([this.#lines.next(), late]);
      if (line === "late") throw new Error(`no answer within ${limitMs / 1000} s`);
      if (line.done) {
        await this.#complained;
        throw new Error(`process ended: ${firstError(this.#complaint)}`);
      }
      const value = JSON.parse(line.value) as Record<string, unknown>;
      if (typeof value.error === "string") throw new Error(firstError(value.error));
      return value;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a line. */
  async write(value: unknown): Promise<void> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(value) + "\n")).catch(() => {});
  }

  /** Ends its stdin, which ends it; if it does not, kills it. */
  async stop(): Promise<void> {
    await this.#input.close().catch(() => {});
    const kill = setTimeout(() => {
      try {
        this.#child.kill("SIGKILL");
      } catch {
        // It ended by itself.
      }
    }, END_LIMIT_MS);
    await this.#child.status;
    clearTimeout(kill);
    await this.#lines.return(undefined);
  }
}

/** The line of a complaint that says most. */
function firstError(text: string): string {
  const said = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return said.find((line) => /error/i.test(line)) ?? said.at(-1) ?? "without a word";
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

/** How to run a peer: with the words `server` and `client` appended, or alone. */
export interface PeerCommand {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Whether it is one process that needs no server. */
  readonly alone: boolean;
}

/** A peer at work: a server and a client, or a single process. */
export class Peer {
  readonly #processes: readonly PeerProcess[];

  private constructor(processes: readonly PeerProcess[]) {
    this.#processes = processes;
  }

  /** Starts a peer; `prefix` goes before its program (pinning). Rejects with the reason if it does not start. */
  static async start(peer: PeerCommand, prefix: readonly string[]): Promise<Peer> {
    const processes: PeerProcess[] = [];
    const run = async (words: readonly string[]): Promise<Record<string, unknown>> => {
      const process = new PeerProcess([...prefix, ...peer.command, ...words]);
      processes.push(process);
      return await process.read(START_LIMIT_MS);
    };
    try {
      if (peer.alone) await run([]);
      else {
        const { port, streamPort } = await run(["server"]);
        await run(["client", String(port), String(streamPort ?? port)]);
      }
    } catch (error) {
      await Promise.all(processes.map((process) => process.stop()));
      throw error;
    }
    return new Peer(processes);
  }

  /** Measures once. */
  async measure(job: Job): Promise<Measured> {
    const client = this.#processes.at(-1)!;
    await client.write(job);
    return await client.read(job.seconds * 1000 + JOB_SLACK_MS) as Measured;
  }

  /** Ends its processes. */
  async stop(): Promise<void> {
    for (const process of [...this.#processes].reverse()) await process.stop();
  }
}
