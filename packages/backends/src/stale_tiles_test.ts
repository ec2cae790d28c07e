import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { StaleTileStore } from "./stale_tiles.ts";

const tile = (level: number) => new Uint8Array(100).fill(level);
const ids = (
  store: StaleTileStore,
  session: object,
  view = 0,
) => [...store.recall(session, view, "g")?.tiles.keys() ?? []];

test("later answers replace earlier ones, unanswered tiles are forgotten", () => {
  const store = new StaleTileStore(10_000);
  const session = {};
  store.remember(session, 0, "g", 1, [0, 1, 2], [tile(1), tile(1), tile(1)]);
  store.remember(session, 0, "g", 2, [1, 2], [tile(2), null]);
  const known = store.recall(session, 0, "g")!;
  assertEquals(known.frameId, 2);
  assertEquals([...known.tiles].map(([id, t]) => [id, t[0]]), [[0, 1], [1, 2]]);
  assertEquals(store.bytes, 200);
});

test("another geometry forgets the tiles of the old one", () => {
  const store = new StaleTileStore(10_000);
  const session = {};
  store.remember(session, 0, "g", 1, [0], [tile(1)]);
  assertEquals(store.recall(session, 0, "h"), undefined);
  store.remember(session, 0, "h", 2, [5], [tile(2)]);
  assertEquals([...store.recall(session, 0, "h")!.tiles.keys()], [5]);
  assertEquals(store.bytes, 100);
});

test("the bytes are bounded over all sessions, the least recently used view goes first", () => {
  const store = new StaleTileStore(500);
  const [a, b, c] = [{}, {}, {}];
  store.remember(a, 0, "g", 1, [0, 1], [tile(1), tile(1)]);
  store.remember(b, 0, "g", 1, [0, 1], [tile(1), tile(1)]);
  store.recall(a, 0, "g");
  store.remember(c, 0, "g", 1, [0, 1], [tile(1), tile(1)]);
  assertEquals([ids(store, a), ids(store, b), ids(store, c)], [[0, 1], [], [0, 1]]);
  assertEquals(store.bytes, 400);
});

test("a view larger than the bound is not kept", () => {
  const store = new StaleTileStore(150);
  const session = {};
  store.remember(session, 0, "g", 1, [0, 1], [tile(1), tile(1)]);
  assertEquals([ids(store, session), store.bytes], [[], 0]);
});

test("a session keeps few views", () => {
  const store = new StaleTileStore(100_000);
  const session = {};
  for (let view = 0; view < 6; view++) store.remember(session, view, "g", 1, [view], [tile(1)]);
  assertEquals([0, 1, 2, 3, 4, 5].map((view) => ids(store, session, view).length), [0, 0, 1, 1, 1, 1]);
  assertEquals(store.bytes, 400);
});
