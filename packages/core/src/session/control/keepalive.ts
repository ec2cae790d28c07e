/**
 * Keeping a quiet session alive and noticing a dead one: when to ping, when the peer has been silent for too long, and
 * the round trip times of pings (behaviour spec §6.4 "Idle trap", §10 PING / PONG).
 *
 * @module
 */
import { NnrpLimitError } from "../../errors.ts";
import { MessageType } from "../../wire/enums.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import type { PacketWriter } from "../engine/packet_writer.ts";
import { PendingReplies } from "./pending_replies.ts";

/** A ping after this long without outgoing traffic: rc2's clients give up after 10 s of silence (behaviour spec §6.4). */
export const DEFAULT_KEEP_ALIVE_MS = 5_000;
/** A session in which nothing was received for this long is dead: rc2's idle time (behaviour spec §12). */
export const DEFAULT_IDLE_TIMEOUT_MS = 120_000;
/** How long an answer to a PING may take from a peer that answers them, ms: a congested path of today needs a second or two. */
export const DEFAULT_PONG_TIMEOUT_MS = 15_000;
/** Missing answers in a row that end the session: one may be lost with a path that a network changed under way. */
export const DEFAULT_MAX_MISSED_PONGS = 2;
/**
 * Time between two checks of a peer that seems dead, ms. The first may be late, because this side's event
 * loop was blocked or the machine slept; what came meanwhile is in the socket, and is read before the second.
 */
const LOOK_AGAIN_MS = 20;
/** A second check that is later than this counts as a first one, ms. */
const LATE_LOOK_MS = 1000;
/**
 * Pings to a peer that ended its half: the first makes the system of one that is gone send a reset, the
 * second finds it.
 */
const END_PINGS = 2;
/**
 * Time before each of them, ms, before the second a round trip if that is longer: a pong proves as much, and
 * may come first.
 */
const END_PING_MS = 250;
/** How many pongs {@linkcode KeepAlive.roundTripMs} goes by: with a ping every 5 s, those of the last 40 s. */
const RECENT_PONGS = 8;
/** Pings that may wait for their pong. */
export const MAX_PENDING_PINGS = 64;
/**
 * Pongs that may be outstanding, those of abandoned pings included: half of the burst of control packets that
 * a peer accepts.
 */
export const MAX_PONGS_DUE = 500;

/** Options of {@linkcode KeepAlive}. */
export interface KeepAliveOptions {
  /** Ping after this long without outgoing traffic, ms; ≤ 0 = never. Default {@linkcode DEFAULT_KEEP_ALIVE_MS}. */
  readonly keepAliveMs?: number;
  /** Longest silence of the peer, ms; ≤ 0 = for ever. Default {@linkcode DEFAULT_IDLE_TIMEOUT_MS}. */
  readonly idleTimeoutMs?: number;
  /**
   * How long a PING may stay unanswered by a peer that answers them ({@linkcode KeepAlive.expectsPongs}) and sends nothing else, ms;
   * ≤ 0 = for ever. Default {@linkcode DEFAULT_PONG_TIMEOUT_MS}.
   */
  readonly pongTimeoutMs?: number;
  /** After how many such times the peer is dead, ≥ 1. Default {@linkcode DEFAULT_MAX_MISSED_PONGS}. */
  readonly maxMissedPongs?: number;
}

/** What {@linkcode KeepAlive.judge} finds. `"idle"` and `"unanswered"`: the peer is dead. */
export type LifeSign = "alive" | "idle" | "unanswered";

/** An answered ping. */
export interface PongOutcome<W> {
  /** Round trip of this ping, ms. */
  readonly rttMs: number;
  /** Who asked for it; undefined for a keep-alive. */
  readonly waiter: W | undefined;
}

/** Clock-less keep-alive of one session. `W` is the type of waiters for a pong. */
export class KeepAlive<W = unknown> {
  /** Round trip of the last answered ping, ms; undefined before the first. */
  lastRttMs: number | undefined;
  /** Smoothed round trip (RFC 6298: 1/8 of each new one), ms; undefined before the first. */
  smoothedRttMs: number | undefined;
  /** Smoothed deviation of the round trip (RFC 6298: 1/4), ms. */
  rttDeviationMs = 0;
  /** Smallest round trip so far, ms; undefined before the first. */
  minRttMs: number | undefined;
  /** Whether the peer answers pings: it did, or agreed to. rc2's never do. */
  expectsPongs = false;
  /**
   * How long a round trip on the present path may take, ms: the longest of the last pings there, before the first pong as long as
   * a handshake took; undefined where neither is known.
   */
  roundTripMs: number | undefined;

