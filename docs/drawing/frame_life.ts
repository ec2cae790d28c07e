/**
 * The life of a frame as a table: where it may be, and every way in which it ends. The picture of docs/sessions.md is drawn
 * from it, and tests/frame_life_test.ts brings each end about and looks at the counters named here.
 *
 * @module
 */
import type { ClientStats } from "@nnrp/client";
import type { ServerSessionStats, ServerStats } from "@nnrp/server";

/** Where a frame may be. */
export type StageName = "WAITING" | "ARRIVING" | "QUEUED" | "RUNNING" | "UNDER WAY" | "LATE";

/** A stage of the life. */
export interface Stage {
  /** Its name. */
  readonly name: StageName;
  /** Which side decides there. */
  readonly where: "client" | "server";
  /** What it means, in a few words. */
  readonly what: string;
}

/** Counter of a client (`session.stats`). */
export type ClientCounter = keyof ClientStats;
/** Counter of a server: of the whole server (`server.stats`) or of one session of it (`session.stats`). */
export type ServerCounter = keyof ServerStats | keyof ServerSessionStats;

/** A way in which a frame ends. */
export interface FrameEnd {
  /** Short name, for tests. */
  readonly id: string;
  /** Where the frame is then. */
  readonly stage: StageName;
  /** What happens. */
  readonly cause: string;
  /** What travels because of it; empty = nothing. */
  readonly packet: string;
  /** What the caller of `submit()` gets; a class of result, or the error. */
  readonly caller: string;
  /** Whether the caller gets an error. */
  readonly isError: boolean;
  /** The client's counter that goes up; undefined = none, the frame was never sent. */
  readonly client?: ClientCounter;
  /** The server's counter that goes up; undefined = none of its own. */
  readonly server?: ServerCounter;
}

/** Stages in the order in which a frame passes them; the last two are beside the way: the client's side of the last three. */
export const STAGES: readonly Stage[] = [
  { name: "WAITING", where: "client", what: "for slot, credit" },
  { name: "ARRIVING", where: "server", what: "checked once" },
  { name: "QUEUED", where: "server", what: "earliest first" },
  { name: "RUNNING", where: "server", what: "in the handler" },
  { name: "UNDER WAY", where: "client", what: "sent, not ended" },
  { name: "LATE", where: "client", what: "nobody waits" },
];

const PUSH = "RESULT_PUSH";

/** What is no error. */
const RESULTS = ["COMPLETE", "PARTIAL", "STALE_REUSE", "DEGRADED", "DROP"];

/** All ends. */
export const FRAME_ENDS: readonly FrameEnd[] = [
  end("unsent", "WAITING", "deadlineMs has passed", "", "FRAME_EXPIRED"),
  end("waited", "WAITING", "timeoutMs is over", "", "NnrpTimeoutError"),
  end("withdrawn", "WAITING", "signal aborts", "", "NnrpCancelledError"),
  end("full", "WAITING", "whenFull, too many wait", "", "NnrpLimitError"),
  end("closed", "WAITING", "the session ends", "", "what ended it"),
  end("malformed", "ARRIVING", "body breaks a rule", "ERROR", "MALFORMED_BODY", "failed", "badSubmits"),
  end("limit", "ARRIVING", "sections, frames in flight", "ERROR", "LIMIT_EXCEEDED", "failed", "failed"),
  end("miss", "ARRIVING", "reference leads nowhere", "ERROR", "CACHE_MISS", "failed", "cacheMisses"),
  end("busy", "QUEUED", "queue is full", "ERROR", "SERVER_BUSY", "failed", "busy"),
  end("superseded", "QUEUED", "a newer one, may drop", "RESULT_DROP", "DROP", "dropped", "superseded"),
  end("expired", "QUEUED", "budget over, may drop", "RESULT_DROP", "DROP", "dropped", "expired"),
  end("complete", "RUNNING", "the handler's result", PUSH, "COMPLETE", "complete", "results"),
  end("partial", "RUNNING", "… that leaves tiles out", PUSH, "PARTIAL", "partial", "results"),
  end("stale", "RUNNING", "… of an older frame", PUSH, "STALE_REUSE", "staleReuse", "results"),
  end("degraded", "RUNNING", "… of lower quality", PUSH, "DEGRADED", "degraded", "results"),
  end("dropped", "RUNNING", "drop(), or budget over", "RESULT_DROP", "DROP", "dropped", "drops"),
  end("thrown", "RUNNING", "the handler throws", "ERROR", "INTERNAL_ERROR", "failed", "handlerFailures"),
  end("timedOut", "UNDER WAY", "timeoutMs is over: LATE", "", "NnrpTimeoutError", "timedOut"),
  end(
    "cancelled",
    "UNDER WAY",
    "cancelFrame(), signal",
    "FRAME_CANCEL",
    "NnrpCancelledError",
    "cancelled",
    "cancels",
  ),
  end("discarded", "UNDER WAY", "discardFrame()", "", "NnrpCancelledError", "discarded"),
  end("unreadable", "UNDER WAY", "unreadable result", PUSH, "NnrpWireError", "failed"),
  end("lost", "UNDER WAY", "the session ends", "", "what ended it", "failed"),
  end("late", "LATE", "the answer after all", "any answer", "nothing more", "late"),
];

function end(
  id: string,
  stage: StageName,
  cause: string,
  packet: string,
  caller: string,
  client?: ClientCounter,
  server?: ServerCounter,
): FrameEnd {
  const isError = !RESULTS.includes(caller) && stage !== "LATE";
  return { id, stage, cause, packet, caller, isError, client, server };
}
