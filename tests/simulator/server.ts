/**
 * A server of the run: begins, restarts in order, is killed and begins anew.
 *
 * @module
 */
import { type NnrpServer, serve, type ServerLogEvent, type ServerSession } from "@nnrp/server";
import type { VirtualHost } from "@nnrp/testing";
import { type Handling, HUGE_BYTES, makeHandler } from "./handlers.ts";
import { judgeServerLog } from "./oracles/give_up.ts";
import { judgeClosing } from "./oracles/closing.ts";
import { Operator } from "./operator.ts";
import type { ServerPlan } from "./script.ts";
import type { Stage } from "./stage.ts";

const KIB = 1024;
/** Largest body that clients may send and get, bytes. */
const MAX_BODY_BYTES = 512 * KIB;
/** What an answer has beside its bulk, bytes, at most. */
const HEAD_BYTES = 32 * KIB;

/** A server of the run. */
export class SimServer {
  /** The run. */
  readonly stage: Stage;
  /** What it is like. */
  readonly plan: ServerPlan;
  /** Its name, and address. */
  readonly name: string;
  /** The machine it runs on now. */
  host: VirtualHost;
  /** The server; null while there is none. */
  server: NnrpServer | null = null;
  /** Handlers at work. */
  readonly running: Set<Handling> = new Set();
  /** When handlers began lately, by client: for the oracle of starvation. */
  readonly begun: { readonly atMs: number; readonly client: string }[] = [];
  /** Closes that are under way. */
  readonly closing: Set<NnrpServer> = new Set();
  readonly #longest: WeakMap<ServerSession, number> = new WeakMap();
  #generation = 0;
  #operator: Operator | null = null;

  /** Makes a SimServer. */
  constructor(stage: Stage, plan: ServerPlan) {
    this.stage = stage;
    this.plan = plan;
    this.name = `s${plan.index}`;
    this.host = stage.world.host(this.name);
  }

  /** Starts it. */
  async start(): Promise<void> {
    const { plan, stage, host } = this;
    const generation = ++this.#generation;
    const carriers = { host, address: this.name };
    const server = await serve({
      listen: [stage.net.stream(carriers), stage.net.multiStream(carriers)],
      runtime: host,
      profile: {
        maxConcurrentFrames: plan.maxConcurrentFrames,
        maxCacheBytes: plan.maxCacheBytes,
        maxBodyBytes: MAX_BODY_BYTES,
        enableCache: true,
      },
      concurrency: plan.concurrency,
      maxSessionBytes: plan.maxSessionBytes,
      maxServerBytes: plan.maxServerBytes,
      maxSendBufferBytes: plan.maxSendBufferBytes,
      idleTimeoutMs: plan.idleTimeoutMs,
      sendStallMs: plan.sendStallMs,
      migration: { resumeWindowMs: plan.resumeWindowMs, allowWithoutToken: true },
      log: (event: ServerLogEvent) => {
        stage.world.note(this.name, `${event.type}: ${event.message}`);
        judgeServerLog(this, event);
      },
    }, makeHandler(this, generation));
    if (host.isKilled) return;
    this.server = server;
    this.#operator = new Operator(this, server, generation);
    this.#operator.begin();
  }

  /** Sessions that are open now. */
  get sessions(): readonly ServerSession[] {
    return this.server?.sessions ?? [];
  }

  /** A rolling deployment: the old process closes in order while the new one begins. */
  restart(drainMs: number): void {
    const old = this.server;
    if (old === null) return;
    this.server = null;
    this.stage.trouble.ofServer(this.plan.index, "restarted", 1000);
    void this.close(old, drainMs);
    // The next one begins when the old one no longer listens.
    this.host.after(100, () => void this.start());
  }

  /** Closes a server in order, and sees to it that it keeps its word. */
  async close(server: NnrpServer, drainMs: number): Promise<void> {
    this.#operator?.stop();
    this.closing.add(server);
    const judge = judgeClosing(this, this.#generation, drainMs);
    await server.close({ drainMs });
    this.closing.delete(server);
    judge();
  }

  /** `kill -9`, and a new process after so many ms. */
  kill(downMs: number): void {
    this.stage.trouble.ofServer(this.plan.index, "killed", downMs + 100);
    this.#operator?.stop();
    this.server = null;
    this.closing.clear();
    this.running.clear();
    this.host.kill();
    this.host = this.stage.world.host(this.name);
    this.host.after(downMs, () => void this.start());
  }

  /** Something on the server keeps its loop busy. */
  block(ms: number): void {
    this.host.deliver(this.host.now(), () => this.host.block(ms));
  }

  /** A handler kept the loop busy. */
  blocked(ms: number): void {
    this.stage.trouble.ofServer(this.plan.index, "blocked", ms);
  }

  /** A handler begins. */
  begins(handling: Handling): void {
    handling.frame.running = true;
    this.running.add(handling);
    const { session } = handling.context;
    const { act, bytes } = handling.frame.order;
    const length = (act === "huge" ? HUGE_BYTES : bytes) + HEAD_BYTES;
    if (length > this.longestAnswer(session)) this.#longest.set(session, length);
    this.begun.push({ atMs: this.host.now(), client: handling.frame.run.client.name });
    if (this.begun.length > 4096) this.begun.splice(0, 2048);
  }

  /** Longest answer that handlers of a session were asked for, bytes. */
  longestAnswer(session: ServerSession): number {
    return this.#longest.get(session) ?? 0;
  }

  /** A handler has ended. */
  ends(handling: Handling): void {
    handling.frame.running = false;
    this.running.delete(handling);
  }
}
