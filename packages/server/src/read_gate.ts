/**
 * When a session stops reading, and when it reads on: while too many bytes wait for an answer, or too many answers for the client
 * to take them (docs/architecture.md, "Limits").
 *
 * A pause loses nothing and is short, for a client of which nothing is read can neither cancel nor close.
 * After it control is read again, and frames for which there is still no room are refused. A client that does
 * not take its answers gets no new ones, and once these few bytes more have piled up, too, it is not read at
 * all: the stall rule ends it.
 *
 * @module
 */
import type { CancelTimer, Host } from "@nnrp/core";
import { ANNOUNCE_PAUSE_MS, MAX_REFUSAL_BYTES } from "./defaults.ts";
import type { ServerMemory, WaitingReader } from "./server_memory.ts";

/** Inputs and effects of a gate. */
export interface GatedSession {
  /** Provides the timers. */
  readonly host: Host;
  /** Frames in flight. */
  readonly framesInFlight: number;
  /** Whether it waits for its client: there is nothing to read. */
  readonly isSuspended: boolean;
  /** Bytes of frames received and not settled, and of what they refer to. */
  readonly unansweredBytes: number;
  /** Bytes that wait to be sent. */
  readonly unsentBytes: number;
  /** Updates the session's memory account. */
  book(): void;
  /** Resolves when what waits now was sent, or never can be. */
  sent(): Promise<void>;
  /** Stops reading after the present batch. */
  pauseReading(): void;
  /** Resumes reading. */
  resumeReading(): void;
  /** Announces to the client that reading is paused, or resumed. */
  announce(isRead: boolean): void;
  /** The last announcement was sent on a connection that was left: the client may not have received it. */
  announcementLeft(): void;
  /** Whether each frame is to be judged by {@linkcode ReadGate.refuses} before it is taken. */
  judgeFrames(judge: boolean): void;
  /** What waited to be sent has left: answers that wait for that may go. */
  taken(): void;
  /** The client reads its answers again: its frames may be started. */
  served(): void;
  /** Something failed. Never throws. */
  crash(cause: unknown): void;
}

/** How much a session may hold. */
export interface GateLimits {
  /** Bytes received and not answered. */
  readonly maxSessionBytes: number;
  /** Bytes that wait to be sent. */
  readonly maxSendBufferBytes: number;
  /** Longest time in which nothing is read, ms. */
  readonly maxPauseMs: number;
}

/** `open`: everything is taken. `paused`: nothing is read. `refusing`: read, and frames without room are refused. */
type Mode = "open" | "paused" | "refusing";

/** One for each session. */
export class ReadGate implements WaitingReader {
  /** Whether nothing is read. */
  isClosed = false;

  #isHeldBack = false; // by the mode
  #cancelRest: CancelTimer | null = null; // not null = it rests
  readonly #session: GatedSession;
  readonly #limits: GateLimits;
  readonly #memory: ServerMemory;
  #mode: Mode = "open";
  #isOver = false;
  #refusalBytes = 0; // unsent bytes beyond which nothing is read, once it refuses
  #cancelTimer: CancelTimer | null = null;
  #sending: Promise<void> | null = null; // the gate is evaluated once what waited to be sent has left

  /**
   * Makes a ReadGate, open.
   *
   * @param session Inputs and effects.
   * @param limits How much it may hold.
   * @param memory What all sessions hold.
   */
  constructor(session: GatedSession, limits: GateLimits, memory: ServerMemory) {
    this.#session = session;
    this.#limits = limits;
    this.#memory = memory;
  }

  /** Whether frames may be held back: then the gate is evaluated whenever a frame ends. */
  get isWatching(): boolean {
    return this.#mode !== "open" || this.#memory.isAwaited;
  }

  /** Whether the client has so much to take that it gets nothing new. */
  get isUnserved(): boolean {
    return this.#session.unsentBytes > this.#limits.maxSendBufferBytes;
  }

  /**
   * Whether reading is paused for this side's sake: the client may be blocked, and its silence proves
   * nothing.
   */
  get excusesClient(): boolean {
    return this.isClosed && !this.isUnserved;
  }

