/**
 * What FLOW_UPDATE means for submitting: whether the peer applied backpressure and how many frames may be in
 * flight (behaviour spec §10, "Flow rules"). The question `canAdmit` is asked for every submit and costs one
 * comparison.
 *
 * @module
 */
import { FlowUpdateBackpressureLevel, FlowUpdateReason, FlowUpdateScopeKind } from "../../wire/enums.ts";
import { FlowUpdateFlags } from "../../wire/flags.ts";
import type { FlowUpdateMetadata } from "../../wire/metadata/flow_update.ts";
import { isSerialAbove } from "./serial_number.ts";

/** `"auto"`: the peer's updates bind. `"manual"`: they are recorded only and the application draws the conclusions. */
export type FlowControlMode = "auto" | "manual";

/** Credit of one scope (connection or session). */
class ScopeCredit {
  /** Frames allowed in flight; Infinity = the peer set no credit. */
  credit = Infinity;
  /** Credit that is restored when a 0 ends. */
  lastNonzero = Infinity;
  /** Whether the last applied update stopped this side: PAUSE, HARD or DRAIN_IN_FLIGHT_ONLY. */
  halted = false;
  /** When the halt ends by itself, ms. */
  haltEndsMs = Infinity;
  /** When a credit of 0 ends by itself, ms. */
  zeroEndsMs = Infinity;
  /** Last epoch that was not 0; 0 = none yet. */
  epoch = 0;

  /** Applies an update of this scope; false if it is older than what was applied. */
  apply(update: FlowUpdateMetadata, credit: number, nowMs: number): boolean {
    if (update.creditEpoch !== 0) {
      if (this.epoch !== 0 && !isSerialAbove(update.creditEpoch, this.epoch)) return false;
      this.epoch = update.creditEpoch;
    }
    if (update.flags & FlowUpdateFlags.CREDIT_VALID) {
      this.credit = credit;
      this.zeroEndsMs = Infinity;
      if (credit !== 0) this.lastNonzero = credit;
    } else if (update.updateReason === FlowUpdateReason.RESUME && this.credit === 0) {
      this.credit = this.lastNonzero;
      this.zeroEndsMs = Infinity;
    }
    this.halted = update.updateReason === FlowUpdateReason.PAUSE ||
      update.backpressureLevel === FlowUpdateBackpressureLevel.HARD ||
      (update.flags & FlowUpdateFlags.DRAIN_IN_FLIGHT_ONLY) !== 0;
    const retryMs = update.flags & FlowUpdateFlags.RETRY_AFTER_VALID ? nowMs + update.retryAfterMs : Infinity;
    this.haltEndsMs = this.halted ? retryMs : Infinity;
    // "try again after …" applies to whatever stops this side, so it also ends a 0 that came earlier; an
    // update without a retry time leaves the retry time of an earlier 0 alone.
    if (this.credit === 0 && retryMs !== Infinity) this.zeroEndsMs = retryMs;
    return true;
  }

  /** Ends what has run out; true if anything changed. */
  tick(nowMs: number): boolean {
    let changed = false;
    if (nowMs >= this.haltEndsMs) {
      this.halted = false;
      this.haltEndsMs = Infinity;
      changed = true;
    }
    if (nowMs >= this.zeroEndsMs) {
      this.credit = this.lastNonzero;
      this.zeroEndsMs = Infinity;
      changed = true;
    }
    return changed;
  }
}

/** Client side of flow control: opened and shut by the peer's FLOW_UPDATEs and by the application. */
export class CreditGate {
  /** Whether updates bind or are recorded only. */
  readonly mode: FlowControlMode;

  #connection = new ScopeCredit();
  #session = new ScopeCredit();
  #shutHere = false;
  #ceiling = Infinity; // frames in flight below which one more may go out; 0 = shut
  #nextMs = Infinity;

  /**
   * An open gate.
   *
   * @param mode Default `"auto"`.
   */
  constructor(mode: FlowControlMode = "auto") {
    this.mode = mode;
  }

  /**
   * Frames that may be in flight as the peer last granted, the smaller of both scopes; Infinity = it set no
   * credit.
   */
  get limit(): number {
    return Math.min(this.#connection.credit, this.#session.credit);
  }

  /**
   * Whether the peer stopped this side (PAUSE, HARD, DRAIN_IN_FLIGHT_ONLY in either scope). A credit of 0 is
   * no pause.
   */
  get pausedByPeer(): boolean {
    return this.#connection.halted || this.#session.halted;
  }

  /** Whether the application shut the gate with {@linkcode CreditGate.pause}. */
  get pausedLocally(): boolean {
    return this.#shutHere;
  }

  /** Whether nothing may be submitted now, whatever is in flight: paused here or, in mode `"auto"`, by the peer. */
  get paused(): boolean {
    return this.#shutHere || (this.mode === "auto" && this.pausedByPeer);
  }

  /** When the next retry time passes, ms; Infinity = none is running. */
  get nextDeadlineMs(): number {
    return this.#nextMs;
  }

  /**
   * Whether one more frame may be submitted.
   *
   * @param inFlight Frames that hold a slot now.
   */
  canAdmit(inFlight: number): boolean {
    return inFlight < this.#ceiling;
  }

  /**
   * Handles a FLOW_UPDATE of the peer.
   *
   * @param update Its metadata.
   * @param nowMs Monotonic time, ms.
   * @returns False if it changes nothing here: older than the last one of its scope, or of scope OPERATION.
   */
  apply(update: FlowUpdateMetadata, nowMs: number): boolean {
    let applied = false;
    if (update.scopeKind === FlowUpdateScopeKind.CONNECTION) {
      applied = this.#connection.apply(update, update.connectionCredit, nowMs);
    } else if (update.scopeKind === FlowUpdateScopeKind.SESSION) {
      applied = this.#session.apply(update, update.sessionCredit, nowMs);
    }
    if (applied) this.#refresh();
    return applied;
  }

  /**
   * Ends pauses and zero credits whose retry time has passed.
   *
   * @param nowMs Monotonic time, ms.
   * @returns Whether anything changed: waiting submits may go now.
   */
  tick(nowMs: number): boolean {
    if (nowMs < this.#nextMs) return false;
    const connection = this.#connection.tick(nowMs);
    const changed = this.#session.tick(nowMs) || connection;
    this.#refresh();
    return changed;
  }

  /** Shuts the gate until {@linkcode CreditGate.resume}, whatever the peer allows. */
  pause(): void {
    this.#shutHere = true;
    this.#refresh();
  }

  /** Undoes {@linkcode CreditGate.pause}; limits of the peer still hold. */
  resume(): void {
    this.#shutHere = false;
    this.#refresh();
  }

  #refresh(): void {
    this.#ceiling = this.paused ? 0 : this.mode === "auto" ? this.limit : Infinity;
    const c = this.#connection;
    const s = this.#session;
    this.#nextMs = Math.min(c.haltEndsMs, c.zeroEndsMs, s.haltEndsMs, s.zeroEndsMs);
  }
}
