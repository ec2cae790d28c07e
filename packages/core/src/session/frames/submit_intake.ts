/**
 * Which submits become frames: what a FRAME_SUBMIT must be, whatever the state of the session, to be taken in (behaviour spec §7).
 *
 * @module
 */
import type { CarrierLimits } from "../../carrier.ts";
import { NnrpWireError } from "../../errors.ts";
import { ErrorCode } from "../../wire/enums.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import type { CacheDirectory } from "../cache/cache.ts";
import { resolveReferences } from "../cache/reference_resolution.ts";
import { MAX_IN_FLIGHT_FRAMES, MAX_SECTIONS } from "../limits.ts";
import { ReceivedSubmit } from "./received_submit.ts";

/** Options of {@linkcode SubmitIntake}. */
export interface SubmitIntakeOptions {
  /** Most frames in flight. */
  readonly maxInFlightFrames?: number;
  /** Most sections of a frame. */
  readonly maxSections?: number;
}

/** Why a submit becomes no frame. */
export class SubmitRefusal {
  /** An ErrorCode. */
  readonly errorCode: number;
  /** What is wrong. */
  readonly diagnostic: string;
  /** Whether the packet itself breaks a rule. */
  readonly isBad: boolean;

  /**
   * @param errorCode An ErrorCode.
   * @param diagnostic What is wrong.
   * @param isBad Whether the packet itself breaks a rule.
   */
  constructor(errorCode: number, diagnostic: string, isBad: boolean) {
    this.errorCode = errorCode;
    this.diagnostic = diagnostic;
    this.isBad = isBad;
  }
}

/** Why a submit with so large a body is refused unread; null if it is not. */
export function refuseBody(bodyBytes: number, { maxBodyBytes }: CarrierLimits): SubmitRefusal | null {
  return bodyBytes <= maxBodyBytes ? null : new SubmitRefusal(
    ErrorCode.LIMIT_EXCEEDED,
    `a body of ${bodyBytes} bytes; this server takes at most ${maxBodyBytes}`,
    false,
  );
}

/** See the module. */
export class SubmitIntake {
  readonly #maxInFlight: number;
  readonly #maxSections: number;

  /** @param options Limits. */
  constructor(options: SubmitIntakeOptions) {
    this.#maxInFlight = options.maxInFlightFrames ?? MAX_IN_FLIGHT_FRAMES;
    this.#maxSections = options.maxSections ?? MAX_SECTIONS;
  }

  /**
   * Reads a submit and fills its references from the cache.
   *
   * @param cursor The packet.
   * @param ordinal Its number among the submits of the session.
   * @param nowMs When it came, ms of the host's clock.
   * @param inFlight Frames in flight without it.
   * @param cache The session's cache.
   */
  take(
    cursor: PacketCursor,
    ordinal: number,
    nowMs: number,
    inFlight: number,
    cache: CacheDirectory,
  ): ReceivedSubmit | SubmitRefusal {
    let frame: ReceivedSubmit;
    try {
      frame = new ReceivedSubmit(cursor, ordinal, nowMs);
    } catch (error) {
      if (!(error instanceof NnrpWireError)) throw error;
      return new SubmitRefusal(ErrorCode.MALFORMED_BODY, error.message, true);
    }
    const maxSections = this.#maxSections;
    if (frame.sectionCount > maxSections) {
      return overLimit(`${frame.sectionCount} sections, this server takes at most ${maxSections}`);
    }
    if (inFlight >= this.#maxInFlight) {
      return overLimit(`${inFlight} frames are in flight, the most this server takes`);
    }
    if (frame.hasReferences) {
      const outcome = resolveReferences(frame.body!, frame.metadata, cache, nowMs);
      if (outcome.kind !== "resolved") {
        const isMiss = outcome.kind === "miss";
        const errorCode = isMiss ? ErrorCode.CACHE_MISS : ErrorCode.MALFORMED_BODY;
        return new SubmitRefusal(errorCode, outcome.diagnostic, !isMiss);
      }
      frame.resolve(outcome.body, outcome.use);
    }
    const { length } = frame.sections;
    if (length > maxSections) {
      frame.releaseCache();
      return overLimit(`the referenced table has ${length} sections, this server takes ${maxSections}`);
    }
    return frame;
  }
}

function overLimit(diagnostic: string): SubmitRefusal {
  return new SubmitRefusal(ErrorCode.LIMIT_EXCEEDED, diagnostic, false);
}
