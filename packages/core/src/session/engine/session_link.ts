/**
 * What a connection keeps from its first byte on, whoever owns it: the writer, pings and silence, the rate of control packets, and
 * trace ids. It passes from the handshake to the session.
 *
 * @module
 */
import { ControlRate, type ControlRateOptions } from "../control/control_rate.ts";
import { DEFAULT_KEEP_ALIVE_MS, KeepAlive } from "../control/keepalive.ts";
import type { ReplyWaiter } from "./engine_host.ts";
import { type PacketOutput, PacketWriter } from "./packet_writer.ts";

/** Options of every engine. */
export interface SessionLinkOptions {
  /** A PING after this long without outgoing traffic, ms; 0 = never. Default 5,000. */
  readonly keepAliveMs?: number;
  /** The session is lost when nothing came for this long, ms; 0 = never. Default 120,000. */
  readonly idleTimeoutMs?: number;
  /**
   * How long a peer that answers pings may leave one unanswered and send nothing else, ms; 0 = for ever. Default 15,000. Peers that
   * never answered one and speak none of our extensions (rc2's) have `idleTimeoutMs`.
   */
  readonly pongTimeoutMs?: number;
  /** After how many such times the session is lost, ≥ 1. Default 2. */
  readonly maxMissedPongs?: number;
  /** Rate of control packets that make no progress. */
  readonly controlRate?: ControlRateOptions;
}

/** See the module. */
export class SessionLink {
  /** Writes control packets. */
  readonly writer: PacketWriter;
  /** Pings and idle time. */
  readonly keepAlive: KeepAlive<ReplyWaiter<number>>;
  /** Control packets that bring nothing forward. */
  readonly rate: ControlRate;
  /** Whether a CLOSE of the server says whether to come back: 0xF004 is in force. */
  comeBack = false;
  #lastTrace = 0n;

  /**
   * Connects an engine to the carrier that its packets go to.
   *
   * @param output Where packets go.
   * @param options Keep-alive and limits.
   */
  constructor(output: PacketOutput, options: SessionLinkOptions) {
    this.writer = new PacketWriter(output);
    // Sending is noticed at the next tick only, so half of the interval makes the whole the longest silence.
    this.keepAlive = new KeepAlive(0, {
      keepAliveMs: (options.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS) / 2,
      idleTimeoutMs: options.idleTimeoutMs,
      pongTimeoutMs: options.pongTimeoutMs,
      maxMissedPongs: options.maxMissedPongs,
    });
    this.rate = new ControlRate(options.controlRate);
  }

  /** The id that {@linkcode SessionLink.nextTraceId} gave last. */
  get lastTraceId(): bigint {
    return this.#lastTrace;
  }

  /** A trace id of its own for a request: greater than all before. */
  nextTraceId(): bigint {
    return ++this.#lastTrace;
  }
}
