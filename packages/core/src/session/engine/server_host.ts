/**
 * What a {@linkcode ServerEngine} calls, and what it is given.
 *
 * @module
 */
import type { NnrpValueError } from "../../errors.ts";
import type { CacheDirectory, CacheLimits } from "../cache/cache.ts";
import type { ErrorFields } from "../control/error_exchange.ts";
import type { ReceivedSubmit } from "../frames/received_submit.ts";
import type { EffectiveSettings } from "../patch/patch.ts";
import type { PatchExchange, PatchExchangeOptions } from "../patch/patch_exchange.ts";
import type { EngineHost, FlowUpdateEvent, SessionEnd } from "./engine_host.ts";

/** A frame of which only the head is there. */
export interface IncomingSubmit {
  /** Frame id, u32. */
  readonly frameId: number;
  /** View id, u16. */
  readonly viewId: number;
  /** Length of the body to come, bytes. */
  readonly bodyBytes: number;
}

/** What a server engine calls. */
export interface ServerHost extends EngineHost {
  /** A frame came. It stays in flight until it is answered. */
  submit(frame: ReceivedSubmit): void;
  /**
   * A frame begins whose body is large and still to come. To refuse it answers it with this ERROR, and its body is stored nowhere;
   * null takes it. Default: all are taken.
   */
  refuses?(submit: IncomingSubmit): Omit<ErrorFields, "errorScope"> | null;
  /** A frame was cancelled by the client, or lost its path; it is settled. */
  cancelled(frame: ReceivedSubmit): void;
  /**
   * A result or part that was handed over could not be sent, for bytes of it have vanished; its frame has failed.
   *
   * @param error Names the field, and how many bytes it had.
   */
  unsent?(frameId: number, viewId: number, error: NnrpValueError): void;
  /** A FLOW_UPDATE of the client. */
  flow(event: FlowUpdateEvent): void;
  /** Values of SESSION_PATCH changed. */
  patched(settings: EffectiveSettings): void;
  /**
   * The path of a {@linkcode SessionEngine.resumable} session was lost: it waits for its client
   * ({@linkcode SessionEngine.moveTo}) or for {@linkcode SessionEngine.giveUp}. Its frames were cancelled before.
   */
  suspended?(end: SessionEnd): void;
}

/** Options of a {@linkcode ServerEngine}. */
export interface ServerEngineOptions extends PatchExchangeOptions {
  /** Most frames in flight; one more gets LIMIT_EXCEEDED. Default 256. */
  readonly maxInFlightFrames?: number;
  /** Most sections of a frame. Default 16. */
  readonly maxSections?: number;
  /** Bounds of the cache; entries or bytes 0 = off. */
  readonly cache?: CacheLimits;
  /** Whether CACHE_INVALIDATE is answered by CACHE_ACK, which rc2 does not do. Default false. */
  readonly acknowledgeInvalidate?: boolean;
  /** Whether probes are answered. Default true. */
  readonly answerProbes?: boolean;
}

/** What a session without tokens takes along to the engine on its new connection (behaviour spec §11). */
export interface SessionEstate {
  /** Its id. */
  readonly sessionId: number;
  /** Its cache. */
  readonly cache: CacheDirectory;
  /** Its settings. */
  readonly patches: PatchExchange;
  /** Greatest id of a frame so far. */
  readonly highestFrameId: number;
  /** Largest body, bytes. */
  readonly maxBodyBytes: number;
  /** Whether a CLOSE may ask the client to come back. */
  readonly comeBack: boolean;
}
