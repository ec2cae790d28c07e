/**
 * A session ends for a reason: both sides keep the rules here, so none ends by an ERROR; and with `reconnect` it outlives an
 * orderly restart of its server as it does a crash.
 *
 * @module
 */
import { NnrpConnectionClosedError, NnrpProtocolError, type SessionEnd } from "@nnrp/client";
import type { SessionRun } from "../session_run.ts";

/** A client's session ended. */
export function judgeSessionEnd(run: SessionRun, end: SessionEnd): void {
  const { stage, client } = run;
  const { error } = end;
  if (run.closing !== null || stage.isClosing) return;
  stage.judged("session-ends");
  const found = (what: string, ...tags: string[]) =>
    stage.found("session-ends", what, client.name, [...run.tags(), ...tags]);
  if (end.kind === "error" && !isOfTheNetwork(error)) {
    const code = error instanceof NnrpProtocolError ? error.codeName : String(error?.code ?? "none");
    found(
      `a session of peers that keep the rules ended with an error: ${code}, ${withoutNumbers(end.reason)}`,
      code,
    );
  }
  // Where dials are refused for longer than the session may be away, nobody can come back.
  const unreachable = run.tags().has("dials") && end.reason.includes("not found again");
  if (end.kind === "close" && !end.local && client.plan.reconnect !== "no" && !unreachable) {
    found("an orderly close of the server ended a session with reconnect for good", "orderly restart");
  }
}

function isOfTheNetwork(error: unknown): boolean {
  return error instanceof NnrpConnectionClosedError ||
    (error as { code?: string } | undefined)?.code === "TRANSPORT" ||
    (error as { code?: string } | undefined)?.code === "TIMEOUT";
}

/** So that equal findings have equal words. */
function withoutNumbers(words: string): string {
  return words.replace(/\d+/g, "N").slice(0, 160);
}
