/**
 * Single frames: quick and slow ones, handlers that misbehave, budgets, time-outs, signals, large bodies, memory that vanishes.
 *
 * @module
 */
import { BudgetPolicy } from "@nnrp/client";
import { tensorSection } from "@nnrp/client";
import type { SessionRun } from "../session_run.ts";
import { doomedBytes, WAYS_TO_VANISH } from "../../support/vanishing.ts";
import type { Work } from "./table.ts";

/** Bytes of an answer: mostly few. */
function answerBytes({ random }: SessionRun): number {
  return random.chance(0.8) ? random.integer(0, 400) : random.integer(1000, 60_000);
}

function uploadBytes({ random, client }: SessionRun): number {
  const { maxBytes } = client.plan;
  return maxBytes > 0 && random.chance(0.3) ? random.integer(1, maxBytes) : 0;
}

async function submit(
  run: SessionRun,
  act: "slow" | "deaf" | "blocks" | "waits" | "quick" | "promise",
  ms = 0,
): Promise<void> {
  await run.submit({ way: "submit", act, ms, bytes: answerBytes(run), up: uploadBytes(run) });
}

/** Single frames. */
export const frameWork: { readonly [name: string]: Work } = {
  quick: {
    weight: 30,
    play: (run) =>
      void run.submit({ way: "submit", act: run.random.pick(["quick", "promise"]), up: uploadBytes(run) }),
  },
  slow: { weight: 12, play: (run) => submit(run, "slow", run.random.between(5, 400)) },
  deaf: { weight: 4, play: (run) => submit(run, "deaf", run.random.between(50, 3000)) },
  waits: { weight: 1, play: (run) => submit(run, "waits", run.random.between(5000, 20_000)) },
  blocks: {
    weight: 1,
    play: (run) =>
      submit(
        run,
        "blocks",
        run.random.chance(0.1) ? run.random.between(1000, 6000) : run.random.between(5, 200),
      ),
  },
  fails: {
    weight: 3,
    play: (run) =>
      void run.submit({ way: "submit", act: run.random.pick(["throws", "rejects", "drops"]), ms: 20 }),
  },
  huge: { weight: 0.03, play: (run) => void run.submit({ way: "submit", act: "huge" }) },
  // A time-out or signal that often comes first, about as often as the answer.
  "timed out": {
    weight: 3,
    play: (run) =>
      void run.submit({ way: "submit", act: "slow", ms: run.random.between(5, 300) }, {
        timeoutMs: run.random.pick([20, 100, 300]),
      }),
  },
  "long time-out": {
    weight: 1,
    play: (run) =>
      void run.submit({ way: "submit", act: "slow", ms: 50 }, {
        timeoutMs: run.random.pick([Infinity, 30 * 86_400_000, 2 ** 31]),
      }),
  },
  cancelled: {
    weight: 3,
    play: (run) => {
      const giveUp = new AbortController();
      run.host.after(run.random.between(0, 300), () => giveUp.abort(new Error("not wanted any more")));
      const act = run.random.pick(["slow", "deaf", "waits", "stream", "source"] as const);
      const parts = act === "stream" || act === "source" ? 3 : 0;
      const wish = {
        way: "submit",
        act,
        ms: act === "waits" ? 20_000 : 400,
        parts,
        up: uploadBytes(run),
      } as const;
      void run.submit(wish, { signal: giveUp.signal });
    },
  },
  budget: {
    weight: 4,
    play: (run) => {
      const policy = run.random.pick([
        BudgetPolicy.NONE,
        BudgetPolicy.ALLOW_DROP,
        BudgetPolicy.ALLOW_DEGRADED,
      ]);
      const request = { latencyBudgetMs: run.random.integer(10, 400), budgetPolicy: policy };
      const act = run.random.pick(["quick", "slow", "deaf", "blocks"] as const);
      void run.submit({ way: "submit", act, ms: run.random.between(1, 500), request });
    },
  },
  tensors: {
    weight: 4,
    play: (run) => {
      const tiles = Array.from({ length: run.random.integer(1, 4) }, (_, i) => new Uint8Array(64).fill(i));
      const request = {
        srcWidth: 32,
        srcHeight: 32,
        tileWidth: 8,
        tileHeight: 8,
        tileIds: tiles.map((_, i) => i),
        sections: [tensorSection({ role: 1, dtype: "uint8", tiles })],
      };
      void run.submit({ way: "submit", act: "slow", ms: 10, request });
    },
  },
  burst: {
    weight: 0.7,
    play: (run) => {
      for (let i = 0; i < 12 && run.hasRoom; i++) {
        void run.submit({ way: "submit", act: "slow", ms: 30, up: uploadBytes(run) });
      }
    },
  },
  // The caller's memory is gone at once or a moment later: the frame may fail, nothing else.
  vanishes: {
    weight: 0.5,
    play: (run) => {
      const way = run.random.pick(WAYS_TO_VANISH);
      const { bytes: bulk, take } = doomedBytes(way, run.random.pick([100, 40_000, 100_000]));
      run.circumstances.add("vanished bytes");
      const submitted = run.submit({ way: "submit", act: "quick", up: -1, bulk });
      if (run.random.chance(0.7)) take();
      else run.host.after(run.random.between(0, 60), take);
      return submitted.then(() => {});
    },
  },
  // The same of an answer.
  "answer vanishes": {
    weight: 0.3,
    play: (run) => {
      run.circumstances.add("vanished bytes");
      const bytes = run.random.pick([100, 40_000, 150_000]);
      void run.submit({ way: "submit", act: "takes", bytes });
    },
  },
};
