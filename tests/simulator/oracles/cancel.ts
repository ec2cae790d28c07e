/**
 * A cancel is heard, also by a server that does not read frames at the moment: the handler's signal aborts.
 *
 * @module
 */
import { kindOf } from "../ledger.ts";
import type { Stage } from "../stage.ts";

/** How long a FRAME_CANCEL may take where nothing is wrong with the path, ms. */
const HEARD_MS = 5000;

/** Looks at all handlers. */
export function checkCancels(stage: Stage): void {
  const nowMs = stage.world.now();
  for (const server of stage.servers) {
    for (const { frame, received } of server.running) {
      const { run, overMs } = frame;
      if (overMs < 0 || nowMs - overMs < HEARD_MS || received.settled || !/^CANCELLED/.test(frame.outcome)) {
        continue;
      }
      if (run.isOver || run.session.state !== "active") continue;
      if (stage.trouble.since(run.client.plan, overMs - 30_000)) continue;
      stage.found(
        "cancel",
        `a server has not heard of a cancel for ${HEARD_MS} ms: ${kindOf(frame)}`,
        run.client.name,
        run.tags(frame),
      );
    }
  }
}
