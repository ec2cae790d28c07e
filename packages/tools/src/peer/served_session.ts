/**
 * One session of the scripted server: echoes its frames as the flags say and counts what happened.
 *
 * @module
 */
import {
  enumName,
  ErrorCode,
  ResultHintBudgetPolicy,
  ResultHintCongestionState,
  ResultHintReason,
  type SessionEnd,
  SubmitMode,
} from "@nnrp/core";
import type { LoggedHello, ReceivedSubmit, ServerSession } from "@nnrp/server";
import { echoResult, hits } from "./answer.ts";
import { AnswerOrder } from "./answer_order.ts";
import type { Emit, JsonLine } from "./json_lines.ts";
import { PauseScript } from "./pause_script.ts";
import type { ServeFlags } from "./serve_flags.ts";

/** How a session ended, in the words of the reference peer. */
export type EndedBy = "disconnect" | "client-close" | "client-error" | "server-close" | "server-stop";

/** Retry time in the hints of `--hint-every`, ms. */
const HINT_RETRY_MS = 16;
/** How long the connection stays open after the CLOSE of `--close-after`: rc2 loses what the end follows at once, ms. */
const CLOSE_DRAIN_MS = 300;

/** A session being served. */
export class ServedSession {
  readonly #session: ServerSession;
  readonly #flags: ServeFlags;
  readonly #emit: Emit;
  readonly #order: AnswerOrder;
  readonly #pause: PauseScript;
  readonly #startedMs = performance.now();
  readonly #keys = new Set<string>();
  readonly #counts = { silent: 0, submits_while_paused: 0, duplicate_frame_keys: 0 };
  #lastResult = 0;
  #finished = false;

  /**
   * Begins with {@linkcode ServedSession.run}.
   *
   * @param session The session, handshake done.
   * @param flags Flags of the server.
   * @param emit Where events are printed.
   */
  constructor(session: ServerSession, flags: ServeFlags, emit: Emit) {
    this.#session = session;
    this.#flags = flags;
    this.#emit = emit;
    this.#order = new AnswerOrder(flags);
    this.#pause = new PauseScript(session, flags);
  }

  /** Serves until the session has ended and prints its end. */
  async run(): Promise<void> {
    const { sessionId, carrierName, hello } = this.#session;
    const extensions = hello.controlExtensions.map(({ extType }) =>
      `0x${extType.toString(16).padStart(4, "0")}`
    );
    this.#emit({
      event: "session-start",
      session_id: sessionId,
      extensions,
      transport: carrierName,
      ...helloLine({ metadata: hello.metadata, headerFlags: hello.packet.header.flags }),
    });
    for await (const frame of this.#session.submits()) this.#arrived(frame);
    this.finish(endedBy(await this.#session.closed));
  }

  /**
   * Prints the end of the session, once.
   *
   * @param by Who ended it.
   */
  finish(by: EndedBy): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#order.stop();
    this.#pause.stop();
    const { stats } = this.#session;
    this.#emit({
      event: "session-end",
      session_id: this.#session.sessionId,
      transport: this.#session.carrierName,
      ended_by: by,
      seconds: Math.round(performance.now() - this.#startedMs) / 1000,
      submits: stats.submits - stats.badSubmits,
      results: stats.results,
      drops: stats.drops,
      hints: stats.hints,
      flow_sent: stats.flowUpdates,
      flow_received: stats.flowUpdatesReceived,
      patches: stats.patches,
      cache_puts: stats.cachePuts,
      cache_invalidates: stats.cacheInvalidates,
      cache_misses: stats.cacheMisses,
      pings: stats.pings,
      cancels: stats.cancels,
      early_cancels: stats.earlyCancels,
      migrations: 0,
      errors_sent: stats.errorsSent,
      bad_submits: stats.badSubmits,
      bad_controls: stats.badControls,
      max_in_flight: stats.maxInFlight,
      ...this.#counts,
    });
  }

  #arrived(frame: ReceivedSubmit): void {
    const { frameId, viewId, ordinal: n } = frame;
    const flags = this.#flags;
    const counts = this.#counts;
    const key = `${frameId}/${viewId}`;
    if (this.#keys.has(key)) counts.duplicate_frame_keys += 1;
    this.#keys.add(key);
    if (this.#pause.paused) counts.submits_while_paused += 1;
    this.#verbose("submit", {
      frame_id: frameId,
      view_id: viewId,
      mode: enumName(SubmitMode, frame.metadata.submitMode),
    });
    this.#pause.arrived(n);
    if (hits(flags.hintEvery, n)) this.#hint(frame);
    if (hits(flags.silentEvery, n)) {
      counts.silent += 1;
      this.#session.discardFrame(frame);
    } else {
      this.#order.due(n, () => this.#answer(n, frame));
    }
  }

  /** Answers, unless a FRAME_CANCEL was answered by the session itself meanwhile. */
  #answer(n: number, frame: ReceivedSubmit): void {
    const flags = this.#flags;
    if (hits(flags.errorEvery, n)) {
      this.#session.failFrame(frame, { errorCode: ErrorCode.FRAME_EXPIRED, diagnostic: "scripted" });
    } else if (hits(flags.dropEvery, n)) {
      this.#session.sendResultDrop(frame);
    } else {
      void this.#result(n, frame);
    }
    if (flags.closeAfter > 0 && n >= flags.closeAfter) {
      void this.#session.close({ reason: "server-close", drainMs: CLOSE_DRAIN_MS });
    }
  }

  async #result(n: number, frame: ReceivedSubmit): Promise<void> {
    const fields = echoResult(this.#flags, n, frame, this.#lastResult);
    this.#lastResult = frame.frameId;
    try {
      await this.#session.sendResult(frame, fields);
    } catch (error) {
      this.#emit({ event: "peer-bug", error: String(error) });
    }
  }

  #hint(frame: ReceivedSubmit): void {
    this.#session.sendResultHint({
      frameId: frame.frameId,
      traceId: frame.traceId,
      appliedBudgetPolicy: ResultHintBudgetPolicy.PARTIAL,
      congestionState: ResultHintCongestionState.SATURATED,
      reason: ResultHintReason.QUEUE_FULL,
      retryAfterMs: HINT_RETRY_MS,
    });
  }

  #verbose(event: string, line: JsonLine): void {
    if (!this.#flags.verbose) return;
    const { sessionId, carrierName } = this.#session;
    this.#emit({ event, session_id: sessionId, transport: carrierName, ...line });
  }
}

/**
 * What a hello says, as the reference peer prints it.
 *
 * @param hello The hello.
 */
export function helloLine(
  { metadata, headerFlags }: Pick<LoggedHello, "metadata" | "headerFlags">,
): JsonLine {
  return {
    requested_session_id: metadata.requestedSessionId,
    auth_bytes: metadata.authBytes,
    extension_bytes: metadata.controlExtensionBytes,
    cadence_x100: metadata.targetCadenceX100,
    flags: headerFlags,
    supported_payload_kind_bitmap: metadata.supportedPayloadKindBitmap,
    max_cache_entries: metadata.maxCacheEntries,
    max_lane_count: metadata.maxLaneCount,
  };
}

function endedBy(end: SessionEnd): EndedBy {
  if (end.kind === "close") return end.local ? "server-close" : "client-close";
  if (end.kind === "error" && !end.local) return "client-error";
  return "disconnect";
}
