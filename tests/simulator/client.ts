/**
 * A client of the run: an application that dials, works, and dials again when its session is over. Its machine may be killed; then
 * another life begins.
 *
 * @module
 */
import { type ClientSession, dialClient, NnrpError, TransportId } from "@nnrp/client";
import { RandomStream, type VirtualCarrier, type VirtualHost } from "@nnrp/testing";
import type { ClientPlan } from "./script.ts";
import { AbortedDials } from "./oracles/aborted_dials.ts";
import { connectionsOf, judgeClientLog } from "./oracles/give_up.ts";
import { TurnWait } from "./oracles/starvation.ts";
import { SessionRun } from "./session_run.ts";
import type { Stage } from "./stage.ts";

/** Longest time of a dial, ms. */
export const DIAL_MS = 10_000;

/** A client of the run. */
export class SimClient {
  /** The run. */
  readonly stage: Stage;
  /** What it is like. */
  readonly plan: ClientPlan;
  /** Its name, and the name of its first path. */
  readonly name: string;
  /** The machine it runs on now. */
  host: VirtualHost;
  /** Its session now; null while it has none. */
  run: SessionRun | null = null;
  /** When it last got an answer, ms. */
  lastAnswerMs = -1;
  /** Its dials, and which of them it gave up. */
  readonly dials: AbortedDials = new AbortedDials();
  /** Since when others keep it waiting. */
  readonly turnWait: TurnWait = new TurnWait();
  #life = 0;

  /** Makes a SimClient. */
  constructor(stage: Stage, plan: ClientPlan) {
    this.stage = stage;
    this.plan = plan;
    this.name = `c${plan.index}`;
    this.host = stage.world.host(this.name);
  }

  /** Begins a life. */
  begin(): void {
    void this.#live(++this.#life, this.host);
  }

  /** `kill -9`, and the next life at once. */
  kill(): void {
    this.host.kill();
    this.run?.killed();
    this.run = null;
    this.host = this.stage.world.host(this.name);
    this.begin();
  }

  /** Something keeps its loop busy. */
  block(ms: number): void {
    this.host.deliver(this.host.now(), () => this.host.block(ms));
  }

  /** What it dials with, best first, each on a path of its own. */
  carriers(): VirtualCarrier[] {
    const { net } = this.stage;
    const { first, readInto } = this.plan;
    const own = { host: this.host, readInto };
    const stream = (link: string) => net.stream({ ...own, link });
    const streams = (link: string) => net.multiStream({ ...own, link });
    return first === "stream"
      ? [stream(this.name), streams(`${this.name} alt`)]
      : [streams(this.name), stream(`${this.name} alt`)];
  }

  async #live(life: number, host: VirtualHost): Promise<void> {
    const { stage } = this;
    const random = new RandomStream(stage.script.seed, `dials of ${this.name} life ${life}`);
    for (let number = 1; !stage.isClosing && !host.isKilled; number++) {
      const session = await this.#dial(host, random);
      if (host.isKilled) return;
      if (session === null) {
        await host.sleep(random.between(100, 1500));
        continue;
      }
      stage.counts.sessions++;
      const run = this.run = new SessionRun(this, session, `${this.name}.${life}.${number}`);
      await run.played();
      this.run = null;
      if (!stage.isClosing) await host.sleep(random.between(10, 500));
    }
  }

  async #dial(host: VirtualHost, random: RandomStream): Promise<ClientSession | null> {
    const { stage, plan } = this;
    const startedMs = host.now();
    const giveUp = random.chance(0.1) ? new AbortController() : null;
    const dial = this.dials.begins(
      Math.max(0, ...[...connectionsOf(stage).of(this.name)].map(({ id }) => id)),
    );
    if (giveUp !== null) {
      host.after(random.between(0, 60), () => {
        if (host.isKilled) return;
        dial.aborts(host.now());
        giveUp.abort(new Error("not wanted any more"));
      });
    }
    const resubmit = plan.reconnect === "resubmit";
    try {
      const session = await dialClient(`nnrp://s${plan.server}`, {
        carriers: this.carriers(),
        runtime: host,
        dialPolicy: { selectedTransportId: plan.first === "stream" ? TransportId.TCP : TransportId.QUIC },
        timeoutMs: DIAL_MS,
        signal: giveUp?.signal,
        reconnect: plan.reconnect === "no" ? false : { maxDelayMs: 4000, maxAttempts: 100, resubmit },
        maxInFlight: plan.maxInFlight,
        idleTimeoutMs: plan.idleTimeoutMs,
        sendStallMs: plan.sendStallMs,
        profile: { enableCache: true },
        log: ({ type, message }) => {
          stage.world.note(this.name, `${type}: ${message}`);
          judgeClientLog(this, type, message);
        },
      });
      dial.succeeds();
      return session;
    } catch (error) {
      dial.fails();
      stage.counts.failedDials++;
      stage.world.note(this.name, `dial failed: ${error}`);
      const wanted = error instanceof NnrpError || (giveUp?.signal.aborted && error === giveUp.signal.reason);
      if (!wanted) stage.found("calls", `a dial failed with ${error}`, this.name, ["dial"]);
      const tookMs = host.now() - startedMs;
      // Time in which the machine stood still is no fault of the dial's.
      if (tookMs > DIAL_MS + 1000 && !stage.trouble.since(plan, startedMs, "stopped", "blocked")) {
        stage.found("calls", "a dial took longer than its timeoutMs", this.name, ["dial"]);
      }
      return null;
    }
  }
}
