/**
 * What ends a session, or takes it elsewhere: moves, closes with work in flight.
 *
 * @module
 */
import type { SessionRun } from "../session_run.ts";
import type { Work } from "./table.ts";

/** Time that closing takes beyond `drainMs`, ms. */
const CLOSE_SLACK_MS = 15_000;

/** Closes a session in order. */
export async function closeSession(run: SessionRun, drainMs: number): Promise<void> {
  if (run.closing !== null || run.isOver) return;
  run.closing = { atMs: run.host.now(), drainMs };
  run.stage.world.note(run.client.name, `close, drainMs ${drainMs}`);
  if (run.pause !== 0) {
    run.pause = 0;
    run.session.resumeSubmit();
  }
  const limitMs = Math.min(drainMs, 120_000) + CLOSE_SLACK_MS;
  await run.within(run.session.close({ drainMs }), limitMs, "close()");
}

/** Moves and closes. */
export const lifeWork: { readonly [name: string]: Work } = {
  move: {
    weight: 0.5,
    play: async (run) => {
      if (run.session.state !== "active") return;
      run.circumstances.add("move");
      const outcome = await run.within(run.session.migrate({ timeoutMs: 10_000 }), 25_000, "migrate()");
      if (outcome?.status === "success") run.movedMs = run.host.now();
      run.stage.world.note(run.client.name, `move: ${outcome?.status ?? "failed"}`);
    },
  },
  close: {
    weight: 0.3,
    play: async (run) => {
      // Something to lose.
      for (let i = 0; i < 3; i++) {
        void run.submit({
          way: "submit",
          act: "slow",
          ms: run.random.between(10, 800),
          bytes: run.random.pick([0, 100_000, 1_500_000]),
        });
      }
      await run.host.sleep(run.random.between(0, 100));
      await closeSession(run, run.random.pick([0, 2000, 60_000, Infinity]));
    },
  },
};
