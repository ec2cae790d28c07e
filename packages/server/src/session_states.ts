/**
 * States of the engine as applications see them.
 *
 * @module
 */
import { SessionState } from "@nnrp/core";
import type { ServerSessionState } from "./session_types.ts";

/** State reported to applications for each state of the engine, unless the session is suspended. */
export const SESSION_STATES: Readonly<Record<SessionState, ServerSessionState>> = {
  [SessionState.INIT]: "active", // no session is in these two
  [SessionState.NEGOTIATING]: "active",
  [SessionState.ACTIVE]: "active",
  [SessionState.DRAINING]: "draining",
  [SessionState.CLOSED]: "closed",
};
