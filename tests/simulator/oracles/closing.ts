/**
 * Drain means drained: what was in flight when somebody closed in order is answered, while its time lasts and bytes move.
 *
 * @module
 */
import { type Frame, kindOf } from "../ledger.ts";
import type { SimServer } from "../server.ts";
import type { Stage } from "../stage.ts";

/** What a close may take beyond the time it was given, ms. */
const SLACK_MS = 15_000;

/** A frame failed while its client was closing. */
export function checkClosingFrame(stage: Stage, frame: Frame): void {
  const { run } = frame;
  if (run.closing === null || frame.submittedMs >= run.closing.atMs || frame.handled === 0) return;
  const { atMs, drainMs } = run.closing;
  stage.judged("closing");
  const leftMs = atMs + drainMs - frame.overMs;
  // What the handler refused or the network took is not the close's doing.
  if (leftMs < 1000 || !/^(CLOSED|CANCELLED|STATE)/.test(frame.outcome) || frame.givenUp) return;
  if (
    stage.trouble.since(
      run.client.plan,
      atMs - 30_000,
      "silent",
      "cut",
      "stopped",
      "blocked",
      "killed",
      "restarted",
    )
  ) return;
  stage.found(
    "closing",
    `a frame in flight was lost by close({ drainMs }) long before its time was over: ${kindOf(frame)}`,
    run.client.name,
    [...run.tags(frame), "client close"],
  );
}

/** What a server had in flight when it began to close. */
export interface ClosingFrame {
  /** The frame. */
  readonly frame: Frame;
  /** How often handlers had been started for it then. */
  readonly handled: number;
}

/** When a server began to close, and the time it gave, ms. */
export interface ServerClose {
  /** When, ms. */
  readonly atMs: number;
  /** What it was told, ms. */
  readonly drainMs: number;
}

/**
 * Whether the close of a server lost an answer that was there in time: in that of the server, and in that of the client, which
 * may close meanwhile and give less. An answer of a later server is not this one's to lose.
 */
export function isLostByServer({ frame, handled }: ClosingFrame, { atMs, drainMs }: ServerClose): boolean {
  const { closing } = frame.run;
  const clientEndsMs = closing === null ? Infinity : closing.atMs + closing.drainMs;
  const inTimeMs = Math.min(atMs + drainMs, clientEndsMs) - 1000;
  if (frame.answeredMs < 0 || frame.answeredMs > inTimeMs || frame.handled !== handled) return false;
  return frame.overMs >= 0 && /^CLOSED/.test(frame.outcome) && !frame.givenUp;
}

/** A server begins to close; the function that is returned says that it has. */
export function judgeClosing(server: SimServer, generation: number, drainMs: number): () => void {
  const { stage, host, plan } = server;
  const atMs = host.now();
  // An older process may be closing too, in a time of its own.
  const running = () => [...server.running].filter((one) => one.generation === generation);
  const inFlight = running().map(({ frame }): ClosingFrame => ({ frame, handled: frame.handled }));
  let isClosed = false;
  const limitMs = Math.min(drainMs, 120_000) + SLACK_MS;
  stage.world.after(limitMs, () => {
    if (isClosed || host.isKilled || stage.trouble.ofServerSince(plan.index, atMs + 2000)) return;
    // Handlers that are at work may take as long as they do where there is no other limit.
    if (drainMs === Infinity && running().length > 0) return;
    stage.found("closing", "close() of a server took longer than its drainMs", "", [
      "server close",
      `drain ${drainMs}`,
    ]);
  });
  return () => {
    isClosed = true;
    for (const one of inFlight) {
      if (!isLostByServer(one, { atMs, drainMs })) continue;
      const { frame, frame: { run } } = one;
      if (
        stage.trouble.since(run.client.plan, atMs - 30_000, "silent", "cut", "stopped", "blocked", "killed")
      ) continue;
      stage.found(
        "closing",
        `a result was lost by close() of its server before its time was over: ${kindOf(frame)}`,
        run.client.name,
        [...run.tags(frame), "server close"],
      );
    }
  };
}
