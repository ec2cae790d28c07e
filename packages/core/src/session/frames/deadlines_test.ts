import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { NnrpProtocolError, NnrpValueError } from "../../errors.ts";
import { ErrorCode } from "../../wire/enums.ts";
import { BudgetPolicy } from "../../wire/flags.ts";
import {
  budgetEndsMs,
  expiryOf,
  judgeStart,
  lateAnswers,
  latencyBudgetOf,
  type StartVerdict,
} from "./deadlines.ts";

const { NONE, ALLOW_PARTIAL, ALLOW_STALE_REUSE, ALLOW_DEGRADED, ALLOW_DROP } = BudgetPolicy;

test("a frame whose budget has not passed runs, whatever its policy", () => {
  for (let policy = 0; policy < 16; policy++) {
    assertEquals(judgeStart(budgetEndsMs(100, 8), policy, 107.9), "run");
    assertEquals(judgeStart(budgetEndsMs(100, 0), policy, 1e12), "run", "a budget of 0 is none");
  }
});

test("a late frame is dropped, answered otherwise or run, as its policy says", () => {
  const table: [number, StartVerdict, number][] = [
    [NONE, "run", 0],
    [ALLOW_DROP, "drop", 0],
    [ALLOW_DROP | ALLOW_PARTIAL, "drop", ALLOW_PARTIAL],
    [ALLOW_PARTIAL, "ask", ALLOW_PARTIAL],
    [ALLOW_STALE_REUSE | ALLOW_DEGRADED, "ask", ALLOW_STALE_REUSE | ALLOW_DEGRADED],
  ];
  for (const [policy, verdict, allowed] of table) {
    assertEquals(judgeStart(budgetEndsMs(100, 8), policy, 108), verdict, `policy ${policy}`);
    assertEquals(lateAnswers(policy), allowed);
  }
});

test("inferenceBudgetMs is another name for latencyBudgetMs", () => {
  assertEquals(latencyBudgetOf({}), 0);
  assertEquals(latencyBudgetOf({ latencyBudgetMs: 8 }), 8);
  assertEquals(latencyBudgetOf({ inferenceBudgetMs: 9 }), 9);
  assertEquals(latencyBudgetOf({ latencyBudgetMs: 8, inferenceBudgetMs: 8 }), 8);
  const error = assertThrows(
    () => latencyBudgetOf({ latencyBudgetMs: 8, inferenceBudgetMs: 0 }),
    NnrpValueError,
  );
  assertEquals(error.field, "inferenceBudgetMs");
});

test("an absolute deadline becomes a moment on the session's clock", () => {
  assertEquals(expiryOf(undefined, 1_700_000_000_000, 50), Infinity);
  assertEquals(expiryOf(1_700_000_000_250, 1_700_000_000_000, 50), 300);
  assertEquals(expiryOf(Infinity, 1_700_000_000_000, 50), Infinity);
});

test("a deadline that has passed refuses the frame", () => {
  for (const late of [0, 12]) {
    const error = assertThrows(() => expiryOf(1_000, 1_000 + late, 5, 7, 2), NnrpProtocolError, `${late} ms`);
    assertEquals(
      [error.errorCode, error.relatedFrameId, error.relatedViewId, error.remote, error.fatal],
      [ErrorCode.FRAME_EXPIRED, 7, 2, false, false],
    );
  }
  assertThrows(() => expiryOf(NaN, 0, 0), NnrpValueError, "deadlineMs");
});
