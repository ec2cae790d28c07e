/**
 * A move that is asked for until the session can do it.
 *
 * @module
 */
import { type ClientSession, type MigrateOptions, NnrpStateError } from "@nnrp/client";
import { turn } from "../support/turns.ts";

/** Moves; where the path before the last move is still being read to its end, after that. */
export async function movePatiently(
  session: ClientSession,
  options: MigrateOptions = {},
): ReturnType<ClientSession["migrate"]> {
  for (;;) {
    try {
      return await session.migrate(options);
    } catch (error) {
      if (!(error instanceof NnrpStateError)) throw error;
      await turn();
    }
  }
}
