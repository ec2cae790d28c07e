/**
 * From a backend to a server's handler.
 *
 * @module
 */
import { type ResultFields, ResultHintReason } from "@nnrp/core";
import { type Backend, type BackendFrame, isBackendDrop } from "./backend.ts";

/** What a handler gets beside the frame, as far as backends need it. The server's `HandlerContext` fits. */
export interface BackendHandlerContext {
  /** The session, as an identity. */
  readonly session: object;
}

/** A frame that knows when it came and when its turn came, on one clock. The server's `ReceivedSubmit` fits. */
export interface QueuedFrame extends BackendFrame {
  /** When it came in, ms. */
  readonly receivedAtMs: number;
  /** When its handler was started, ms; NaN = not told. */
  readonly startedAtMs: number;
}

/**
 * A handler for `serve()` that answers every frame with the backend.
 *
 * @param backend The model.
 * @param drop The server package's `drop`: makes the value that its scheduler sends as RESULT_DROP.
 *
 * @example
 * ```ts ignore
 * import { drop, serve } from "@nnrp/server";
 * await using backend = superResolution();
 * await backend.ready();
 * await using server = await serve({ port: 4433, concurrency: 1 }, backendHandler(backend, drop));
 * ```
 */
export function backendHandler<D>(
  backend: Backend,
  drop: (reason?: ResultHintReason) => D,
): (frame: QueuedFrame, context: BackendHandlerContext) => Promise<ResultFields | D> {
  return async (frame, context) => {
    const waited = frame.startedAtMs - frame.receivedAtMs;
    const output = await backend.run(frame, {
      signal: frame.signal,
      queueMs: Number.isNaN(waited) ? 0 : waited,
      session: context.session,
    });
    if (!isBackendDrop(output)) return output;
    return output.reason === "budget" ? drop(ResultHintReason.BUDGET_EXCEEDED) : drop();
  };
}
