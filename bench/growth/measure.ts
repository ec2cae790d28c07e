/**
 * One point of an axis: the job on fresh processes of a peer, with what it cost both of them.
 *
 * @module
 */
import type { Measured } from "../peers/control.ts";
import { Child, type Runtime, scriptCommand } from "../sessions/child.ts";
import type { Axis } from "./axes.ts";

/** Whose figures. */
export type Who = "ours" | "bare";

/** What a peer reached at a point. */
export interface Figures {
  /** Things per second. */
  readonly rate: number;
  /** Processor time of both sides for one, us. */
  readonly cpuUs: number;
}

/** How long a job may take beyond its own time, ms: connections are made and objects put before it begins. */
const SLACK_MS = 180_000;

const here = (path: string): string => decodeURIComponent(new URL(path, import.meta.url).pathname);

/** The processes of one peer in one runtime. */
export class Pair {
  readonly #server: Child;
  readonly #client: Child;

  private constructor(server: Child, client: Child) {
    this.#server = server;
    this.#client = client;
  }

  /** Starts what an axis needs. Rejects with the reason if it does not start. */
  static async start(who: Who, runtime: Runtime, axis: Axis): Promise<Pair> {
    const bare = here(`../peers/bare_${runtime}.ts`);
    const server = await Child.start([
      ...await scriptCommand(runtime, who === "ours" ? here("server.ts") : bare),
      ...who === "ours" ? [] : ["server"],
    ]);
    try {
      const { echo, tokens, one, port } = server.hello;
      const words = who === "ours"
        ? [here("client.ts"), echo, tokens, one]
        : axis.bare === "connections"
        ? [here("bare_connections.ts"), port]
        : [bare, "client", port];
      const [script, ...rest] = words.map(String);
      return new Pair(server, await Child.start([...await scriptCommand(runtime, script), ...rest]));
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Measures once. */
  async measure(axis: Axis, point: number, seconds: number): Promise<Figures> {
    const before = await this.#usedMs();
    const job = axis.job(point, seconds);
    const { rate, count } = await this.#client.ask<Measured>(job, job.seconds * 1000 + SLACK_MS);
    return { rate: rate!, cpuUs: (await this.#usedMs() - before) * 1000 / count! };
  }

  async #usedMs(): Promise<number> {
    const [server, client] = await Promise.all([this.#server.usage(), this.#client.usage()]);
    return server.userMs + server.systemMs + client.userMs + client.systemMs;
  }

  /** Ends both. */
  async stop(): Promise<void> {
    await this.#client.stop();
    await this.#server.stop();
  }
}
