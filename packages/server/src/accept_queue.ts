/**
 * Sessions that began and wait for an application that takes them itself, and applications that wait for a session.
 *
 * @module
 */
import { type Host, type NnrpError, NnrpTimeoutError } from "@nnrp/core";
import { waitFor, type WaitOptions } from "@nnrp/runtime";

/** Who waits for a session. */
interface Acceptor<S> {
  take(session: S): void;
  end(error: NnrpError): void;
}

/** Hands sessions out in the order in which they began. */
export class AcceptQueue<S> {
  readonly #host: Host;
  readonly #taken: (session: S) => void;
  readonly #ready = new Set<S>();
  readonly #acceptors = new Set<Acceptor<S>>();
  #ended: NnrpError | null = null;

  /**
   * @param host Provides the timers.
   * @param taken Called when somebody gets a session.
   */
  constructor(host: Host, taken: (session: S) => void) {
    this.#host = host;
    this.#taken = taken;
  }

  /** A session began: the first who waits gets it. */
  push(session: S): void {
    for (const acceptor of this.#acceptors) {
      this.#acceptors.delete(acceptor);
      this.#taken(session);
      acceptor.take(session);
      return;
    }
    this.#ready.add(session);
  }

  /** The session is over: nobody wants it any more. */
  remove(session: S): void {
    this.#ready.delete(session);
  }

  /**
   * The next session.
   *
   * @throws NnrpTimeoutError, the signal's reason, or what ended the queue once nothing waits in it.
   */
  next(options: WaitOptions): Promise<S> {
    for (const session of this.#ready) {
      this.#ready.delete(session);
      this.#taken(session);
      return Promise.resolve(session);
    }
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const onTimeout = (ms: number) => new NnrpTimeoutError("the next session", ms);
    return waitFor<S>(this.#host, options, onTimeout, (take, end) => {
      const acceptor: Acceptor<S> = { take, end };
      this.#acceptors.add(acceptor);
      return () => void this.#acceptors.delete(acceptor);
    });
  }

  /** No more sessions begin; those that wait can still be taken. */
  end(error: NnrpError): void {
    this.#ended = error;
    for (const acceptor of this.#acceptors) acceptor.end(error);
    this.#acceptors.clear();
  }
}
