import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { DeadlineHeap } from "./deadline_heap.ts";

let looks = 0;

class Entry {
  heapAt = -1;
  readonly #deadlineMs: number;
  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }
  get deadlineMs(): number {
    looks++;
    return this.#deadlineMs;
  }
}

test("a heap is what a sorted list would be, whatever is added, taken and removed", () => {
  const step = fc.oneof(
    fc.tuple(fc.constant("push" as const), fc.integer({ min: 0, max: 50 })),
    fc.tuple(fc.constant("take" as const), fc.integer({ min: 0, max: 50 })),
    fc.tuple(fc.constant("remove" as const), fc.nat(60)),
    fc.tuple(fc.constant("clear" as const), fc.nat(20)),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new DeadlineHeap<Entry>();
      let model: Entry[] = [];
      for (const [what, n] of steps) {
        if (what === "push") {
          const entry = new Entry(n);
          heap.push(entry);
          model.push(entry);
        } else if (what === "take") {
          const least = Math.min(...model.map((e) => e.deadlineMs));
          const taken = heap.take(n);
          assertEquals(taken?.deadlineMs, least <= n ? least : undefined);
          model = model.filter((e) => e !== taken);
        } else if (what === "remove") {
          const entry = model[n] ?? new Entry(0);
          assertEquals(heap.remove(entry), model.includes(entry));
          assertEquals(heap.remove(entry), false, "gone is gone");
          model = model.filter((e) => e !== entry);
        } else if (n === 0) {
          heap.clear();
          assert(model.every((e) => e.heapAt === -1));
          model = [];
        }
        assertEquals(heap.size, model.length);
        assertEquals(heap.nextMs, Math.min(...model.map((e) => e.deadlineMs)));
      }
    }),
    { numRuns: 200 },
  );
});

test("an entry comes, leaves and is taken within 8 looks per doubling of the heap", () => {
  const heap = new DeadlineHeap<Entry>();
  const count = 65_536;
  const most = 8 * Math.log2(count);
  const entries = Array.from({ length: count }, (_, i) => new Entry((i * 40_503) % count));
  const cost = (call: () => void) => {
    looks = 0;
    call();
    assert(looks <= most, `${looks} looks`);
  };
  for (const entry of entries) cost(() => heap.push(entry));
  for (let i = 0; i < count; i += 2) cost(() => heap.remove(entries[i]));
  for (let i = 0; i < count / 2; i++) cost(() => heap.take(Infinity));
  assertEquals(heap.size, 0);
});
