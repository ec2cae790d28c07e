/**
 * Which connections belong to a dial that its application gave up: such a client never had a session, so none waits for it.
 *
 * @module
 */
import type { VirtualConnection } from "@nnrp/testing";

/** How long after it was given up a server may still hear of a dial, ms. */
const HEARD_OF_MS = 1000;

/** One dial. Its connections are those after `after`, up to `upTo`: connections are numbered as they are made. */
export class Dial {
  /** The newest connection before it. */
  readonly after: number;
  /** The newest connection before the next dial of the same client. */
  upTo: number = Infinity;
  #abortedMs = -Infinity;
  #isDone = false;

  /** @param after The newest connection before it. */
  constructor(after: number) {
    this.after = after;
  }

  /** Its application gives it up. Does nothing once it got its session: then the signal comes too late to give anything up. */
  aborts(nowMs: number): void {
    if (!this.#isDone) this.#abortedMs = nowMs;
  }

  /** It got its session. */
  succeeds(): void {
    this.#isDone = true;
    this.#abortedMs = -Infinity;
  }

  /** It failed, by the abort or by anything else; what it had before was given up or not. */
  fails(): void {
    this.#isDone = true;
  }

  /** Whether a connection was given up with it a moment ago, by a client that could still say so. */
  gaveUp({ id, ends }: Pick<VirtualConnection, "id" | "ends">, nowMs: number): boolean {
    if (id <= this.after || id > this.upTo || nowMs - this.#abortedMs > HEARD_OF_MS) return false;
    return !ends.some(({ by }) => by === "killed" || by === "network");
  }
}

/** The dials of a client. */
export class AbortedDials {
  #last: Dial = new Dial(0);
  #before: Dial = new Dial(0);

  /** A dial begins. @param newest The newest connection until now. */
  begins(newest: number): Dial {
    this.#last.upTo = newest;
    this.#before = this.#last;
    return this.#last = new Dial(newest);
  }

  /** Whether a connection was given up with its dial a moment ago. */
  gaveUp(connection: Pick<VirtualConnection, "id" | "ends">, nowMs: number): boolean {
    return this.#last.gaveUp(connection, nowMs) || this.#before.gaveUp(connection, nowMs);
  }
}
