/**
 * Writes the results of one session (wire spec §7, behaviour spec §8.6): typed payloads alone take a head that is filled in, all
 * others a draft that is completed. Nothing is allocated per result.
 *
 * @module
 */
import { encodeResultPush, type ResultFields } from "../../body/result_push.ts";
import { isTypedOnlyResult, TypedResultHead } from "../../body/typed_heads.ts";
import { MessageType, ResultClass } from "../../wire/enums.ts";
import { BudgetPolicy, HeaderFlags, ResultFlags } from "../../wire/flags.ts";
import type { PacketWriter } from "../engine/packet_writer.ts";
import type { FlowUpdates } from "../flow/flow_updates.ts";
import { completeResult } from "./coverage.ts";
import type { ReceivedSubmit } from "./received_submit.ts";
import { clampMs, ResultDraft } from "./result_draft.ts";

/** Class and applied policy of a part, as TypedResultHead takes them. */
const PARTIAL_PART = ResultClass.PARTIAL | (BudgetPolicy.ALLOW_PARTIAL << 8);
/** The end of a streamed frame: nothing but EOS (behaviour spec §8.6). */
const END_OF_STREAM: ResultFields = { payloadKindBitmap: 0 };

/** See the module. */
export class ResultWriter {
  readonly #writer: PacketWriter;
  readonly #flow: FlowUpdates;
  readonly #head: TypedResultHead;
  readonly #draft = new ResultDraft();

  /**
   * Makes a ResultWriter.
   *
   * @param writer Writes the session's packets; its session id is known.
   * @param flow What was said before a result is written before it.
   */
  constructor(writer: PacketWriter, flow: FlowUpdates) {
    this.#writer = writer;
    this.#flow = flow;
    this.#head = new TypedResultHead(writer.sessionId);
  }

  /**
   * Writes a result, to be sent by {@linkcode ResultWriter.commit}; PARTIAL without more to come carries EOS.
   *
   * @throws NnrpValueError if the result cannot be written; nothing was then.
   */
  result(frame: ReceivedSubmit, result: ResultFields, final: boolean, nowMs: number): void {
    if (this.#flow.waits) this.#flow.sayAll();
    if (final && isTypedOnlyResult(result)) {
      const { receivedAtMs } = frame;
      const startedAtMs = frame.startedAtMs < 0 ? receivedAtMs : frame.startedAtMs;
      const inference = clampMs(nowMs - startedAtMs);
      const total = clampMs(nowMs - receivedAtMs);
      const out = this.#writer.output.begin("result", frame.frameId, frame.viewId);
      this.#head.write(
        out,
        frame,
        result.typedPayloads!,
        0,
        0,
        clampMs(startedAtMs - receivedAtMs),
        inference,
        total,
      );
      return;
    }
    const fields = completeResult(result);
    const eos = final && fields.resultClass === ResultClass.PARTIAL ? HeaderFlags.EOS : 0;
    this.#draft.take(fields, frame, nowMs);
    this.#encode(frame, (fields.flags ?? 0) | eos);
  }

  /**
   * Writes a part of a stream, to be sent likewise.
   *
   * @throws NnrpValueError if the part cannot be written; nothing was then.
   */
  part(frame: ReceivedSubmit, part: ResultFields): void {
    if (this.#flow.waits) this.#flow.sayAll();
    if (isTypedOnlyResult(part)) {
      const out = this.#writer.output.begin("result", frame.frameId, frame.viewId);
      this.#head.write(out, frame, part.typedPayloads!, PARTIAL_PART, ResultFlags.PARTIAL, 0, 0, 0);
      return;
    }
    this.#draft.takePart(part);
    this.#encode(frame, part.flags ?? 0);
  }

  /** Writes the end of a stream, to be sent likewise. */
  end(frame: ReceivedSubmit, nowMs: number): void {
    if (this.#flow.waits) this.#flow.sayAll();
    this.#draft.take(END_OF_STREAM, frame, nowMs);
    this.#encode(frame, HeaderFlags.EOS);
  }

  #encode(frame: ReceivedSubmit, flags: number): void {
    const writer = this.#writer;
    const out = writer.output.begin("result", frame.frameId, frame.viewId);
    encodeResultPush(out, writer.sessionId, frame, this.#draft, flags);
    this.#draft.clear();
  }

  /** Sends what was written; `last`: the frame's stream ends with it. */
  commit(frame: ReceivedSubmit, last: boolean): void {
    this.#writer.output.commit("result", frame.frameId, frame.viewId, last);
  }

  /** Writes and sends a RESULT_DROP. */
  drop(frame: ReceivedSubmit, flags: number): void {
    if (this.#flow.waits) this.#flow.sayAll();
    const { frameId, viewId, routeId, traceId } = frame;
    this.#writer.headerOnly(MessageType.RESULT_DROP, { flags, frameId, viewId, routeId, traceId });
  }
}
