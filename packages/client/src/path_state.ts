/**
 * Where a session is in the life of its connections (behaviour spec §11), and what belongs to each stage.
 *
 *     opening → steady ⇄ joining → leaving → steady
 *     steady, joining, leaving → searching ⇄ reopening → steady
 *     any → over
 *
 * @module
 */
import type { ClientEngine, FrameWaiter, SessionPath } from "@nnrp/core";
import type { GraceWatch } from "@nnrp/runtime";

/** A path that asks to carry the session. */
export interface Joining {
  readonly path: SessionPath;
  /** Rejects the call that asked for the move. */
  readonly reject: (error: unknown) => void;
}

/** A path that the session leaves: what it still owes is read from it. */
export interface Leaving {
  readonly path: SessionPath;
  /** Frames that were in flight on it. */
  readonly waiters: readonly FrameWaiter[];
  /** Frames at the beginning of `waiters` that are known to have ended. */
  ended: number;
  /** Whether the server has no tokens: then their results come on the old path. */
  readonly answersHere: boolean;
  /** Ends the path when its time is over. */
  readonly grace: GraceWatch;
}

/** The search for a new connection after a loss. */
export interface Search {
  /** Ends it. */
  readonly abort: AbortController;
  /** Frames that were in flight when the connection was lost: FRAME_CANCEL is sent for them. */
  readonly lost: readonly { readonly frameId: number; readonly viewId: number }[];
}

/** A stage, with the path that carries the session in it, or did last. */
export type PathState =
  /** The first hello is under way. */
  | { readonly kind: "opening"; readonly path: SessionPath }
  /** One path, nothing going on. */
  | { readonly kind: "steady"; readonly path: SessionPath }
  /** Another path was asked for; the present one carries on. */
  | { readonly kind: "joining"; readonly path: SessionPath; readonly joining: Joining }
  /** On the new path, with something still due on the old one. */
  | { readonly kind: "leaving"; readonly path: SessionPath; readonly leaving: Leaving }
  /** Without a path: waiting, dialling, or (`joining`) asking for the old session on a new connection. */
  | {
    readonly kind: "searching";
    readonly path: SessionPath;
    readonly search: Search;
    readonly joining: Joining | null;
  }
  /** On a new connection, opening a new session: what the engine reports is about that try only. */
  | { readonly kind: "reopening"; readonly path: SessionPath; readonly search: Search }
  /** There will be no other path. */
  | { readonly kind: "over"; readonly path: SessionPath };

/** Whether the answer to a frame is still to come. */
export function isDue(waiter: FrameWaiter, engine: ClientEngine): boolean {
  return engine.waiterOf(waiter.frameId, waiter.viewId) === waiter;
}

/**
 * Whether no frame of the path that is left is due any more. Asked after each batch: those that have ended
 * are not checked twice.
 */
export function isAnswered(leaving: Leaving, engine: ClientEngine): boolean {
  const { waiters } = leaving;
  while (leaving.ended < waiters.length && !isDue(waiters[leaving.ended], engine)) leaving.ended++;
  return leaving.ended === waiters.length;
}
