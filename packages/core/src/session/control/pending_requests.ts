/**
 * The client's requests that wait for an answer: patches, cache puts, and pings (behaviour spec §6.5, §10). Each is answered by a
 * packet or an ERROR with its trace id.
 *
 * @module
 */
import type { NnrpError } from "../../errors.ts";
import { MessageType } from "../../wire/enums.ts";
import { CACHE_ACK_RECORD, type CacheAckMetadata } from "../../wire/metadata/cache_ack.ts";
import {
  CACHE_INVALIDATE_RECORD,
  type CacheInvalidateMetadata,
} from "../../wire/metadata/cache_invalidate.ts";
import { CACHE_PUT_RECORD, type CachePutMetadata } from "../../wire/metadata/cache_put.ts";
import { SESSION_PATCH_RECORD, type SessionPatchMetadata } from "../../wire/metadata/session_patch.ts";
import {
  SESSION_PATCH_ACK_RECORD,
  type SessionPatchAckMetadata,
} from "../../wire/metadata/session_patch_ack.ts";
import { asBytes } from "../../wire/byte_arguments.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import {
  decodeSessionPatchAckBody,
  encodeSessionPatchBody,
  type TensorProfileBlock,
} from "../../wire/session_patch_body.ts";
import { CacheMirror } from "../cache/cache_mirror.ts";
import { UnheardInvalidations } from "../cache/unheard_invalidations.ts";
import type { ReplyWaiter } from "../engine/engine_host.ts";
import type { SessionLink } from "../engine/session_link.ts";
import { ClientPatchState } from "../patch/client_patch.ts";
import type { EffectiveSettings } from "../patch/patch.ts";

/** An answered put. */
export interface CachePutReply {
  /** The CACHE_ACK. */
  readonly ack: CacheAckMetadata;
  /** Whether frames may refer to the object now. */
  readonly usable: boolean;
}

/** An answered patch. */
export interface PatchReply {
  /** The SESSION_PATCH_ACK. */
  readonly ack: SessionPatchAckMetadata;
  /** Its profile block, or null. */
  readonly profilePatch: TensorProfileBlock | null;
}

/** See the module. */
export class PendingRequests {
  /** Objects the server keeps for this session. */
  cache: CacheMirror<ReplyWaiter<CachePutReply>> = new CacheMirror();
  readonly #link: SessionLink;
  readonly #unheard = new UnheardInvalidations();
  #patch: ClientPatchState<ReplyWaiter<PatchReply>> | null = null;

  /**
   * No requests are pending yet.
   *
   * @param link Where requests go.
   */
  constructor(link: SessionLink) {
    this.#link = link;
  }

  /** Values of SESSION_PATCH in force as last reported; null before the handshake. */
  get settings(): EffectiveSettings | null {
    return this.#patch?.effective ?? null;
  }

  /** The session is open. */
  opened(settings: EffectiveSettings): void {
    this.#patch = new ClientPatchState(settings);
  }

  /** A session begins whose server keeps nothing yet. */
  forget(): void {
    this.cache = new CacheMirror();
    this.#unheard.clear();
  }

  /** Sends SESSION_PATCH; its trace id. */
  patch(
    fields: SessionPatchMetadata,
    profilePatch: TensorProfileBlock | null,
    waiter: ReplyWaiter<PatchReply>,
  ): bigint {
    const patch = this.#patch!;
    patch.checkRoom();
    const traceId = this.#link.nextTraceId();
    const body = encodeSessionPatchBody(profilePatch);
    this.#link.writer.record(MessageType.SESSION_PATCH, SESSION_PATCH_RECORD, fields, { traceId }, body);
    patch.patchSent(traceId, fields.patchMask, waiter);
    return traceId;
  }

  /** Sends CACHE_PUT; its trace id. */
  put(
    fields: CachePutMetadata,
    data: Uint8Array,
    waiter: ReplyWaiter<CachePutReply>,
    nowMs: number,
  ): bigint {
    this.cache.checkRoom();
    const traceId = this.#link.nextTraceId();
    // Copied, large as it may be: its caller may do with it what it likes from now on, and it is rare.
    const object = new Uint8Array(asBytes(data, "data"));
    this.#link.writer.record(MessageType.CACHE_PUT, CACHE_PUT_RECORD, fields, { traceId }, object);
    this.cache.putSent(fields, traceId, nowMs, waiter);
    return traceId;
  }

  /**
   * Sends CACHE_INVALIDATE, which has no answer.
   *
   * @param fields Its metadata.
   * @param outlivesPath Whether the session survives the loss of its path: then what may be lost with it is
   *   sent again.
   */
  invalidate(fields: CacheInvalidateMetadata, outlivesPath: boolean): void {
    const traceId = this.#link.nextTraceId();
    this.#link.writer.record(MessageType.CACHE_INVALIDATE, CACHE_INVALIDATE_RECORD, fields, { traceId });
    this.cache.invalidated(fields);
    if (outlivesPath) this.#unheard.said(fields, traceId);
  }

  /** The server answered a request of ours with this trace id, on the path that it was sent on. */
  heard(traceId: bigint): void {
    this.#unheard.heard(traceId);
  }

  /** Another path is in use from now on. */
  pathBegins(): void {
    this.#unheard.pathBegins(this.#link.lastTraceId + 1n);
  }

  /** The path before was read to its end. */
  pathEnded(): void {
    this.#unheard.pathEnded();
  }

  /** The path before was lost: sends again on the present one what may be lost with it. */
  pathLost(): void {
    for (const fields of this.#unheard.pathLost()) this.invalidate(fields, true);
  }

  /** Handles a SESSION_PATCH_ACK. */
  patchAck(cursor: PacketCursor): void {
    const ack = SESSION_PATCH_ACK_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
    const body = cursor.bytes.subarray(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
    const profilePatch = decodeSessionPatchAckBody(ack.profilePatchAckBytes, body);
    const pending = this.#patch!.acknowledge(ack, cursor.traceId, profilePatch);
    if (pending !== undefined) this.heard(cursor.traceId);
    pending?.waiter?.resolve({ ack, profilePatch });
  }

  /** Handles a CACHE_ACK. */
  cacheAck(cursor: PacketCursor): void {
    const ack = CACHE_ACK_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
    const put = this.cache.acknowledge(ack, cursor.traceId);
    if (put !== undefined) this.heard(cursor.traceId);
    put?.waiter?.resolve({ ack, usable: put.usable });
  }

  /** Handles an ERROR with this trace id. */
  reject(traceId: bigint, error: NnrpError): void {
    const waiter = this.cache.reject(traceId) ?? this.#patch?.reject(traceId) ??
      this.#link.keepAlive.reject(traceId);
    waiter?.reject(error);
  }

  /** Nobody waits for the answer any more. */
  abandon(traceId: bigint): void {
    this.#link.keepAlive.abandon(traceId);
    this.cache.abandon(traceId);
    this.#patch?.abandon(traceId);
  }

  /** No answer comes any more: fails all patches and puts. */
  fail(error: NnrpError): void {
    for (const waiter of this.cache.drain()) waiter.reject(error);
    for (const waiter of this.#patch?.drain() ?? []) waiter.reject(error);
  }
}
