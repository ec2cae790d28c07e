/**
 * What a backend is: a named model that turns a frame into a result. A backend sees frames through the narrow shape
 * below, which the server's `ReceivedSubmit` has, and says "no answer" with a plain value, so that it needs nothing of
 * the server at run time.
 *
 * @module
 */
import type { FrameSubmitMetadata, ResultFields } from "@nnrp/core";

/** A tensor section of a received frame, as far as backends read it (wire spec §9). */
export interface BackendSection {
  /** What the tensor means; open number. */
  readonly roleId: number;
  /** Element type, a `TensorDType`. */
  readonly dtypeId: number;
  /** Default codec of the tiles; 0 = none. */
  readonly codecId?: number;
  /** Codec of each tile where they differ; empty = all have the default one. */
  readonly codecTable?: Uint8Array;
  /** One payload per tile, in the order of the frame's tile ids. */
  readonly tilePayloads: readonly Uint8Array[];
}

/** What a backend reads of a frame. The server's `ReceivedSubmit` fits. */
export interface BackendFrame {
  /** Frame number within the view. */
  readonly frameId: number;
  /** View of the frame. */
  readonly viewId: number;
  /** Geometry, budget and policy (wire spec §6). */
  readonly metadata: Pick<
    FrameSubmitMetadata,
    "srcWidth" | "srcHeight" | "tileWidth" | "tileHeight" | "latencyBudgetMs" | "budgetPolicy"
  >;
  /** Ids of the tiles. */
  readonly tileIds: readonly number[];
  /** Tensor sections. */
  readonly sections: readonly BackendSection[];
  /** Aborts when the frame is cancelled, expired or its connection is gone. */
  readonly signal?: AbortSignal;
}

/** What surrounds one run. */
export interface BackendRunOptions {
  /** Aborts the run; default: the frame's own signal. */
  readonly signal?: AbortSignal;
  /** How long the frame already waited since it came in, ms; counts against its budget. Default 0. */
  readonly queueMs?: number;
  /**
   * Whose frame it is: an object that lives as long as the session. Results kept for reuse never cross from one session
   * to another; without it nothing is kept.
   */
  readonly session?: object;
}

/** "No answer to this frame": to be sent as RESULT_DROP. */
export interface BackendDrop {
  /** Always true; tells a drop from a result. */
  readonly drop: true;
  /** Why, for logs and statistics. */
  readonly reason: "budget" | "cancelled";
}

/** A result, or the statement that there is none. */
export type BackendOutput = ResultFields | BackendDrop;

/** A model behind a server. */
export interface Backend extends AsyncDisposable {
  /** Name of the model, for example for the server's profile. */
  readonly name: string;
  /** Resolves when the model is loaded and warm; rejects if it cannot be. Calling it is optional. */
  ready(): Promise<void>;
  /**
   * Answers one frame. Keeps no view of the frame's bytes after it resolved.
   *
   * @throws NnrpProtocolError (frame scope) if the frame is not what the model takes.
   */
  run(frame: BackendFrame, options?: BackendRunOptions): Promise<BackendOutput>;
}

/** Whether a backend's answer is "no answer". */
export function isBackendDrop(output: BackendOutput): output is BackendDrop {
  return (output as BackendDrop).drop === true;
}
