/**
 * Frames that a client cancels: the server receives FRAME_CANCEL, and where packets overtake each other, that
 * the cancel may cross the result is remembered. And frames that the server did not begin because it goes.
 *
 * @module
 */
import type { NnrpProtocolError } from "../../errors.ts";
import { ErrorCode, MessageType } from "../../wire/enums.ts";
import { encodePacket, makePacket } from "../../wire/packet.ts";
import { PacketCursor } from "../../wire/packet_cursor.ts";
import type { FrameWaiter } from "../engine/engine_host.ts";
import type { PacketWriter } from "../engine/packet_writer.ts";
import type { PendingFrames } from "./pending_frames.ts";

/** See the module. */
export class Withdrawals {
  readonly #frames: PendingFrames;
  readonly #writer: PacketWriter;

  /**
   * @param frames Frames in flight.
   * @param writer Writes the cancels.
   */
  constructor(frames: PendingFrames, writer: PacketWriter) {
    this.#frames = frames;
    this.#writer = writer;
  }

  /** Sends FRAME_CANCEL. */
  say(frameId: number, viewId: number): void {
    this.#writer.headerOnly(MessageType.FRAME_CANCEL, { frameId, viewId });
  }

  /** The same for a frame that is over here: its result may be on its way. */
  cross(frameId: number, viewId: number): void {
    if (this.#writer.output.multiStream) this.#frames.cross(frameId, viewId);
    this.say(frameId, viewId);
  }

  /** Cancels one; sends FRAME_CANCEL if the session is open. */
  cancel(frameId: number, viewId: number, isOpen: boolean, cause: unknown): void {
    if (isOpen) this.say(frameId, viewId);
    if (this.#writer.output.multiStream) this.#frames.cross(frameId, viewId);
    this.#frames.giveUp(frameId, viewId, "cancelled", cause);
  }

  /**
   * An ERROR about a frame came.
   *
   * @param isLeft Whether the server asked to come back before it.
   * @returns A frame that was on its way when the server asked, and was not begun therefore: it is taken out. Undefined if the frame,
   *   if it was due, has failed.
   */
  refused(error: NnrpProtocolError, isLeft: boolean): FrameWaiter | undefined {
    const { relatedFrameId: frameId, relatedViewId: viewId, errorCode } = error;
    if (isLeft && errorCode === ErrorCode.INVALID_STATE) {
      const unbegun = this.#frames.takeUnbegun(frameId, viewId);
      if (unbegun !== undefined) return unbegun;
    }
    this.#frames.fail(frameId, viewId, error, errorCode, this.#writer.output.multiStream);
    return undefined;
  }

  /**
   * Takes out those that are still due on a path that is gone.
   *
   * @param waiters Frames that were in flight on it.
   * @param says Whether there is a path on which FRAME_CANCEL can be sent.
   * @returns Those that were due.
   */
  lose(waiters: readonly FrameWaiter[], says: boolean): FrameWaiter[] {
    const lost: FrameWaiter[] = [];
    for (const waiter of waiters) {
      const { frameId, viewId } = waiter;
      if (this.#frames.get(frameId, viewId) !== waiter) continue;
      if (this.#writer.output.multiStream) this.#frames.cross(frameId, viewId);
      this.#frames.lose(waiter);
      if (says) this.say(frameId, viewId);
      lost.push(waiter);
    }
    return lost;
  }

  /** Ends those that are still due as dropped: the server never answered them on the path that it left. */
  drop(waiters: readonly FrameWaiter[]): void {
    const { sessionId } = this.#writer;
    for (const waiter of waiters) {
      const { frameId, viewId } = waiter;
      if (this.#frames.get(frameId, viewId) !== waiter) continue;
      const drop = makePacket({ msgType: MessageType.RESULT_DROP, sessionId, frameId, viewId });
      this.#frames.result(new PacketCursor(encodePacket(drop)));
    }
  }
}
