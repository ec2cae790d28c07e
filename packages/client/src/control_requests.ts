/**
 * Requests on the control path and their answers: pings, patches, cache puts; and what has no answer:
 * invalidations and flow updates (behaviour spec §10).
 *
 * @module
 */
import {
  type CachePutReply,
  type ClientEngine,
  type FlowUpdateFields,
  flowUpdateOf,
  type Host,
  type NnrpError,
  NnrpStateError,
  NnrpTimeoutError,
  type PatchReply,
  type ReplyWaiter,
} from "@nnrp/core";
import { waitFor, type WaitOptions } from "@nnrp/runtime";
import {
  type CacheInvalidation,
  type CachePutOutcome,
  type CachePutRequest,
  invalidationOf,
  putOf,
} from "./cache_calls.ts";
import { REPLY_TIMEOUT_MS } from "./defaults.ts";
import { KeptSettings } from "./kept_settings.ts";
import { type PatchFields, patchOf, type PatchOutcome } from "./patch_calls.ts";

/** The control requests of one session. Their promises and errors are those of the session's calls of the same names. */
export class ControlRequests {
  readonly #host: Host;
  readonly #engine: ClientEngine;
  readonly #demandTimer: () => void;
  readonly #kept = new KeptSettings();

  /**
   * @param host Provides clock and timers.
   * @param engine Sends the requests.
   * @param demandTimer Called when the engine may have something due sooner.
   */
  constructor(host: Host, engine: ClientEngine, demandTimer: () => void) {
    this.#host = host;
    this.#engine = engine;
    this.#demandTimer = demandTimer;
  }

  /** Measures the round trip, ms. */
  ping(options: WaitOptions): Promise<number> {
    return this.#request("the PONG", options, (waiter) => this.#engine.ping(waiter, this.#host.now()));
  }

  /** Changes parameters of the session. */
  async patch(fields: PatchFields, options: WaitOptions): Promise<PatchOutcome> {
    const { metadata, profilePatch } = patchOf(fields);
    const { ack } = await this.#request<PatchReply>(
      "the SESSION_PATCH_ACK",
      options,
      (waiter) => this.#engine.patch(metadata, profilePatch, waiter),
    );
    this.#kept.applied(metadata, profilePatch, ack.appliedPatchMask);
    return {
      status: ack.ackStatus,
      appliedMask: ack.appliedPatchMask,
      rejectedMask: ack.rejectedPatchMask,
      rejectReason: ack.rejectReason,
      retryAfterMs: ack.retryAfterMs,
      settings: this.#engine.settings!,
      metadata: ack,
    };
  }

  /**
   * A new session began in place of the one in which settings were changed: changes them again, before any frame.
   *
   * @param failed Called if the server does not take them any more.
   */
  repeat(failed: (error: NnrpError) => void): void {
    const patch = this.#kept.patch();
    if (patch === null) return;
    const resolve = ({ ack }: PatchReply) => {
      if (ack.rejectedPatchMask === 0) return;
      failed(
        new NnrpStateError(`the new session does not take all settings (mask ${ack.rejectedPatchMask})`),
      );
    };
    this.#engine.patch(patch.metadata, patch.profilePatch, { resolve, reject: failed });
  }

  /** Puts an object into the server's cache. */
  async putCache(request: CachePutRequest, options: WaitOptions): Promise<CachePutOutcome> {
    const fields = putOf(request);
    const { ack, usable } = await this.#request<CachePutReply>(
      "the CACHE_ACK",
      options,
      (waiter) => this.#engine.putCache(fields, request.data, waiter, this.#host.now()),
    );
    const { objectKind, cacheNamespace, cacheKeyHi, cacheKeyLo } = fields;
    return {
      status: ack.status,
      usable,
      acceptedTtlMs: ack.acceptedTtlMs,
      maxObjectBytes: ack.maxObjectBytes,
      detailCode: ack.detailCode,
      reference: { objectKind, refFlags: 0, cacheNamespace, cacheKeyHi, cacheKeyLo },
    };
  }

  /** Invalidates objects in the server's cache. */
  invalidateCache(what: CacheInvalidation): void {
    this.#engine.invalidateCache(invalidationOf(what));
  }

  /** Sends FLOW_UPDATE to the server: credit, pause or resume (backpressure on results). */
  sendFlowUpdate(fields: FlowUpdateFields): void {
    if (!this.#engine.sendFlowUpdate(flowUpdateOf(fields))) return;
    this.#host.yield(() => {
      this.#engine.sayFlowUpdates(this.#host.now());
      this.#demandTimer();
    });
  }

  #request<T>(what: string, options: WaitOptions, send: (waiter: ReplyWaiter<T>) => bigint): Promise<T> {
    const limits = { timeoutMs: REPLY_TIMEOUT_MS, ...options };
    return waitFor<T>(this.#host, limits, (ms) => new NnrpTimeoutError(what, ms), (resolve, reject) => {
      let traceId: bigint;
      try {
        traceId = send({ resolve, reject });
      } catch (error) {
        reject(error);
        return () => {};
      }
      return () => this.#engine.abandonReply(traceId);
    });
  }
}
