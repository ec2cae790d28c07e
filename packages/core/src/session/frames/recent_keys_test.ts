import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { RecentKeys } from "./recent_keys.ts";

const step = fc.tuple(fc.constantFrom("add", "add", "take"), fc.nat(12), fc.nat(1));
const steps = fc.array(step, { maxLength: 200, size: "max" });

test("the newest keys are remembered, each once, oldest forgotten first", () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 9 }), (all, capacity) => {
      const keys = new RecentKeys(capacity);
      let model: string[] = []; // of additions, newest last; a key taken out is gone
      const added: string[] = [];
      for (const [what, frameId, viewId] of all) {
        const key = `${frameId}/${viewId}`;
        if (what === "add") {
          keys.add(frameId, viewId);
          added.push(key);
          model = [...model.filter((k) => k !== key), key];
          // Only what was added within the last `capacity` additions can still be there.
          const recent = added.slice(-capacity);
          model = model.filter((k) => recent.includes(k));
        } else {
          assertEquals(keys.delete(frameId, viewId), model.includes(key));
          model = model.filter((k) => k !== key);
        }
        assertEquals(keys.size, model.length);
        assertEquals(keys.has(frameId, viewId), model.includes(key));
      }
    }),
    { numRuns: 300 },
  );
});

test("however many keys are added and never taken, memory is bounded and the newest are known", () => {
  const frames = new RecentKeys(100);
  for (let id = 0; id < 100_000; id++) {
    frames.add(id, id % 3);
    assert(frames.size <= 100);
    assertEquals(frames.has(id, id % 3), true);
    if (id >= 100) {
      assertEquals([frames.has(id - 99, (id - 99) % 3), frames.has(id - 100, (id - 100) % 3)], [true, false]);
    }
  }
});
