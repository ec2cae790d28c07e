/**
 * The server's answers to SESSION_PATCH (behaviour spec §6.5): the built-in checks, then the application's policy.
 *
 * @module
 */
import { MessageType, SessionPatchRejectReason } from "../../wire/enums.ts";
import { SESSION_PATCH_RECORD } from "../../wire/metadata/session_patch.ts";
import { SESSION_PATCH_ACK_RECORD } from "../../wire/metadata/session_patch_ack.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import {
  decodeSessionPatchBody,
  encodeSessionPatchBody,
  type TensorProfileBlock,
} from "../../wire/session_patch_body.ts";
import type { PacketWriter } from "../engine/packet_writer.ts";
import { type EffectiveSettings, type PatchPolicy, PatchState } from "./patch.ts";

/** A patch as the application's policy sees it. */
export interface PatchRequest {
  /** Fields that passed the built-in checks or are still to be judged, SessionPatchField bits. */
  readonly mask: number;
  /** The patch. */
  readonly metadata: Parameters<PatchPolicy>[1];
  /** Its profile block, or null. */
  readonly profilePatch: TensorProfileBlock | null;
}

/** What a patch policy refuses. */
export interface PatchRefusal {
  /** Fields to refuse, SessionPatchField bits. Default: all of the mask. */
  readonly rejectedMask?: number;
  /** A SessionPatchRejectReason. */
  readonly rejectReason: number;
  /** With RATE_LIMITED: when to try again, ms. */
  readonly retryAfterMs?: number;
}

/** Options of a {@linkcode PatchExchange}. */
export interface PatchExchangeOptions {
  /** Judges patches after the built-in checks. */
  readonly patchPolicy?: (patch: PatchRequest) => PatchRefusal | undefined;
  /** Patches per second before RATE_LIMITED. Default 16. */
  readonly maxPatchesPerSecond?: number;
}

/** The patches of one session. */
export class PatchExchange {
  readonly #state: PatchState;
  readonly #policy: PatchExchangeOptions["patchPolicy"];
  #refusal: PatchRefusal | undefined;

  /**
   * The settings of a new session, not patched yet.
   *
   * @param initial What the handshake agreed.
   * @param options Policy and rate.
   */
  constructor(initial: EffectiveSettings, options: PatchExchangeOptions) {
    this.#policy = options.patchPolicy;
    this.#state = new PatchState(initial, {
      maxPatchesPerWindow: options.maxPatchesPerSecond,
      policy: (field) => this.#judge(field),
    });
  }

  /** Values in force. */
  get settings(): EffectiveSettings {
    return this.#state.effective;
  }

  /**
   * Takes a SESSION_PATCH and answers it.
   *
   * @param cursor The packet.
   * @param writer Where the answer goes.
   * @param nowMs When it came, ms of the host's clock.
   * @returns The values in force if they changed, else null.
   * @throws NnrpWireError (stage metadata) if its metadata or its profile block breaks a rule.
   */
  apply(cursor: PacketCursor, writer: PacketWriter, nowMs: number): EffectiveSettings | null {
    const metadata = SESSION_PATCH_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
    const body = cursor.bytes.subarray(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
    const profilePatch = decodeSessionPatchBody(metadata.profilePatchBytes, body);
    this.#refusal = this.#policy?.({ mask: metadata.patchMask, metadata, profilePatch });
    const before = this.#state.effective;
    const answer = this.#state.apply(metadata, profilePatch, nowMs);
    const limited = answer.ack.rejectReason === SessionPatchRejectReason.RATE_LIMITED &&
      this.#refusal?.retryAfterMs !== undefined;
    const ack = limited ? { ...answer.ack, retryAfterMs: this.#refusal!.retryAfterMs! } : answer.ack;
    const { traceId } = cursor;
    const block = encodeSessionPatchBody(answer.profilePatch);
    writer.record(MessageType.SESSION_PATCH_ACK, SESSION_PATCH_ACK_RECORD, ack, { traceId }, block);
    const { effective } = this.#state;
    return effective === before ? null : effective;
  }

  #judge(field: number): SessionPatchRejectReason {
    const refusal = this.#refusal;
    if (refusal === undefined || ((refusal.rejectedMask ?? 0xffffffff) & field) === 0) {
      return SessionPatchRejectReason.NONE;
    }
    return refusal.rejectReason as SessionPatchRejectReason;
  }
}
