import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { namesSomebody, samePlainValue } from "./same_principal.ts";

class Account {
  readonly #id: number;
  constructor(id: number) {
    this.#id = id;
  }
  get id(): number {
    return this.#id;
  }
}

test("plain values are the same by content; objects of classes only if they are one", () => {
  const account = new Account(1);
  const loop: { self?: unknown } = {};
  loop.self = loop;
  const otherLoop: { self?: unknown } = {};
  otherLoop.self = otherLoop;
  const symbol = Symbol("who");
  const cases: [unknown, unknown, boolean][] = [
    ["alice", "alice", true],
    ["alice", "Alice", false],
    [NaN, NaN, true],
    [1, "1", false],
    [1n, 1, false],
    [{ name: "alice", roles: ["a", "b"] }, { roles: ["a", "b"], name: "alice" }, true],
    [{ name: "alice", roles: ["a", "b"] }, { name: "alice", roles: ["b", "a"] }, false],
    [{ name: "alice" }, { name: "alice", admin: true }, false],
    [{ name: "alice", admin: undefined }, { name: "alice", other: undefined }, false],
    [{ [symbol]: 1 }, { [symbol]: 2 }, false],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }, true],
    [["a"], { 0: "a", length: 1 }, false],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2]), true],
    [new Uint8Array([1, 2]), new Uint8Array([1, 3]), false],
    [new Uint8Array([1, 2]), [1, 2], false],
    [account, account, true],
    [new Account(1), new Account(1), false], // what a class hides is not seen: #id may differ
    [{ account }, { account }, true],
    [new Date(0), new Date(1), false],
    [new Map([["a", 1]]), new Map([["a", 2]]), false],
    [new Set(["alice"]), new Set(["mallory"]), false],
    [loop, otherLoop, false],
    [() => 1, () => 1, false],
    [null, undefined, false],
    [null, {}, false],
  ];
  for (const [a, b, expected] of cases) {
    const what = `${typeof a === "object" ? Object.keys(a ?? {}) : String(a)}`;
    assertEquals([samePlainValue(a, b), samePlainValue(b, a)], [expected, expected], what);
  }
});

test("whatever was copied is the same; whatever differs as JSON is not", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    assertEquals(samePlainValue(a, structuredClone(a)), true);
    if (samePlainValue(a, b)) assertEquals(a, b);
  }));
});

test("nothing, and an empty name, name nobody", () => {
  assertEquals([undefined, null, ""].map(namesSomebody), [false, false, false]);
  assertEquals(["alice", 0, false, {}, []].map(namesSomebody), [true, true, true, true, true]);
});
