/**
 * How a connection with several streams ends. CONNECTION_CLOSE drops whatever was not acknowledged, and
 * nobody tells what was; so both sides end their streams first, and the one that ended first closes the
 * connection when it has seen the other's end.
 *
 * @module
 */
import {
  type CancelTimer,
  type CloseInfo,
  cutPeerText,
  type Host,
  Linger,
  LINGER_MS,
  type LingerOptions,
  NnrpConnectionClosedError,
  roundTripWait,
} from "@nnrp/core";
import { text } from "./connection_loss.ts";

/** How long a carrier waits after a fault: enough for an ERROR to arrive, ms; where round trips are longer, two of them. */
const FAULT_LINGER_MS = 400;
const FAULT_ROUND_TRIPS = 2;

/** The carrier whose end this is. */
export interface EndingOwner {
  /** Carrier name, for example `"tcp"`. */
  readonly name: string;
  /** Provides the timers. */
  readonly host: Host;
  /** Bytes that the runtime accepted so far. */
  readonly sentBytes: number;
  /** How long a round trip may take, ms; undefined = nobody measured it. */
  readonly roundTripMs: number | undefined;
  /** Ends every stream; resolves when the runtime accepted all of it. Never rejects. */
  endStreams(): Promise<void>;
  /** Closes the connection with this code and reason. */
  disconnect(code: number, reason: string): void;
  /** A close has begun: what comes is not wanted any more. */
  closeBegan(): void;
  /** The connection is gone. */
  gone(info: CloseInfo, cause: unknown): void;
}

/** The end of one connection. */
export class Ending {
  /** Why this side closes, once it does. */
  closing: CloseInfo | null = null;
  /** How the connection ended, once it did. */
  closed: CloseInfo | null = null;
  /** Whether the peer has finished sending. */
  peerEnded = false;
  /** How long this side waits for the peer to close first, ms. */
  leaveDelayMs = 0;

  readonly #owner: EndingOwner;
  #sendEnding: Promise<void> | null = null;
  #finished = false; // all streams of this side are ended
  #peerEndedFirst = false;
  #linger: Linger | null = null;
  #cancelTimer: CancelTimer = () => {};
  #waiters: (() => void)[] = [];

  /** @param owner The carrier. */
  constructor(owner: EndingOwner) {
    this.#owner = owner;
  }

  /** Whether nothing more may be sent. */
  get sendingOver(): boolean {
    return this.#sendEnding !== null || this.closing !== null || this.closed !== null;
  }

  /** Ends the streams of this side, after what was committed. */
  endSending(): void {
    this.#sendEnding ??= this.#owner.endStreams().then(() => {
      this.#finished = true;
      this.#leaveIfDone();
    });
  }

  /** Begins to close, or hurries a close that has begun. `linger` null: at once. */
  close(info: CloseInfo, linger: LingerOptions | null): void {
    if (this.closed !== null || (this.closing !== null && linger !== null)) return;
    if (linger !== null) this.endSending();
    this.closing ??= info;
    this.#owner.closeBegan();
    if (linger === null) {
      this.#leave();
      return;
    }
    this.#wait(linger);
    this.#leaveIfDone();
  }

  #wait(linger: LingerOptions): void {
    this.#linger?.end();
    const owner = this.#owner;
    this.#linger = new Linger(owner.host, linger, () => owner.sentBytes, () => this.#leave());
  }

  /** Closes because of a fault; the host may have begun to close already, without a reason of its own. */
  closeFor(info: CloseInfo): void {
    const ms = roundTripWait(FAULT_LINGER_MS, this.#owner.roundTripMs, FAULT_ROUND_TRIPS);
    const linger = { stallMs: ms, drainMs: ms };
    this.close(info, linger);
    if (this.closed !== null) return;
    this.closing = info;
    this.#wait(linger);
  }

  /** Resolves when the connection is gone. */
  get done(): Promise<void> {
    if (this.closed !== null) return Promise.resolve();
    return new Promise((done) => this.#waiters.push(done));
  }

  /**
   * The peer finished sending, and everything it sent was delivered.
   *
   * @returns Whether the sink is still to be notified.
   */
  peerFinished(): boolean {
    if (this.peerEnded || this.closed !== null) return false;
    this.peerEnded = true;
    // The side that saw the other's end first closes last: the peer may still want what this side sends.
    this.#peerEndedFirst = this.#sendEnding === null;
    this.#leaveIfDone();
    return this.closing === null;
  }

  #leaveIfDone(): void {
    if (this.closing === null || !this.#finished || !this.peerEnded || this.#peerEndedFirst) return;
    if (this.leaveDelayMs === 0) {
      this.#leave();
      return;
    }
    this.#linger?.end();
    this.#cancelTimer();
    this.#cancelTimer = this.#owner.host.after(this.leaveDelayMs, () => this.#leave());
  }

  #leave(): void {
    this.#endWaiting();
    if (this.closed !== null) return;
    this.#owner.disconnect(this.closing?.code ?? 0, this.closing?.reason ?? "");
    // The runtime reports when it is gone; one that does not is not waited for.
    this.#cancelTimer = this.#owner.host.after(LINGER_MS, () => this.connectionClosed(0, ""));
  }

  #endWaiting(): void {
    this.#linger?.end();
    this.#cancelTimer();
  }

  /** The connection is gone, by the peer's doing (code, reason), the network's (cause) or this side's. */
  connectionClosed(code: number, reason: string, cause?: unknown): void {
    if (this.closed !== null) return;
    const info = this.closing ?? this.#remoteEnd(code, cutPeerText(reason), cause);
    this.closed = info;
    this.#endWaiting();
    this.#owner.gone(info, cause);
    for (const done of this.#waiters) done();
    this.#waiters = [];
  }

  #remoteEnd(code: number, reason: string, cause: unknown): CloseInfo {
    const words = cause === undefined
      ? reason || "connection closed by peer"
      : `connection lost: ${text(cause)}`;
    if (cause === undefined && code === 0) return { code, reason: words, local: false };
    const message = code === 0 ? words : `peer closed with code ${code}: ${words}`;
    const error = new NnrpConnectionClosedError(this.#owner.name, message, { cause });
    return { code, reason: words, local: false, error };
  }
}
