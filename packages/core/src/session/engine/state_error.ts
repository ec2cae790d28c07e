/**
 * Words for the state of a session, and the errors for what it does not allow.
 *
 * @module
 */
import { NnrpConnectionClosedError, type NnrpError, NnrpStateError } from "../../errors.ts";
import { enumName } from "../../wire/enum_names.ts";
import { SessionState } from "./states.ts";

/** A state's name in lower case. */
export function stateName(state: SessionState): string {
  return enumName(SessionState, state).toLowerCase();
}

/**
 * The error for a command that the session cannot follow now.
 *
 * @param what The command, as in "cannot …".
 * @param session The session's state, and whether it waits for a new path.
 * @param why Why it is in that state; empty = nothing to tell.
 */
export function stateError(
  what: string,
  session: { readonly state: SessionState; readonly suspended: boolean },
  why = "",
): NnrpError {
  if (session.suspended) {
    const diagnostic = `cannot ${what}: the connection is lost, a new one is not there yet`;
    return new NnrpConnectionClosedError("session", diagnostic);
  }
  return new NnrpStateError(
    `cannot ${what}: the session is ${stateName(session.state)}${why && ` (${why})`}`,
  );
}

/** The error for what still waits when the session ends for this reason; empty = nothing to tell. */
export function closedError(reason: string): NnrpConnectionClosedError {
  return new NnrpConnectionClosedError("session", `session closed${reason && `: ${reason}`}`);
}
