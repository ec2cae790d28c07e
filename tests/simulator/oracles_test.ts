import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { AbortedDials } from "./oracles/aborted_dials.ts";
import { type ClosingFrame, isLostByServer } from "./oracles/closing.ts";

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
