import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { DeadlineHeap } from "./deadline_heap.ts";

interface Item {
  readonly endsMs: number;
  readonly ordinal: number;
  gone: boolean;
}

test("the earliest comes first, whatever comes, goes and is taken meanwhile", () => {
  const action = fc.record({ kind: fc.constantFrom("push", "push", "shift", "leave"), n: fc.nat(50) });
  fc.assert(fc.property(fc.array(action, { maxLength: 500, size: "max" }), (actions) => {
    const heap = new DeadlineHeap<Item>((item) => item.gone);
    const model: Item[] = [];
    let ordinal = 0;
    for (const { kind, n } of actions) {
      if (kind === "push") {
        const item = { endsMs: n === 50 ? Infinity : n, ordinal: ordinal++, gone: false };
        heap.push(item);
        model.push(item);
        model.sort((a, b) => a.endsMs === b.endsMs ? a.ordinal - b.ordinal : a.endsMs - b.endsMs);
      } else if (kind === "shift") assertEquals(heap.shift(), model.shift());
      else if (model.length > 0) {
        model.splice(n % model.length, 1)[0].gone = true;
        heap.left();
      }
      assertEquals([heap.size, heap.peek()], [model.length, model[0]]);
    }
  }));
});

test("coming, leaving and being taken cost no more steps among many than their logarithm", () => {
  for (const count of [1000, 100_000]) {
    for (const order of ["ascending", "descending", "mixed"] as const) {
      for (const leaving of [false, true]) {
        let steps = 0;
        const items = Array.from({ length: count }, (_, i) => {
          const ms = order === "ascending" ? i : order === "descending" ? count - i : (i * 7919) % count;
          return {
            get endsMs() {
              steps++;
              return ms;
            },
            ordinal: i,
            gone: false,
          };
        });
        const heap = new DeadlineHeap<Item>((item) => item.gone);
        for (const item of items) heap.push(item);
        for (const item of items) {
          if (leaving) {
            item.gone = true;
            heap.left();
          } else heap.shift();
        }
        assertEquals(heap.size, 0);
        // Two comparisons per level of two or three deadlines each.
        assert(steps <= count * 8 * (Math.log2(count) + 1), `${order}: ${steps} steps for ${count}`);
      }
    }
  }
});
