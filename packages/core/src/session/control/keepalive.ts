/**
 * Keeping a quiet session alive and noticing a dead one: when to ping, when the peer has been silent for too long, and
 * the round trip times of pings (behaviour spec §6.4 "Idle trap", §10 PING / PONG).
 *
 * @module
 */
import { MessageType } from "../../wire/enums.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import type { PacketWriter } from "../engine/packet_writer.ts";
import { PendingReplies } from "./pending_replies.ts";

/** A ping after this long without outgoing traffic: rc2's clients give up after 10 s of silence (behaviour spec §6.4). */
export const DEFAULT_KEEP_ALIVE_MS = 5_000;
/** A session in which nothing was received for this long is dead: rc2's idle time (behaviour spec §12). */
export const DEFAULT_IDLE_TIMEOUT_MS = 120_000;
/** Pings that may wait for their pong. */
export const MAX_PENDING_PINGS = 64;

/** Options of {@linkcode KeepAlive}. */
export interface KeepAliveOptions {
  /** Ping after this long without outgoing traffic, ms; ≤ 0 = never. Default {@linkcode DEFAULT_KEEP_ALIVE_MS}. */
  readonly keepAliveMs?: number;
  /** Longest silence of the peer, ms; ≤ 0 = for ever. Default {@linkcode DEFAULT_IDLE_TIMEOUT_MS}. */
  readonly idleTimeoutMs?: number;
}

/** An answered ping. */
export interface PongOutcome<W> {
  /** Round trip of this ping, ms. */
  readonly rttMs: number;
  /** Who asked for it; undefined for a keep-alive. */
  readonly waiter: W | undefined;
}

/** Clock-less keep-alive of one session. `W` is whoever waits for a pong. */
export class KeepAlive<W = unknown> {
  /** Round trip of the last answered ping, ms; undefined before the first. */
  lastRttMs: number | undefined;
  /** Smoothed round trip (RFC 6298: 1/8 of each new one), ms; undefined before the first. */
  smoothedRttMs: number | undefined;
  /** Smoothed deviation of the round trip (RFC 6298: 1/4), ms. */
  rttDeviationMs = 0;
  /** Smallest round trip so far, ms; undefined before the first. */
  minRttMs: number | undefined;

  #keepAliveMs: number;
  #idleMs: number;
  #sentMs: number;
  #receivedMs: number;
  #pings = new PendingReplies<number, W>("pendingPings", MAX_PENDING_PINGS);

  /**
   * A session that begins.
   *
   * @param nowMs Monotonic time at which the session begins, ms.
   * @param options Limits.
   */
  constructor(nowMs: number, options: KeepAliveOptions = {}) {
    const keepAliveMs = options.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS;
    const idleMs = options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS;
    this.#keepAliveMs = keepAliveMs > 0 ? keepAliveMs : Infinity;
    this.#idleMs = idleMs > 0 ? idleMs : Infinity;
    this.#sentMs = nowMs;
    this.#receivedMs = nowMs;
  }

  /** Pings without a pong. */
  get pendingPings(): number {
    return this.#pings.size;
  }

  /** When {@linkcode KeepAlive.pingDue} or {@linkcode KeepAlive.isIdle} can next become true, ms; Infinity = never. */
  get nextDeadlineMs(): number {
    return Math.min(this.#sentMs + this.#keepAliveMs, this.#receivedMs + this.#idleMs);
  }

  /** Something was written. */
  sent(nowMs: number): void {
    this.#sentMs = nowMs;
  }

  /** Something arrived. */
  received(nowMs: number): void {
    this.#receivedMs = nowMs;
  }

  /** Whether nothing was sent for so long that a ping is due. Sending it (or anything) starts the time anew. */
  pingDue(nowMs: number): boolean {
    return nowMs >= this.#sentMs + this.#keepAliveMs;
  }

  /** Whether the peer has been silent for longer than the idle limit. */
  isIdle(nowMs: number): boolean {
    return nowMs >= this.#receivedMs + this.#idleMs;
  }

  /**
   * A PING is being sent.
   *
   * @param traceId Its own trace id, not 0.
   * @param nowMs Monotonic time, ms.
   * @param waiter Who waits for the round trip time; undefined for a keep-alive, which is not measured if the list is full.
   * @throws NnrpLimitError if {@linkcode MAX_PENDING_PINGS} wait already; then do not send it.
   */
  pingSent(traceId: bigint, nowMs: number, waiter?: W): void {
    if (waiter !== undefined || this.#pings.hasRoom) this.#pings.add(traceId, nowMs, waiter);
    this.#sentMs = nowMs;
  }

  /**
   * A PONG came.
   *
   * @param traceId Its trace id.
   * @param nowMs Monotonic time, ms.
   * @returns The round trip, or undefined if no ping with this trace id waits: late, forged or never asked for.
   */
  pong(traceId: bigint, nowMs: number): PongOutcome<W> | undefined {
    const ping = this.#pings.take(traceId);
    if (ping === undefined) return undefined;
    const rttMs = Math.max(0, nowMs - ping.data);
    this.#measure(rttMs);
    return { rttMs, waiter: ping.waiter };
  }

  /** An ERROR with this trace id came, so there will be no pong: who waited, if anybody. */
  reject(traceId: bigint): W | undefined {
    return this.#pings.take(traceId)?.waiter;
  }

  /** The waiter gave up; a late pong still counts as a measurement. */
  abandon(traceId: bigint): void {
    this.#pings.abandon(traceId);
  }

  /** The session ended: all who wait. */
  drain(): W[] {
    return this.#pings.drain();
  }

  #measure(rttMs: number): void {
    this.lastRttMs = rttMs;
    if (this.minRttMs === undefined || rttMs < this.minRttMs) this.minRttMs = rttMs;
    if (this.smoothedRttMs === undefined) {
      this.smoothedRttMs = rttMs;
      this.rttDeviationMs = rttMs / 2;
    } else {
      this.rttDeviationMs += (Math.abs(this.smoothedRttMs - rttMs) - this.rttDeviationMs) / 4;
      this.smoothedRttMs += (rttMs - this.smoothedRttMs) / 8;
    }
  }
}

/** Answers a PING by a PONG that repeats its numbers. */
export function answerPing(writer: PacketWriter, ping: PacketCursor): void {
  const { sessionId, traceId, routeId } = ping;
  writer.headerOnly(MessageType.PONG, { sessionId, traceId, routeId });
}
