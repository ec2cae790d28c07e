import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { verdictOf } from "./oracles/give_up.ts";
import { TurnWait } from "./oracles/starvation.ts";

test("give-up: words are a verdict of the side whose words they are, not of the one that passes them on", () => {
  const cases = [
    ["server", "session 7 ended: the client took nothing for 10000 ms", "stall"],
    ["server", "session 7 lost its connection: the server took nothing for 10000 ms", null],
    ["server", "session 7 ended: nothing was received within the idle time", "idle"],
    ["client", "connection lost: the server took nothing for 10000 ms", "stall"],
    ["client", "connection lost: the client took nothing for 10000 ms", null],
    ["client", "connection lost: nothing was received within the idle time", "idle"],
    ["client", "connection lost: connection closed by peer", null],
  ] as const;
  for (const [side, words, verdict] of cases) {
    assertEquals(verdictOf(side, words), verdict, `${side}: ${words}`);
  }
});

test("starvation: only time in which nothing of its own keeps a frame counts", () => {
  const wait = new TurnWait();
  assertEquals(wait.sinceMs(500), Infinity, "not looked at yet");
  const looks = [
    { atMs: 1000, isOwn: true, sinceMs: Infinity },
    { atMs: 2000, isOwn: false, sinceMs: 2000 }, // when it began between two looks is not known
    { atMs: 3000, isOwn: false, sinceMs: 2000 },
    { atMs: 4000, isOwn: true, sinceMs: Infinity },
    { atMs: 5000, isOwn: false, sinceMs: 5000 },
    { atMs: 9000, isOwn: false, sinceMs: 5000 },
  ];
  for (const { atMs, isOwn, sinceMs } of looks) {
    wait.look(atMs, isOwn);
    assertEquals(wait.sinceMs(500), sinceMs, `at ${atMs} ms`);
  }
  assertEquals(wait.sinceMs(6000), 6000, "a frame that came later");
});