  #keepAliveMs: number;
  #idleMs: number;
  #sentMs: number;
  #receivedMs: number;
  readonly #pongMs: number;
  readonly #maxMissed: number;
  // Of the pings since something came: their number, when the count of their time began, when the last one left.
  #unanswered = 0;
  #unansweredMs = Infinity;
  #lastPingMs = -Infinity;
  #pathMs: number; // when the present path's time began
  #measuredMs: number; // when it was measured last
  #recentMs: number[] = []; // its last round trips, in a ring
  #pongs = 0; // on it
  #suspectedMs = Infinity; // when the peer first seemed dead
  #endPings = 0; // to be sent still,
  #endPingMs = 0; // the next one then
  #pongsDue = 0; // pings that were sent and not answered, also those that nobody waits for any more
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
    const pongMs = options.pongTimeoutMs ?? DEFAULT_PONG_TIMEOUT_MS;
    this.#pongMs = pongMs > 0 ? pongMs : Infinity;
    this.#maxMissed = Math.max(1, options.maxMissedPongs ?? DEFAULT_MAX_MISSED_PONGS);
    this.#sentMs = nowMs;
    this.#receivedMs = nowMs;
    this.#pathMs = this.#measuredMs = nowMs;
  }

  /** Pings without a pong. */
  get pendingPings(): number {
    return this.#pings.size;
  }

  /** When a ping is due or {@linkcode KeepAlive.judge} wants to check next, ms; Infinity = never. */
  get nextDeadlineMs(): number {
    return Math.min(this.#pingMs, this.nextVerdictMs);
  }

  /**
   * When {@linkcode KeepAlive.judge} may find the peer dead next, ms; Infinity = never. Let the event loop
   * poll its sockets before that call, and only then read the clock for it.
   */
  get nextVerdictMs(): number {
    return this.#suspectedMs === Infinity
      ? Math.min(this.#receivedMs + this.#idleMs, this.#deadMs)
      : this.#suspectedMs + LOOK_AGAIN_MS;
  }

  /** When the next ping is due, ms. */
  get #pingMs(): number {
    const ownMs = this.#sentMs + this.#keepAliveMs;
    if (this.#endPings > 0 && ownMs !== Infinity) return Math.min(ownMs, this.#endPingMs);
    if (!this.expectsPongs || ownMs === Infinity) return ownMs;
    // However busy this side is with sending: a peer that is silent is asked.
    const restMs = Math.max(this.#pongMs, this.#keepAliveMs);
    // And however busy both are: whoever leaves a path wants to know how long a round trip takes there.
    const measureMs = Math.max(this.#measuredMs, this.#lastPingMs) + 2 * this.#keepAliveMs;
    return Math.min(ownMs, Math.max(this.#receivedMs, this.#lastPingMs) + restMs, measureMs);
  }

  /** When too many pings in a row have not been answered, ms. */
  get #deadMs(): number {
    return this.expectsPongs && this.#unanswered >= this.#maxMissed
      ? this.#unansweredMs + this.#pongMs * this.#maxMissed
      : Infinity;
  }

  /** A packet was sent. */
  sent(nowMs: number): void {
    this.#sentMs = nowMs;
  }

  /** Bytes arrived. */
  received(nowMs: number): void {
    this.#receivedMs = nowMs;
    this.#suspectedMs = Infinity;
    if (this.#unanswered === 0) return;
    this.#unanswered = 0;
    this.#unansweredMs = Infinity;
  }

  /** The peer ended its half, and something is still due to it: whether it listens shows when it is sent something. */
  peerEnded(nowMs: number): void {
    this.#endPings = END_PINGS;
    this.#endPingMs = nowMs + END_PING_MS;
  }

  /** Another path from now on: answers that were due on the old one may have been lost with it. */
  moved(): void {
    this.#pongsDue = 0;
  }

  /** Another peer from now on: whether it answers pings is not known. */
  forget(): void {
    this.moved();
    this.expectsPongs = false;
  }

  /**
   * A path begins, or begins to be read: what was measured before does not apply to it, nor does a pong to a
   * ping from before.
   *
   * @param nowMs Monotonic time, ms.
   * @param tookMs How long the handshake on it took, ms; its answer may have cost the peer time. Default: there was none, or nobody
   *   knows.
   */
  pathBegins(nowMs: number, tookMs?: number): void {
    this.roundTripMs = tookMs;
    this.#pathMs = this.#measuredMs = nowMs;
    this.#endPings = 0;
    this.#recentMs = [];
    this.#pongs = 0;
  }

  /**
   * Whether a ping is due: nothing was sent for so long, or a peer that answers pings has been silent. Sending it starts the time
   * anew.
   */
  pingDue(nowMs: number): boolean {
    return nowMs >= this.#pingMs;
  }

  /**
   * Whether the peer is alive. It is found dead only by two checks that found nothing, with time for the
   * event loop between them: one check may be late, and then it is not the peer's fault that nothing was
   * read.
   *
   * @param nowMs Monotonic time, ms; {@linkcode KeepAlive.nextDeadlineMs} is the time of the next check.
   */
  judge(nowMs: number): LifeSign {
    const sign: LifeSign = nowMs >= this.#deadMs ? "unanswered" : this.isIdle(nowMs) ? "idle" : "alive";
    if (sign === "alive") {
      this.#suspectedMs = Infinity;
      return sign;
    }
    const sinceMs = nowMs - this.#suspectedMs; // −Infinity = this is the first check
    if (sinceMs >= LOOK_AGAIN_MS && sinceMs <= LATE_LOOK_MS) return sign;
    if (!(sinceMs >= 0 && sinceMs < LOOK_AGAIN_MS)) this.#suspectedMs = nowMs;
    return "alive";
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
   * @throws NnrpLimitError if {@linkcode MAX_PENDING_PINGS} wait already, or if a peer that answers pings owes
   *   {@linkcode MAX_PONGS_DUE} answers, also to pings that were given up; then do not send it.
   */
  pingSent(traceId: bigint, nowMs: number, waiter?: W): void {
    if (waiter !== undefined && this.expectsPongs && this.#pongsDue >= MAX_PONGS_DUE) {
      throw new NnrpLimitError("pendingPings", `the peer has still to answer ${this.#pongsDue} pings`);
    }
    if (waiter !== undefined || this.#pings.hasRoom) this.#pings.add(traceId, nowMs, waiter);
    this.#sentMs = nowMs;
    this.#lastPingMs = nowMs;
    if (this.#endPings > 0) {
      this.#endPings--;
      this.#endPingMs = nowMs + Math.max(END_PING_MS, this.roundTripMs ?? 0);
    }
    this.#pongsDue++;
    if (this.#unanswered++ === 0) this.#unansweredMs = nowMs;
  }

  /**
   * Handles a PONG.
   *
   * @param traceId Its trace id.
   * @param nowMs Monotonic time, ms.
   * @returns The round trip, or undefined if no ping with this trace id waits: late, forged or never asked for.
   */
  pong(traceId: bigint, nowMs: number): PongOutcome<W> | undefined {
    const ping = this.#pings.take(traceId);
    if (ping === undefined) return undefined;
    if (this.#pongsDue > 0) this.#pongsDue--; // 0 after a move
    this.expectsPongs = true;
    const rttMs = Math.max(0, nowMs - ping.data);
    if (ping.data >= this.#pathMs) {
      this.#measuredMs = nowMs;
      this.#measure(rttMs);
    }
    return { rttMs, waiter: ping.waiter };
  }

  /** Handles a PONG without a pending ping. Returns whether it may be that of an abandoned ping. */
  latePong(): boolean {
    if (this.#pongsDue === 0) return false;
    this.#pongsDue--;
    return true;
  }

  /** Handles an ERROR with this trace id, after which no pong comes. Returns the waiter, if there is one. */
  reject(traceId: bigint): W | undefined {
    const ping = this.#pings.take(traceId);
    if (ping !== undefined && this.#pongsDue > 0) this.#pongsDue--;
    return ping?.waiter;
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
    if (this.smoothedRttMs === undefined || this.#pongs === 0) {
      this.smoothedRttMs = rttMs;
      this.rttDeviationMs = rttMs / 2;
    } else {
      this.rttDeviationMs += (Math.abs(this.smoothedRttMs - rttMs) - this.rttDeviationMs) / 4;
      this.smoothedRttMs += (rttMs - this.smoothedRttMs) / 8;
    }
    this.#recentMs[this.#pongs++ % RECENT_PONGS] = rttMs;
    this.roundTripMs = Math.max(...this.#recentMs);
  }
}

/** Answers a PING with a PONG that echoes its session, trace and route ids. */
export function answerPing(writer: PacketWriter, ping: PacketCursor): void {
  const { sessionId, traceId, routeId } = ping;
  writer.headerOnly(MessageType.PONG, { sessionId, traceId, routeId });
}
