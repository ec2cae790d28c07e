/**
 * Calls beside frames: pings, patches, flow updates, pauses, event iterators.
 *
 * @module
 */
import type { Work } from "./table.ts";

/** Longest that a call with a limit of ten seconds may take to say so, ms. */
const ANSWER_MS = 15_000;

/** Calls beside frames. */
export const controlWork: { readonly [name: string]: Work } = {
  ping: {
    weight: 2,
    play: (run) =>
      void run.within(
        run.session.ping({ timeoutMs: run.random.pick([50, 1000, 10_000]) }),
        ANSWER_MS,
        "ping",
      ),
  },
  patch: {
    weight: 1,
    play: (run) =>
      void run.within(run.session.patch({ qualityTier: run.random.integer(0, 5) }), ANSWER_MS, "patch"),
  },
  "flow update": {
    weight: 0.5,
    play: (run) => run.session.sendFlowUpdate({ credit: run.random.integer(8, 64) }),
  },
  // A consumer that tells its room with every frame.
  "flow updates": {
    weight: 0.04,
    play: async (run) => {
      run.circumstances.add("many flow updates");
      for (let i = 0; i < 1050 && !run.isOver && run.stage.phase === "storm"; i++) {
        run.session.sendFlowUpdate({ credit: 32 + (i & 1) });
        await run.host.sleep(1);
      }
    },
  },
  pause: {
    weight: 1.2,
    play: async (run) => {
      if (run.pause !== 0) return;
      run.session.pauseSubmit();
      const pause = run.pause = run.nextPause();
      void run.submit({ way: "submit", act: "quick" });
      await run.host.sleep(run.random.pick([200, 3000, 15_000, 30_000]));
      if (run.isOver || run.pause !== pause) return;
      run.pause = 0;
      run.session.resumeSubmit();
    },
  },
  // A step that waits must end when its iterator is told to stop.
  "leave events": {
    weight: 0.7,
    play: async (run) => {
      const which = run.random.pick(["hints", "flows", "errors"]);
      const events: AsyncGenerator<unknown, void, undefined> = which === "hints"
        ? run.session.resultHints()
        : which === "flows"
        ? run.session.flowUpdates()
        : run.session.errors();
      const step = events.next().then(
        () => {},
        (error: unknown) => run.checkError(error, "a step of an event iterator"),
      );
      await run.host.sleep(run.random.between(0, 500));
      if (run.isOver) return;
      await run.within(events.return(undefined), 1000, `return() of ${which}`);
      await run.within(step, 1000, `a step of ${which} after return()`);
    },
  },
};
