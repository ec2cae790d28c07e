import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Fifo } from "./fifo.ts";

test("like an array from which items are taken, whatever is done in which order", () => {
  interface Item {
    readonly id: number;
    gone: boolean;
  }
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ kind: "push" as const, at: 0 }) },
    { weight: 2, arbitrary: fc.constant({ kind: "shift" as const, at: 0 }) },
    { weight: 2, arbitrary: fc.nat(200).map((at) => ({ kind: "leave" as const, at })) },
    { weight: 1, arbitrary: fc.constant({ kind: "peek" as const, at: 0 }) },
  );
  fc.assert(fc.property(fc.array(action, { maxLength: 600, size: "max" }), (actions) => {
    const fifo = new Fifo<Item>((item) => item.gone);
    const model: Item[] = [];
    let id = 0;
    for (const { kind, at } of actions) {
      if (kind === "push") {
        const item = { id: id++, gone: false };
        fifo.push(item);
        model.push(item);
      } else if (kind === "shift") assertEquals(fifo.shift()?.id, model.shift()?.id);
      else if (kind === "peek") assertEquals(fifo.peek()?.id, model[0]?.id);
      else if (model.length > 0) {
        model.splice(at % model.length, 1)[0].gone = true;
        fifo.left();
      }
      assertEquals(fifo.size, model.length);
    }
    assertEquals(fifo.clear().map((item) => item.id), model.map((item) => item.id));
    assertEquals([fifo.size, fifo.shift()], [0, undefined]);
  }));
});

test("taking items out, from either end or the middle, looks at each a few times, however many there are", () => {
  for (const count of [1000, 100_000]) {
    for (const order of ["first", "last", "middle"] as const) {
      let looks = 0;
      const items = Array.from({ length: count }, () => ({ gone: false }));
      const fifo = new Fifo<{ gone: boolean }>((item) => {
        looks++;
        return item.gone;
      });
      for (const item of items) fifo.push(item);
      const from = order === "middle" ? count / 2 : 0;
      for (let i = 0; i < count; i++) {
        const item = items[order === "last" ? count - 1 - i : (from + i) % count];
        item.gone = true;
        fifo.left();
      }
      assertEquals(fifo.size, 0);
      assert(looks <= 4 * count, `${order}: ${looks} looks at ${count} items`);
    }
  }
});
