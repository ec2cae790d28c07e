/**
 * TLS handshakes under way on one listener: each has so much time in all, there are only so many at once, and each that fails is
 * told once. A slow one holds up nobody.
 *
 * @module
 */
import {
  type CarrierListenOptions,
  explainTls,
  NnrpConnectionClosedError,
  type NnrpError,
  NnrpLimitError,
  NnrpTimeoutError,
  NnrpTransportError,
} from "@nnrp/core";
import { TLS_ALPN } from "./tls_api.ts";

/** Longest handshake, ms. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Most handshakes at once. */
const MAX_HANDSHAKES = 1_024;

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
  readonly #underWay = new Set<(error: NnrpError) => void>();

  /**
   * Makes Handshakes.
   *
   * @param options Time, number, and who is told of those that fail.
   */
  constructor(options: CarrierListenOptions) {
    this.timeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    this.#most = options.maxHandshakes ?? MAX_HANDSHAKES;
    this.#tell = options.failed ?? (() => {});
  }

  /**
   * A connection came.
   *
   * @param remote Its address.
   * @param drop Closes it; called at most once, when its time is over or the listener closes.
   * @returns Null if there are too many: the connection must be dropped.
   */
  begin(remote: string, drop: () => void): Handshake | null {
    if (this.#underWay.size >= this.#most) {
      this.#tell(
        remote,
        new NnrpLimitError(
          "maxHandshakes",
          `${this.#most} TLS handshakes are under way; the connection was closed`,
        ),
      );
      return null;
    }
    let open = true;
    const end = (error: NnrpError | null): boolean => {
      if (!open) return false;
      open = false;
      clearTimeout(timer);
      this.#underWay.delete(abandon);
      if (error !== null) this.#tell(remote, error);
      return true;
    };
    const abandon = (error: NnrpError): void => {
      if (end(error)) drop();
    };
    const timer = setTimeout(
      () => abandon(new NnrpTimeoutError("TLS handshake", this.timeoutMs)),
      this.timeoutMs,
    );
    this.#underWay.add(abandon);
    return {
      succeeded: () => end(null),
      failed: (cause) => {
        end(
          new NnrpTransportError(
            "tls",
            `TLS handshake failed: ${explainTls(cause, "server", { alpn: TLS_ALPN })}`,
            { cause },
          ),
        );
      },
    };
  }

  /** The listener closes: whoever is not through yet goes. */
  close(): void {
    for (const abandon of [...this.#underWay]) {
      abandon(new NnrpConnectionClosedError("tls", "the listener was closed during the TLS handshake"));
    }
  }
}
