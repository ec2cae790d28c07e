/**
 * The result that is being written, completed with what the handler left out. One object per session that is filled again and
 * again, so that the encoder always sees the same shape and nothing is allocated per result.
 *
 * @module
 */
import type { ResultFields } from "../../body/result_push.ts";
import { ResultClass } from "../../wire/enums.ts";
import { BudgetPolicy, ResultFlags } from "../../wire/flags.ts";
import type { ReceivedSubmit } from "./received_submit.ts";

const MAX_MS = 0xffff;

/** A {@linkcode ResultFields} with all fields, to be filled anew for each result. */
export class ResultDraft implements ResultFields {
  /** See ResultFields. */
  tileIds: ResultFields["tileIds"] = undefined;
  /** See ResultFields. */
  sections: ResultFields["sections"] = undefined;
  /** See ResultFields. */
  typedPayloads: ResultFields["typedPayloads"] = undefined;
  /** See ResultFields. */
  references: ResultFields["references"] = undefined;
  /** See ResultFields. */
  tileIndexReference: ResultFields["tileIndexReference"] = undefined;
  /** See ResultFields. */
  tensorSectionTableReference: ResultFields["tensorSectionTableReference"] = undefined;
  /** See ResultFields. */
  resultFlags = 0;
  /** See ResultFields. */
  activeProfileId = 0;
  /** See ResultFields. */
  inferenceMs = 0;
  /** See ResultFields. */
  queueMs = 0;
  /** See ResultFields. */
  serverTotalMs = 0;
  /** See ResultFields. */
  statusCode = 0;
  /** See ResultFields. */
  tileIndexMode: number | undefined = undefined;
  /** See ResultFields. */
  tileBaseId = 0;
  /** See ResultFields. */
  resultClass = 0;
  /** See ResultFields. */
  appliedBudgetPolicy = 0;
  /** See ResultFields. */
  reusedFrameId = 0;
  /** See ResultFields. */
  coveredTileCount: number | undefined = undefined;
  /** See ResultFields. */
  droppedTileCount: number | undefined = undefined;
  /** See ResultFields. */
  payloadKindBitmap: number | undefined = undefined;
  /** See ResultFields. */
  payloadFrameCount: number | undefined = undefined;

  /** Takes a result that ends its frame; times that are not given are measured from the frame's. */
  take(result: ResultFields, frame: ReceivedSubmit, nowMs: number): void {
    this.#takeContent(result);
    this.resultClass = result.resultClass ?? ResultClass.COMPLETE;
    this.resultFlags = result.resultFlags ?? 0;
    this.appliedBudgetPolicy = result.appliedBudgetPolicy ?? 0;
    const { receivedAtMs } = frame;
    const startedAtMs = frame.startedAtMs >= 0 ? frame.startedAtMs : receivedAtMs;
    this.queueMs = result.queueMs ?? clampMs(startedAtMs - receivedAtMs);
    this.inferenceMs = result.inferenceMs ?? clampMs(nowMs - startedAtMs);
    this.serverTotalMs = result.serverTotalMs ?? clampMs(nowMs - receivedAtMs);
  }

  /** Takes a part of a stream: PARTIAL unless it says otherwise. */
  takePart(part: ResultFields): void {
    this.#takeContent(part);
    const partial = (part.resultClass ?? ResultClass.PARTIAL) === ResultClass.PARTIAL;
    this.resultClass = part.resultClass ?? ResultClass.PARTIAL;
    this.resultFlags = part.resultFlags ?? (partial ? ResultFlags.PARTIAL : 0);
    this.appliedBudgetPolicy = part.appliedBudgetPolicy ?? (partial ? BudgetPolicy.ALLOW_PARTIAL : 0);
    this.queueMs = part.queueMs ?? 0;
    this.inferenceMs = part.inferenceMs ?? 0;
    this.serverTotalMs = part.serverTotalMs ?? 0;
  }

  /** Lets go of the caller's memory. */
  clear(): void {
    this.tileIds =
      this.sections =
      this.typedPayloads =
      this.references =
        undefined;
  }

  #takeContent(result: ResultFields): void {
    this.tileIds = result.tileIds;
    this.sections = result.sections;
    this.typedPayloads = result.typedPayloads;
    this.references = result.references;
    this.tileIndexReference = result.tileIndexReference;
    this.tensorSectionTableReference = result.tensorSectionTableReference;
    this.activeProfileId = result.activeProfileId ?? 0;
    this.statusCode = result.statusCode ?? 0;
    this.tileIndexMode = result.tileIndexMode;
    this.tileBaseId = result.tileBaseId ?? 0;
    this.reusedFrameId = result.reusedFrameId ?? 0;
    this.coveredTileCount = result.coveredTileCount;
    this.droppedTileCount = result.droppedTileCount;
    this.payloadKindBitmap = result.payloadKindBitmap;
    this.payloadFrameCount = result.payloadFrameCount;
  }
}

/** Whole ms that fit the wire. */
export function clampMs(ms: number): number {
  return ms <= 0 ? 0 : ms >= MAX_MS ? MAX_MS : Math.round(ms);
}
