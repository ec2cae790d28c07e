/**
 * One connection of a session. A session that moves has two for a moment; this file keeps them in order: what arrives on the new
 * one waits until the old one has ended, so that nothing overtakes (behaviour spec §11).
 *
 * @module
 */
import type { Carrier, CarrierSink, CloseInfo, Lane } from "../../carrier.ts";
import type { NnrpError } from "../../errors.ts";
import type { VanishedPacket } from "../../wire/borrowed_bytes.ts";
import { PacketCursor } from "../../wire/packet_cursor.ts";
import type { SessionEngine } from "../engine/session_engine.ts";

/** Bytes that may wait on a new path for the old one to end; a peer that sends more has given up order. */
export const MAX_HELD_BYTES: number = 64 * 1024 * 1024;

/** Whose path it is. */
export interface PathHost {
  /** Where packets go. */
  readonly engine: SessionEngine;
  /** The host's monotonic clock, ms. */
  readClock(): number;
  /** A batch of packets was handled. */
  turned(): void;
  /** Bytes that cannot be read came on this path; it closes by itself. */
  pathFault(path: SessionPath, error: NnrpError): void;
  /** The peer finished sending on this path. */
  pathEnded(path: SessionPath): void;
  /** This path is gone. */
  pathClosed(path: SessionPath, info: CloseInfo): void;
}

/** Takes the packets of a path instead of the engine. */
export type PacketTaker = (cursor: PacketCursor, lane: Lane) => void;

/** The sink of one carrier, and who its packets are for. */
export class SessionPath implements CarrierSink {
  /** The connection. */
  readonly carrier: Carrier;
  /** Whether the peer finished sending. */
  ended = false;
  /** How it closed; null = open. */
  closedInfo: CloseInfo | null = null;
  /** Whether anything came since the path was taken into use: the peer knows of it. */
  proven = false;
  /** Whether a batch is being handled: {@linkcode PathHost.turned} follows. */
  inBatch = false;

  #host: PathHost;
  #engine: SessionEngine;
  #taker: PacketTaker | null = null;
  #held: { cursor: PacketCursor; lane: Lane; isSkipped: boolean }[] = [];
  #heldBytes = 0;
  #provenBefore = false;

  /**
   * A path that is not read yet.
   *
   * @param carrier The connection, not started.
   * @param host Whose path it is.
   * @param taker Takes its packets instead of the engine, for a start.
   */
  constructor(carrier: Carrier, host: PathHost, taker: PacketTaker | null = null) {
    this.carrier = carrier;
    this.#host = host;
    this.#engine = host.engine;
    this.#taker = taker;
  }

  /** Starts reading. */
  start(): void {
    this.carrier.start(this);
  }

  /** Whether packets are kept back until {@linkcode SessionPath.release}. */
  get holds(): boolean {
    return this.#taker === this.#keep;
  }

  /** The path belongs to another session from now on. */
  handOver(host: PathHost): void {
    this.#host = host;
    this.#engine = host.engine;
  }

  /** Keeps what comes until {@linkcode SessionPath.release}; stops reading after the present batch. */
  hold(): void {
    this.#taker = this.#keep;
    this.carrier.pause();
  }

  /** Gives the engine what was kept and everything to come. */
  release(): void {
    this.#taker = null;
    this.carrier.resume(); // before what was kept is handed on: whoever gets it may pause again, or hold
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    if (held.length > 0) {
      this.begin();
      for (const { cursor, lane, isSkipped } of held) {
        if (isSkipped) this.skips(cursor);
        else this.packet(cursor, lane);
      }
      this.turn();
    }
    if (this.ended && !this.holds) this.#host.pathEnded(this);
  }

  /** See CarrierSink. */
  begin(): void {
    this.inBatch = true;
    this.#provenBefore = this.proven;
    this.proven = true;
    this.#engine.begin(this.#host.readClock());
  }

  /** See CarrierSink. */
  packet(cursor: PacketCursor, lane: Lane): void {
    this.#provenBefore = this.proven;
    if (this.#taker === null) this.#engine.receive(cursor, lane);
    else this.#taker(cursor, lane);
  }

  /** See CarrierSink. What is over the limit on a path that waits is reported in its order, too. */
  skips(cursor: PacketCursor): boolean {
    if (this.#taker === null) return this.#engine.skips(cursor);
    if (!this.holds || cursor.bodyLength <= this.carrier.limits.maxBodyBytes) return false;
    this.#held.push({ cursor: headOf(cursor), lane: "control", isSkipped: true });
    return true;
  }

  /** See CarrierSink. */
  turn(): void {
    this.#engine.turn();
    this.inBatch = false;
    this.#host.turned();
  }

  /** See CarrierSink. */
  fault(error: NnrpError): void {
    this.#host.pathFault(this, error);
  }

  /** See CarrierSink. An end behind packets that wait is reported after them. */
  end(): void {
    this.ended = true;
    this.proven &&= this.#provenBefore; // an end alone proves nothing: the peer may have gone without CLOSE
    if (!this.holds) this.#host.pathEnded(this);
  }

  /** See CarrierSink. */
  vanished(packet: VanishedPacket): void {
    this.#engine.vanished(packet);
  }

  /** See CarrierSink. */
  closed(info: CloseInfo): void {
    this.closedInfo = info;
    this.inBatch = false;
    this.#host.pathClosed(this, info);
  }

  readonly #keep: PacketTaker = (cursor, lane) => {
    this.#heldBytes += cursor.length;
    if (this.#heldBytes <= MAX_HELD_BYTES) this.#held.push({ cursor: cursor.copy(), lane, isSkipped: false });
    else void this.carrier.close({ graceful: false, reason: "sent too much before its old path had ended" });
  };
}

/** A copy of header and metadata. */
function headOf(cursor: PacketCursor): PacketCursor {
  return new PacketCursor(cursor.bytes.slice(cursor.offset, cursor.bodyOffset));
}
