import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import type { ResultFields } from "../../body/result_fields.ts";
import { ResultClass } from "../../wire/enums.ts";
import { BudgetPolicy, ResultFlags } from "../../wire/flags.ts";
import { completeResult } from "./coverage.ts";

const { COMPLETE, PARTIAL, STALE_REUSE, DEGRADED } = ResultClass;
const { ALLOW_PARTIAL, ALLOW_STALE_REUSE, ALLOW_DEGRADED } = BudgetPolicy;
const tileIds = [1, 2, 3, 4];

test("class, flags and policy follow from whatever was given", () => {
  const table: [ResultFields, [number, number, number]][] = [
    [{ resultClass: PARTIAL }, [PARTIAL, ResultFlags.PARTIAL, ALLOW_PARTIAL]],
    [{ resultClass: STALE_REUSE }, [STALE_REUSE, ResultFlags.STALE, ALLOW_STALE_REUSE]],
    [{ resultClass: DEGRADED }, [DEGRADED, ResultFlags.FALLBACK, ALLOW_DEGRADED]],
    [{ resultFlags: ResultFlags.STALE }, [STALE_REUSE, ResultFlags.STALE, ALLOW_STALE_REUSE]],
    [{ resultFlags: ResultFlags.FALLBACK }, [DEGRADED, ResultFlags.FALLBACK, ALLOW_DEGRADED]],
    [{ resultFlags: ResultFlags.PARTIAL }, [PARTIAL, ResultFlags.PARTIAL, ALLOW_PARTIAL]],
    [{ resultFlags: 7 }, [STALE_REUSE, 7, ALLOW_STALE_REUSE]],
    [{ tileIds, droppedTileCount: 1 }, [PARTIAL, ResultFlags.PARTIAL, ALLOW_PARTIAL]],
    [{ tileIds, coveredTileCount: 3 }, [PARTIAL, ResultFlags.PARTIAL, ALLOW_PARTIAL]],
    [
      { resultClass: STALE_REUSE, tileIds, droppedTileCount: 1 },
      [STALE_REUSE, ResultFlags.STALE | ResultFlags.PARTIAL, ALLOW_STALE_REUSE | ALLOW_PARTIAL],
    ],
    [{ resultClass: COMPLETE, tileIds, droppedTileCount: 1 }, [COMPLETE, 0, 0]],
    // what was given stays, contradictions included
    [{ resultClass: PARTIAL, resultFlags: 0, appliedBudgetPolicy: 0 }, [PARTIAL, 0, 0]],
    [{ resultClass: COMPLETE, resultFlags: ResultFlags.STALE }, [COMPLETE, ResultFlags.STALE, 0]],
  ];
  for (const [fields, expected] of table) {
    const { resultClass, resultFlags, appliedBudgetPolicy } = completeResult(fields);
    assertEquals([resultClass, resultFlags, appliedBudgetPolicy], expected, JSON.stringify(fields));
  }
});

test("covered and dropped tiles add up to the ids", () => {
  const table: [ResultFields, [number | undefined, number | undefined]][] = [
    [{ tileIds, droppedTileCount: 1 }, [3, 1]],
    [{ tileIds, coveredTileCount: 1 }, [1, 3]],
    [{ tileIds, droppedTileCount: 0 }, [4, 0]],
    [{ tileIds, coveredTileCount: 4, droppedTileCount: 2 }, [4, 2]],
    [{ tileIds }, [undefined, undefined]],
    [{ resultClass: PARTIAL }, [undefined, undefined]],
  ];
  for (const [fields, expected] of table) {
    const { coveredTileCount, droppedTileCount } = completeResult(fields);
    assertEquals([coveredTileCount, droppedTileCount], expected, JSON.stringify(fields));
  }
});

test("a complete result is handed on as it is", () => {
  for (
    const fields of [{}, { tileIds }, { resultClass: COMPLETE, resultFlags: 0 }, { payloadKindBitmap: 0 }]
  ) {
    assertStrictEquals(completeResult(fields), fields);
  }
});

test("nothing given is changed, and filling in twice is the same as once", () => {
  const maybe = (max: number): fc.Arbitrary<number | undefined> =>
    fc.option(fc.integer({ min: 0, max }), { nil: undefined });
  const anyFields = fc.record({
    tileIds: fc.option(fc.constant(tileIds), { nil: undefined }),
    resultClass: maybe(3),
    resultFlags: maybe(7),
    appliedBudgetPolicy: maybe(15),
    coveredTileCount: maybe(4),
    droppedTileCount: maybe(4),
    reusedFrameId: maybe(9),
  });
  fc.assert(fc.property(anyFields, (fields) => {
    const once = completeResult(fields);
    for (const [name, value] of Object.entries(fields)) {
      if (value !== undefined) assertEquals(once[name as keyof ResultFields], value);
    }
    assertEquals(completeResult(once), once);
  }));
});
