import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { AbortedDials } from "./oracles/aborted_dials.ts";
import { type ClosingFrame, isLostByServer } from "./oracles/closing.ts";
import { verdictOf } from "./oracles/give_up.ts";
import { TurnWait } from "./oracles/starvation.ts";

type Ends = Parameters<AbortedDials["gaveUp"]>[0]["ends"];

const connection = (id: number, ...by: Ends[number]["by"][]) => ({
  id,
  ends: by.map((by) => ({
    side: "client" as const,
    by,
    atMs: 0,
    unreadBytes: 0,
    arrivedBytes: 0,
    lastArrivalMs: 0,
  })),
});

test("only connections of a dial that was given up belong to it", () => {
  const cases: readonly [string, (dials: AbortedDials) => void, ReturnType<typeof connection>, boolean][] = [
    ["given up", (dials) => dials.begins(2).aborts(500), connection(3), true],
    ["closed by its client", (dials) => dials.begins(2).aborts(500), connection(3, "itself"), true],
    ["never given up", (dials) => void dials.begins(2), connection(3), false],
    ["older than the dial", (dials) => dials.begins(2).aborts(500), connection(2), false],
    ["given up long ago", (dials) => dials.begins(2).aborts(-1), connection(3), false],
    ["its machine was killed", (dials) => dials.begins(2).aborts(500), connection(3, "killed"), false],
    ["its path was cut", (dials) => dials.begins(2).aborts(500), connection(3, "network"), false],
    [
      "the signal comes when it has its session",
      (dials) => {
        const dial = dials.begins(2);
        dial.succeeds();
        dial.aborts(500);
      },
      connection(3),
      false,
    ],
    [
      "it gets its session in the moment of the signal",
      (dials) => {
        const dial = dials.begins(2);
        dial.aborts(500);
        dial.succeeds();
      },
      connection(3),
      false,
    ],
    [
      "the signal comes when it has failed",
      (dials) => {
        const dial = dials.begins(2);
        dial.fails();
        dial.aborts(500);
      },
      connection(3),
      false,
    ],
    [
      "failed by the signal, and the next dial has begun",
      (dials) => {
        const dial = dials.begins(2);
        dial.aborts(500);
        dial.fails();
        dials.begins(3);
      },
      connection(3),
      true,
    ],
    [
      "of the next dial",
      (dials) => {
        const dial = dials.begins(2);
        dial.aborts(500);
        dial.fails();
        dials.begins(3);
      },
      connection(4),
      false,
    ],
  ];
  for (const [name, play, one, expected] of cases) {
    const dials = new AbortedDials();
    play(dials);
    assertEquals(dials.gaveUp(one, 1000), expected, name);
  }
});

test("the close of a server is blamed for answers that were there in its time and in their client's", () => {
  const server = { atMs: 10_000, drainMs: 20_000 };
  const frame = (answeredMs: number, fields: object, closing: object | null) =>
    ({
      frame: {
        answeredMs,
        overMs: 26_000,
        outcome: "CLOSED the session is over",
        givenUp: false,
        handled: 1,
        run: { closing },
        ...fields,
      },
      handled: 1,
    }) as unknown as ClosingFrame;
  const cases: readonly [string, ClosingFrame, boolean][] = [
    ["in time", frame(25_000, {}, null), true],
    ["too late", frame(29_500, {}, null), false],
    ["never", frame(-1, {}, null), false],
    ["its client got it", frame(25_000, { outcome: "answered" }, null), false],
    ["its client gave it up", frame(25_000, { givenUp: true }, null), false],
    ["handled again by a later server", frame(25_000, { handled: 2 }, null), false],
    ["its client gives it no time", frame(25_904, {}, { atMs: 25_889, drainMs: 0 }), false],
    ["its client's time is over first", frame(25_000, {}, { atMs: 20_000, drainMs: 2000 }), false],
    ["its client gives it more time", frame(25_000, {}, { atMs: 20_000, drainMs: 60_000 }), true],
    ["its client gives it all time", frame(25_000, {}, { atMs: 20_000, drainMs: Infinity }), true],
  ];
  for (const [name, one, expected] of cases) assertEquals(isLostByServer(one, server), expected, name);
});

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
