import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { NnrpLimitError } from "../../errors.ts";
import { PendingReplies } from "./pending_replies.ts";

function three(): PendingReplies<string, number> {
  const list = new PendingReplies<string, number>("pendingThings", 3);
  list.add(1n, "a", 10);
  list.add(2n, "b", undefined);
  list.add(3n, "a", 30);
  return list;
}

test("requests are found by trace id, in any order, once", () => {
  const list = three();
  assertEquals([list.take(3n)?.waiter, list.take(1n)?.data, list.take(1n), list.take(9n)], [
    30,
    "a",
    undefined,
    undefined,
  ]);
  assertEquals(list.size, 1);
});

test("without a trace id the oldest that matches is taken", () => {
  const list = three();
  assertEquals(list.takeFirst((data) => data === "a")?.waiter, 10);
  assertEquals(list.takeFirst()?.data, "b");
  assertEquals(list.takeFirst((data) => data === "z"), undefined);
});

test("a full list gives up the oldest request nobody waits for, then refuses", () => {
  const list = three();
  list.add(4n, "c", 40);
  assertEquals(list.take(2n), undefined);
  assertEquals(list.hasRoom, false);
  const error = assertThrows(() => list.add(5n, "d", 50), NnrpLimitError, "3 requests");
  assertEquals([error.limit, list.size], ["pendingThings", 3]);
  assertEquals([list.abandon(3n), list.abandon(3n), list.abandon(77n)], [30, undefined, undefined]);
  list.add(5n, "d", 50);
  assertEquals([...list.values()].map((entry) => entry.traceId), [1n, 4n, 5n]);
});

test("draining returns all who wait, oldest first, and empties the list", () => {
  const list = three();
  assertEquals([list.drain(), list.size, list.drain()], [[10, 30], 0, []]);
  list.add(1n, "again", 1);
  assertEquals(list.take(1n)?.data, "again");
});
