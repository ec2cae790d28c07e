/**
 * Objects in the cache of the server: put, put anew, referred to, taken out.
 *
 * @module
 */
import { CacheInvalidateScope, CacheObjectKind, SubmitMode } from "@nnrp/client";
import { cachedBytes } from "../oracles/cache.ts";
import type { SessionRun } from "../session_run.ts";
import type { Work } from "./table.ts";

/** Keys in use. */
const KEYS = 4;

async function put(run: SessionRun, key: number, bytes?: number): Promise<void> {
  const number = run.cache.put(key);
  const data = cachedBytes(run.name, key, number, bytes ?? run.random.pick([64, 64, 2000, 20_000]));
  const outcome = await run.within(
    run.session.putCache({ kind: CacheObjectKind.CAMERA_BLOCK, key: BigInt(key), data }),
    30_000,
    "putCache",
  );
  run.cache.answered(key, number, outcome?.usable ?? false);
}

function refer(run: SessionRun, key: number, ms: number): Promise<unknown> {
  // Streams overtake each other, and a move or a return has two of them.
  const { moves, reconnects } = run.session.stats;
  const ordered = run.session.carrierName === "virtual-stream" && moves === 0 && reconnects === 0;
  return run.submit({
    way: "submit",
    act: "slow",
    ms,
    cache: run.cache.wish(key, ordered),
    request: {
      submitMode: SubmitMode.REFERENCE,
      objectRefMask: 1,
      cameraReference: {
        objectKind: CacheObjectKind.CAMERA_BLOCK,
        cacheNamespace: 0,
        cacheKeyHi: 0,
        cacheKeyLo: key,
      },
    },
  });
}

/** The cache. */
export const cacheWork: { readonly [name: string]: Work } = {
  "cache put": { weight: 1.5, play: (run) => put(run, run.random.integer(1, KEYS)) },
  "cache reference": {
    weight: 3,
    play: (run) => void refer(run, run.random.integer(1, KEYS), run.random.between(0, 100)),
  },
  "cache replace": {
    weight: 1,
    play: (run) => {
      const key = run.random.integer(1, KEYS);
      void refer(run, key, 50);
      void put(run, key);
      void refer(run, key, 50);
    },
  },
  // Frames at work keep objects alive that were put anew meanwhile.
  "cache pinned": {
    weight: 0.3,
    play: async (run) => {
      run.circumstances.add("cache pinned");
      const key = KEYS + 1;
      for (let i = 0; i < 8 && !run.isOver && run.stage.phase === "storm"; i++) {
        await put(run, key, 24_000);
        if (run.isOver) return;
        void refer(run, key, 8000);
      }
    },
  },
  "cache invalidate": {
    weight: 0.7,
    play: async (run) => {
      if (run.random.chance(0.8)) {
        const key = run.random.integer(1, KEYS);
        const sent = run.session.invalidateCache({
          scope: CacheInvalidateScope.OBJECT_KEY,
          key: BigInt(key),
        });
        run.cache.invalidated(key);
        await sent;
      } else {
        const sent = run.session.invalidateCache({ scope: CacheInvalidateScope.WHOLE_SESSION });
        run.cache.cleared();
        await sent;
      }
    },
  },
};