  /**
   * Evaluates the gate: after packets came, after answers went, and from time to time while it is not open.
   */
  look(): void {
    if (this.#isOver) return;
    const session = this.#session;
    session.book();
    if (!session.isSuspended) this.#judge();
    this.#memory.letIn();
  }

  #judge(): void {
    const session = this.#session;
    const isUnserved = this.isUnserved;
    if (isUnserved && this.#sending === null) this.#lookOnceSent();
    const isServerFull = this.#memory.isFull();
    const mayRead = !isUnserved && !isServerFull && !this.#isOwnFull;
    if (this.#mode === "open") {
      if (mayRead) {
        session.announce(true); // after a move the client may still go by what was announced on the old path
        return;
      }
      this.#pause();
    }
    if (isServerFull) this.#memory.wait(this, session.framesInFlight === 0);
    // Who waits for the server's memory is let in from there: before, it would overtake others.
    else if (mayRead && !this.#memory.isAwaited) this.#open();
    else if (mayRead) this.#memory.wait(this, session.framesInFlight === 0);
    if (this.#mode === "refusing") this.#setClosed(session.unsentBytes > this.#refusalBytes);
  }

  get #isOwnFull(): boolean {
    return this.#session.unansweredBytes > this.#limits.maxSessionBytes;
  }

  /**
   * Why a frame is not taken; null if it is. Only frames of a session whose pause is over are refused.
   *
   * @param bodyBytes Length of its body.
   */
  refuses(bodyBytes: number): string | null {
    if (this.#mode !== "refusing") return null;
    const { unansweredBytes, framesInFlight } = this.#session;
    const { maxSessionBytes } = this.#limits;
    // A session with nothing in flight may always have one frame of its own share.
    if (framesInFlight > 0 && unansweredBytes + bodyBytes > maxSessionBytes) {
      return `${unansweredBytes} bytes of this session wait for answers already`;
    }
    this.#session.book();
    return this.#memory.isFull() ? "this server has no memory left for now" : null;
  }

  /** See WaitingReader. */
  letIn(): void {
    if (this.#isOver || this.#session.isSuspended) return;
    if (!this.isUnserved && !this.#isOwnFull) this.#open();
  }

  /** The session is on another connection, which is read. */
  connectionChanged(): void {
    this.#stopWaiting();
    this.#mode = "open";
    this.#cancelRest?.();
    this.#cancelRest = null;
    this.isClosed = this.#isHeldBack = false;
    this.#sending = null;
    this.#session.announcementLeft();
    this.#session.judgeFrames(false);
  }

  /** The session has no connection any more: what it keeps is booked as such. */
  suspend(): void {
    this.connectionChanged();
    this.look();
  }

  /** The session is over, and its memory released. */
  end(): void {
    this.#isOver = true;
    this.#cancelRest?.();
    this.#stopWaiting();
    this.#memory.letIn();
  }

  #pause(): void {
    this.#mode = "paused";
    this.#setClosed(true);
    const { maxPauseMs } = this.#limits;
    const { host } = this.#session;
    const announceMs = Math.min(ANNOUNCE_PAUSE_MS, maxPauseMs);
    this.#cancelTimer = host.after(announceMs, () => {
      this.#session.announce(false);
      this.#cancelTimer = host.after(maxPauseMs - announceMs, () => this.#pauseOver());
    });
  }

  #pauseOver(): void {
    this.#cancelTimer = null;
    this.#mode = "refusing";
    this.#refusalBytes = this.#session.unsentBytes + MAX_REFUSAL_BYTES;
    this.#session.judgeFrames(true);
    this.#setClosed(false);
    this.look();
  }

  #open(): void {
    const wasPaused = this.#mode !== "open";
    this.#stopWaiting();
    this.#mode = "open";
    this.#session.judgeFrames(false);
    this.#setClosed(false);
    if (wasPaused) this.#session.announce(true);
  }

  /**
   * The client exceeded its rate of control packets: reading pauses, whatever the memory.
   *
   * @param ms How long.
   */
  rest(ms: number): void {
    if (this.#isOver || this.#cancelRest !== null || this.#session.isSuspended) return;
    this.#cancelRest = this.#session.host.after(ms, () => {
      this.#cancelRest = null;
      this.#setClosed(this.#isHeldBack);
    });
    this.#setClosed(this.#isHeldBack);
  }

  #setClosed(isHeldBack: boolean): void {
    this.#isHeldBack = isHeldBack;
    const isClosed = isHeldBack || this.#cancelRest !== null;
    if (isClosed === this.isClosed) return;
    this.isClosed = isClosed;
    if (isClosed) this.#session.pauseReading();
    else this.#session.resumeReading();
  }

  #stopWaiting(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#memory.leave(this);
  }

  #lookOnceSent(): void {
    const sending = this.#sending = this.#session.sent();
    sending.then(() => {
      if (this.#sending !== sending) return; // of a connection that was left
      this.#sending = null;
      this.#session.taken();
      this.look();
      if (!this.isUnserved) this.#session.served();
    }).catch((cause) => this.#session.crash(cause));
  }
}
