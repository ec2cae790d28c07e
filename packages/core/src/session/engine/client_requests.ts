/**
 * What a client asks of the server beside frames: patches, and objects for the cache. Who waits for which answer is in PendingRequests;
 * here it is decided whether the session allows the request.
 *
 * @module
 */
import type { CacheInvalidateMetadata } from "../../wire/metadata/cache_invalidate.ts";
import type { CachePutMetadata } from "../../wire/metadata/cache_put.ts";
import type { SessionPatchMetadata } from "../../wire/metadata/session_patch.ts";
import type { TensorProfileBlock } from "../../wire/session_patch_body.ts";
import type { CacheMirror } from "../cache/cache_mirror.ts";
import { type CachePutReply, type PatchReply, PendingRequests } from "../control/pending_requests.ts";
import type { EffectiveSettings } from "../patch/patch.ts";
import type { EngineHost, ReplyWaiter } from "./engine_host.ts";
import type { PacketOutput } from "./packet_writer.ts";
import { SessionEngine } from "./session_engine.ts";
import type { SessionLink } from "./session_link.ts";
import { stateError } from "./state_error.ts";
import { SessionState } from "./states.ts";

/** Base of ClientEngine. */
export abstract class ClientRequests extends SessionEngine {
  /** Requests under way. */
  protected readonly requests: PendingRequests;

  /**
   * No requests are pending yet.
   *
   * @param link The connection.
   * @param host What to call.
   */
  constructor(link: SessionLink, host: EngineHost) {
    super("client", link, host);
    this.requests = new PendingRequests(link);
  }

  /** Objects the server keeps for this session. */
  get cache(): CacheMirror<ReplyWaiter<CachePutReply>> {
    return this.requests.cache;
  }

  /** Values of SESSION_PATCH in force as last reported; null before the handshake. */
  get settings(): EffectiveSettings | null {
    return this.requests.settings;
  }

  /**
   * Sends SESSION_PATCH.
   *
   * @returns Its trace id.
   * @throws NnrpStateError if the session is not active, NnrpValueError for bad fields, NnrpLimitError if too many wait.
   */
  patch(
    fields: SessionPatchMetadata,
    profilePatch: TensorProfileBlock | null,
    waiter: ReplyWaiter<PatchReply>,
  ): bigint {
    this.#demandActive("patch");
    return this.requests.patch(fields, profilePatch, waiter);
  }

  /**
   * Sends CACHE_PUT.
   *
   * @param fields Its metadata.
   * @param data The object; copied.
   * @param waiter Who waits for the answer.
   * @param nowMs Time, ms of the host's clock: the life of the object counts from here.
   * @returns Its trace id.
   * @throws NnrpStateError if the session is not active, NnrpValueError for bad fields, NnrpLimitError if too many wait.
   */
  putCache(
    fields: CachePutMetadata,
    data: Uint8Array,
    waiter: ReplyWaiter<CachePutReply>,
    nowMs: number,
  ): bigint {
    this.#demandActive("put into the cache");
    return this.requests.put(fields, data, waiter, nowMs);
  }

  /** Sends CACHE_INVALIDATE. */
  invalidateCache(fields: CacheInvalidateMetadata): void {
    this.#demandActive("invalidate the cache");
    this.requests.invalidate(fields, this.outlivesPath);
  }

  /** See {@linkcode SessionEngine.abandonReply}; of patches and puts, too. */
  override abandonReply(traceId: bigint): void {
    this.requests.abandon(traceId);
  }

  /** See {@linkcode SessionEngine.moveTo}; what was said on a path that is lost, and has no answer, is said again. */
  override moveTo(output: PacketOutput, nowMs: number): void {
    const wasLost = this.suspended;
    super.moveTo(output, nowMs);
    this.requests.pathBegins();
    if (wasLost) this.requests.pathLost();
  }

  /** The path that the session left was read to its end by the server. */
  oldPathEnded(): void {
    this.requests.pathEnded();
  }

  /** See {@linkcode SessionEngine.pingAnswered}. */
  protected override pingAnswered(traceId: bigint): void {
    this.requests.heard(traceId);
  }

  #demandActive(what: string): void {
    if (this.suspended || this.state !== SessionState.ACTIVE) throw stateError(what, this);
  }
}
