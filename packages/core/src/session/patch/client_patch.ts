/**
 * The client's side of SESSION_PATCH: the values in force as the server last reported them, and the patches
 * that wait for their ack, which comes in order and with the patch's trace id (behaviour spec §10,
 * SESSION_PATCH / ACK).
 *
 * @module
 */
import type { SessionPatchAckMetadata } from "../../wire/metadata/session_patch_ack.ts";
import type { TensorProfileBlock } from "../../wire/session_patch_body.ts";
import type { EffectiveSettings } from "./patch.ts";
import { PendingReplies, type PendingReply } from "../control/pending_replies.ts";

/** Patches of one session as the client sees them. `W` is the type of waiters for an ack. */
export class ClientPatchState<W = unknown> {
  #effective: EffectiveSettings;
  #pending = new PendingReplies<number, W>("pendingPatches");

  /**
   * A session after its handshake.
   *
   * @param initial Its values, {@linkcode settingsOfHelloAck}.
   */
  constructor(initial: EffectiveSettings) {
    this.#effective = initial;
  }

  /** The values in force as last reported. */
  get effective(): EffectiveSettings {
    return this.#effective;
  }

  /** Patches without an ack. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Throws NnrpLimitError if no further patch can wait: ask before writing one. */
  checkRoom(): void {
    this.#pending.checkRoom();
  }

  /**
   * A SESSION_PATCH is being sent.
   *
   * @param traceId Its own trace id, not 0.
   * @param mask Fields it changes, {@linkcode SessionPatchField}.
   * @param waiter Who waits for the ack, if anybody.
   * @throws NnrpLimitError if too many wait already; then do not send it.
   */
  patchSent(traceId: bigint, mask: number, waiter?: W): void {
    this.#pending.add(traceId, mask, waiter);
  }

  /**
   * A SESSION_PATCH_ACK came: takes the values over and finds the patch, by trace id or, if that is 0, the oldest one.
   *
   * @param ack Its metadata.
   * @param traceId Its trace id.
   * @param profilePatch Its body, decoded; null if the body is empty.
   * @returns The patch (`data` is its mask); undefined if none waits.
   */
  acknowledge(
    ack: SessionPatchAckMetadata,
    traceId: bigint,
    profilePatch: TensorProfileBlock | null,
  ): PendingReply<number, W> | undefined {
    this.#effective = {
      profileId: ack.effectiveProfileId,
      targetCadenceX100: ack.effectiveTargetCadenceX100,
      qualityTier: ack.effectiveQualityTier,
      degradePolicy: ack.effectiveDegradePolicy,
      laneMask: ack.effectiveLaneMask,
      codecBitmap: ack.effectiveCodecBitmap,
      compressionBitmap: ack.effectiveCompressionBitmap,
      // an ack carries the block only if the patch changed it
      profilePatch: profilePatch ?? this.#effective.profilePatch,
    };
    return traceId === 0n ? this.#pending.takeFirst() : this.#pending.take(traceId);
  }

  /** Handles an ERROR with this trace id, after which no ack comes. Returns the waiter, if there is one. */
  reject(traceId: bigint): W | undefined {
    return this.#pending.take(traceId)?.waiter;
  }

  /** The waiter of a patch gave up; a late ack still tells the values in force. */
  abandon(traceId: bigint): void {
    this.#pending.abandon(traceId);
  }

  /** The session ended: all who wait. */
  drain(): W[] {
    return this.#pending.drain();
  }
}
