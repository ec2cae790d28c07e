/**
 * What decides whether a session is read: its gate, with the gate's inputs and effects.
 *
 * @module
 */
import type { Carrier, FlowUpdateMetadata, Host, ServerEngine } from "@nnrp/core";
import type { TurnClock } from "./clock.ts";
import { CreditTeller, type CreditVoice } from "./credit_teller.ts";
import { type GatedSession, ReadGate } from "./read_gate.ts";
import type { ServerMemory } from "./server_memory.ts";
import type { ServerPaths } from "./server_paths.ts";
import type { SessionAnswers } from "./session_answers.ts";
import type { SessionLimits } from "./session_limits.ts";
import { SessionMemory } from "./session_memory.ts";

/** What the reading of a session needs from it. */
export interface ReadSession {
  /** Provides the timers. */
  readonly host: Host;
  /** The server's time. */
  readonly clock: TurnClock;
  /** The rules. */
  readonly engine: ServerEngine;
  /** Connections. */
  readonly paths: ServerPaths;
  /** The connection in use. */
  readonly carrier: Carrier;
  /** What it answers. */
  readonly answers: SessionAnswers;
  /** Whether something can be sent to the client. */
  readonly canSend: boolean;
  /** Resolves when what waits now was sent, or never can be. */
  sent(): Promise<void>;
  /** The client reads its answers again: its frames may be started. */
  served(): void;
  /** The engine may have something due sooner. */
  demandTimer(): void;
  /** Something failed. Never throws. */
  crash(cause: unknown): void;
}

/** See the module. */
export class SessionReading implements GatedSession, CreditVoice {
  /** See GatedSession. */
  readonly host: Host;
  /** What the session holds. */
  readonly memory: SessionMemory;
  /** Sends its client credit updates. */
  readonly credit: CreditTeller;
  /** Whether it is read. */
  readonly gate: ReadGate;

  readonly #session: ReadSession;

  /**
   * Makes a SessionReading; the gate is open.
   *
   * @param session What is read.
   * @param limits How much it may hold.
   * @param memory What all sessions hold.
   */
  constructor(session: ReadSession, limits: SessionLimits, memory: ServerMemory) {
    this.#session = session;
    this.host = session.host;
    this.memory = new SessionMemory(session, memory);
    this.credit = new CreditTeller(this, limits.maxConcurrentFrames);
    this.gate = new ReadGate(this, limits, memory);
  }

  /** See GatedSession. */
  get framesInFlight(): number {
    return this.#session.engine.framesInFlight;
  }

  /** See GatedSession. */
  get isSuspended(): boolean {
    return this.#session.engine.suspended;
  }

  /** See GatedSession. */
  get unansweredBytes(): number {
    return this.memory.unansweredBytes;
  }

  /** See GatedSession. */
  get unsentBytes(): number {
    return this.#session.carrier.bufferedBytes;
  }

  /** See CreditVoice. */
  get canSend(): boolean {
    return this.#session.canSend;
  }

  /** See GatedSession. */
  book(): void {
    this.memory.book();
  }

  /** See GatedSession. */
  sent(): Promise<void> {
    return this.#session.sent();
  }

  /** See GatedSession. */
  pauseReading(): void {
    this.#session.paths.pauseReading();
  }

  /** See GatedSession. */
  resumeReading(): void {
    const { engine, clock, paths } = this.#session;
    engine.keepAlive.received(clock.nowMs); // what the client sent meanwhile is still to be read
    paths.resumeReading();
  }

  /** See GatedSession. */
  announce(isRead: boolean): void {
    if (isRead) this.credit.giveBack();
    else this.credit.takeBack();
  }

  /** See GatedSession. */
  announcementLeft(): void {
    this.credit.connectionChanged();
  }

  /** See GatedSession. */
  judgeFrames(judge: boolean): void {
    this.#session.engine.asksBeforeFrames = judge;
  }

  /** See GatedSession. */
  taken(): void {
    this.#session.answers.sendHeld();
  }

  /** See GatedSession. */
  served(): void {
    this.#session.served();
  }

  /** See CreditVoice. */
  sendFlowUpdate(fields: FlowUpdateMetadata): void {
    const { engine, clock, host } = this.#session;
    if (!engine.sendFlowUpdate(fields)) return;
    host.yield(() => {
      engine.sayFlowUpdates(clock.read());
      this.#session.demandTimer();
    });
  }

  /** See GatedSession. */
  crash(cause: unknown): void {
    this.#session.crash(cause);
  }
}
