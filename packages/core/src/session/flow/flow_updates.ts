/**
 * FLOW_UPDATEs on their way out. They state the present situation, so only the latest of a kind counts: what
 * is queued in one turn of the event loop goes out once, and a side that changes its mind faster than the
 * peer takes control packets is sent as often as the peer accepts (docs/architecture.md, "Limits"). What was
 * said before a frame or a result is written before it.
 *
 * @module
 */
import { MessageType } from "../../wire/enums.ts";
import { FLOW_UPDATE_RECORD, type FlowUpdateMetadata } from "../../wire/metadata/flow_update.ts";
import { CONTROL_PER_FRAME, ControlRate } from "../control/control_rate.ts";
import type { PacketIds, PacketWriter } from "../engine/packet_writer.ts";
import { isSerialAbove } from "./serial_number.ts";

/** FLOW_UPDATEs that go out without a wait: a quarter of what a peer of this library takes, for the rest is for other packets. */
export const BURST = 250;
/** The same in the long run, per second: half of what a peer takes. */
export const PER_SECOND = 16;
/** Kinds that may wait, one operation each perhaps; with more of them all are written. */
const MAX_WAITING = 64;

interface WaitingUpdate {
  readonly fields: FlowUpdateMetadata;
  readonly ids: PacketIds;
}

/** The FLOW_UPDATEs of one side of a session. */
export class FlowUpdates {
  /** Whether updates wait to be sent. */
  waits = false;
  /** When the next one may be written, ms; Infinity = none waits, or the end of the turn is waited for. */
  dueMs: number = Infinity;

  readonly #writer: PacketWriter;
  readonly #told: () => void;
  readonly #allowance = new ControlRate({ burst: BURST, perSecond: PER_SECOND });
  readonly #scratch = new DataView(new ArrayBuffer(FLOW_UPDATE_RECORD.size));
  #waiting: WaitingUpdate[] = [];
  #framesPaid = 0;
  #nowMs = 0;

  /**
   * No updates wait yet.
   *
   * @param writer Where they go.
   * @param told Called for each that was written.
   */
  constructor(writer: PacketWriter, told: () => void) {
    this.#writer = writer;
    this.#told = told;
  }

  /**
   * Queues an update for the end of the turn; it replaces what waits of its kind.
   *
   * @returns Whether it is the first that waits: somebody must call {@linkcode FlowUpdates.say} at the end of the turn.
   * @throws NnrpValueError if the fields contradict each other.
   */
  add(fields: FlowUpdateMetadata, ids: PacketIds): boolean {
    FLOW_UPDATE_RECORD.encode(fields, this.#scratch, 0); // refused here, where it was asked for
    const at = this.#waiting.findIndex((waiting) => replaces(fields, waiting.fields));
    if (at >= 0) this.#waiting.splice(at, 1);
    else if (this.#waiting.length >= MAX_WAITING) this.sayAll();
    this.#waiting.push({ fields, ids });
    const isFirst = !this.waits;
    this.waits = true;
    return isFirst;
  }

  /**
   * Writes what waits, as far as the peer takes it now.
   *
   * @param nowMs Time, ms of the host's clock.
   * @param framePackets Frames, or results and drops, written so far: each earns.
   */
  say(nowMs: number, framePackets: number): void {
    this.#allowance.earn((framePackets - this.#framesPaid) * CONTROL_PER_FRAME);
    this.#framesPaid = framePackets;
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    let said = 0;
    while (said < this.#waiting.length && this.#allowance.spend(this.#nowMs)) {
      this.#write(this.#waiting[said++]);
    }
    this.#waiting.splice(0, said);
    this.waits = this.#waiting.length > 0;
    this.dueMs = this.waits ? this.#nowMs + this.#allowance.waitMs : Infinity;
  }

  /** Writes all that waits: a frame follows, which pays for it, or the end of the session. */
  sayAll(): void {
    if (!this.waits) return;
    for (const waiting of this.#waiting) this.#write(waiting);
    this.forget();
  }

  /** Drops what waits: the session begins anew, or is over. */
  forget(): void {
    this.#waiting.length = 0;
    this.waits = false;
    this.dueMs = Infinity;
  }

  #write({ fields, ids }: WaitingUpdate): void {
    this.#writer.record(MessageType.FLOW_UPDATE, FLOW_UPDATE_RECORD, fields, ids);
    this.#told();
  }
}

/**
 * Whether an update supersedes another one: it has the same scope, and a receiver of both would apply it
 * last.
 */
function replaces(update: FlowUpdateMetadata, waiting: FlowUpdateMetadata): boolean {
  const { creditEpoch } = update;
  return update.scopeKind === waiting.scopeKind && update.operationId === waiting.operationId &&
    update.flags === waiting.flags &&
    (creditEpoch === waiting.creditEpoch ||
      (creditEpoch !== 0 && waiting.creditEpoch !== 0 && isSerialAbove(creditEpoch, waiting.creditEpoch)));
}
