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
  #burstMs = -Infinity; // when it last asked too much at once
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
    const { stage } = this.#of;
    if (this.#random.chance(0.02)) {
      // Pings that time out, more than may wait at once: they leave nothing behind.
      this.#burstMs = this.#of.host.now();
      for (let i = 0; i < 80; i++) session.ping({ timeoutMs: 1 }).catch(() => {});
    } else if (this.#random.chance(0.7)) {
      // Short limits: pings that time out must leave nothing behind.
      session.ping({ timeoutMs: this.#random.pick([20, 300, 10_000]) }).catch((error: unknown) => {
        if (error instanceof NnrpError && error.code !== "LIMIT") return;
        if (this.#of.host.now() - this.#burstMs < 1000) return; // of those that wait together some are too many
        stage.found("calls", `a ping of a server failed with ${String(error)}`, "", ["server ping"]);
      });
    } else session.sendResultHint({ retryAfterMs: this.#random.integer(0, 1000) });
  }
}
