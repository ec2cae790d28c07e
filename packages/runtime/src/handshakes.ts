/**
 * Handshakes under way on one listener (TLS, the HTTP upgrade, QUIC): each has a time limit in all, their
 * number is bounded, and each failure is reported once. They run concurrently: a slow one delays no other.
 *
 * @module
 */
import {
  type CarrierListenOptions,
  HANDSHAKE_TIMEOUT_MS,
  type Host,
  MAX_CONCURRENT_HANDSHAKES,
  NnrpConnectionClosedError,
  NnrpError,
  NnrpLimitError,
  NnrpTimeoutError,
  NnrpTransportError,
} from "@nnrp/core";

/** Whose handshakes they are. */
export interface HandshakeKind {
  /** Carrier name, for example `"tcp"`. */
  readonly carrier: string;
  /** What is being done, for example `"TLS handshake"`. */
  readonly what: string;
  /** Describes a failure, unless it is an NnrpError already. */
  readonly explain: (cause: unknown) => string;
}

/** One handshake under way. */
export interface Handshake {
  /** It is done. False if it was given up meanwhile: the connection must be dropped then. */
  succeeded(): boolean;
  /** It failed. */
  failed(cause: unknown): void;
}

/** The handshakes of a listener. */
export class Handshakes {
  /** Longest handshake, ms. */
  readonly timeoutMs: number;
  readonly #most: number;
  readonly #tell: (remote: string, error: NnrpError) => void;
  readonly #host: Host;
  readonly #kind: HandshakeKind;
  readonly #underWay = new Set<(error: NnrpError) => void>();

  /**
   * No handshakes are in progress yet.
   *
   * @param kind Whose they are.
   * @param host Provides the timers.
   * @param options Time, number, and the callback for those that fail.
   */
  constructor(kind: HandshakeKind, host: Host, options: CarrierListenOptions) {
    this.timeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    this.#most = options.maxHandshakes ?? MAX_CONCURRENT_HANDSHAKES;
    this.#tell = options.failed ?? (() => {});
    this.#host = host;
    this.#kind = kind;
  }

  /** Whether the limit is reached. */
  get isFull(): boolean {
    return this.#underWay.size >= this.#most;
  }

  /** Handshakes in progress. */
  get size(): number {
    return this.#underWay.size;
  }

  /**
   * A connection came.
   *
   * @param remote Its address; a function where that is known only later.
   * @param drop Closes it; called at most once, when its time is over or the listener closes.
   * @param kind What is being done, if something else than the kind that was given first.
   * @returns Null if there are too many: that was reported, and the connection must be dropped.
   */
  begin(
    remote: string | (() => string),
    drop: () => void,
    kind: HandshakeKind = this.#kind,
  ): Handshake | null {
    const { carrier, what } = kind;
    const tell = (error: NnrpError) => this.#tell(typeof remote === "string" ? remote : remote(), error);
    if (this.isFull) {
      const words = `too many connections are shaking hands (${this.#most}, ${what}); this one was closed`;
      tell(new NnrpLimitError("maxHandshakes", words));
      return null;
    }
    let open = true;
    const end = (error: NnrpError | null): boolean => {
      if (!open) return false;
      open = false;
      cancelTimer();
      this.#underWay.delete(abandon);
      if (error !== null) tell(error);
      return true;
    };
    const abandon = (error: NnrpError): void => {
      if (end(error)) drop();
    };
    const cancelTimer = this.#host.after(
      this.timeoutMs,
      () => abandon(new NnrpTimeoutError(`the ${what}`, this.timeoutMs)),
    );
    this.#underWay.add(abandon);
    return {
      succeeded: () => end(null),
      failed: (cause) => {
        end(
          cause instanceof NnrpError
            ? cause
            : new NnrpTransportError(carrier, `the ${what} failed: ${kind.explain(cause)}`, { cause }),
        );
      },
    };
  }

  /** The listener closes: whoever is not through yet goes. */
  close(): void {
    const { carrier, what } = this.#kind;
    for (const abandon of [...this.#underWay]) {
      abandon(new NnrpConnectionClosedError(carrier, `the listener was closed during the ${what}`));
    }
  }
}
