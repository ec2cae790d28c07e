import { test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { FrameTable } from "./frame_table.ts";

test("a frame table behaves like a map from (frame, view), whatever comes and goes", () => {
  const id = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(0xffffffff, 0x80000000, 0x7fffffff));
  const step = fc.record({
    op: fc.constantFrom("set", "delete", "get"),
    frame: id,
    view: fc.constantFrom(0, 1, 65535),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
    const table = new FrameTable<number>();
    const model = new Map<string, number>();
    steps.forEach(({ op, frame, view }, i) => {
      const key = `${frame}/${view}`;
      if (op === "set") {
        table.set(frame, view, i);
        model.set(key, i);
      } else if (op === "delete") {
        assertEquals(table.delete(frame, view), model.get(key));
        model.delete(key);
      } else {
        assertEquals(table.get(frame, view), model.get(key));
      }
      assertEquals(table.size, model.size);
    });
    const seen = new Map<string, number>();
    table.forEach((value, frame, view) => seen.set(`${frame}/${view}`, value));
    assertEquals([...seen].sort(), [...model].sort());
  }));
});

test("a long run of frames with few in flight does not grow the table's work", () => {
  const table = new FrameTable<number>();
  for (let i = 0; i < 100_000; i++) {
    table.set(i, 0, i);
    if (i >= 64) assertEquals(table.delete(i - 64, 0), i - 64);
  }
  assertEquals(table.size, 64);
  assertEquals(table.clear().length, 64);
  assertEquals(table.has(99_999, 0), false);
});
