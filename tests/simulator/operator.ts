/**
 * What the server's application does beside answering: pings, hints, flow updates.
 *
 * @module
 */
import { NnrpError, type NnrpServer } from "@nnrp/server";
import { RandomStream } from "@nnrp/testing";
import type { SimServer } from "./server.ts";

/** Mean time between two things it does, ms. */
const EVERY_MS = 5000;

/** The application of one server process. */
export class Operator {
  readonly #of: SimServer;
  readonly #server: NnrpServer;
  readonly #random: RandomStream;
  #stopped = false;
  #cancel: () => void = () => {};

  /** Makes an Operator. */
  constructor(of: SimServer, server: NnrpServer, generation: number) {
    this.#of = of;
    this.#server = server;
    this.#random = new RandomStream(of.stage.script.seed, `operator ${of.name} start ${generation}`);
  }

  /** Begins. */
  begin(): void {
    this.#cancel = this.#of.host.after(this.#random.between(0, 2 * EVERY_MS), () => {
      if (this.#stopped || this.#of.stage.isClosing) return;
      this.#act();
      this.begin();
    });
  }

  /** Its server is closing. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #act(): void {
    const { sessions } = this.#server;
    if (sessions.length === 0) return;
    const session = this.#random.pick(sessions);
    if (session.state !== "active") return;
    const { stage, name } = this.#of;
    if (this.#random.chance(0.7)) {
      // Short limits: pings that time out must leave nothing behind.
      session.ping({ timeoutMs: this.#random.pick([20, 300, 10_000]) }).catch((error: unknown) => {
        if (error instanceof NnrpError && error.code !== "LIMIT") return;
        stage.found("calls", `ping of a server failed with ${error}`, "", ["server ping", name]);
      });
    } else session.sendResultHint({ retryAfterMs: this.#random.integer(0, 1000) });
  }
}
