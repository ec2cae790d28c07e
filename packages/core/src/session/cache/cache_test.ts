import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { CacheAckStatus, CacheInvalidateScope, CacheObjectKind, ErrorCode } from "../../wire/enums.ts";
import { CachePutFlags } from "../../wire/flags.ts";
import type { CacheInvalidateMetadata } from "../../wire/metadata/cache_invalidate.ts";
import { CacheDirectory, type CachePutRequest, CacheUse } from "./cache.ts";
import type { CacheKey } from "./cache_key.ts";

const { ACCEPTED, REPLACED, REJECTED } = CacheAckStatus;
const { CAMERA_BLOCK, TILE_INDEX_BLOCK, TENSOR_SECTION_TABLE, PROMPT_SEGMENT } = CacheObjectKind;

function key(lo: number, kind: number = CAMERA_BLOCK, namespace = 0, hi = 0): CacheKey {
  return { objectKind: kind, cacheNamespace: namespace, cacheKeyHi: hi, cacheKeyLo: lo };
}

function object(
  at: CacheKey,
  size: number,
  o: { ttlMs?: number; pinned?: boolean; fill?: number } = {},
): CachePutRequest {
  return {
    ...at,
    data: new Uint8Array(size).fill(o.fill ?? 1),
    ttlMs: o.ttlMs ?? 0,
    flags: o.pinned ? CachePutFlags.PINNED : CachePutFlags.NONE,
  };
}

function scope(invalidateScope: number, at: Partial<CacheKey> = {}): CacheInvalidateMetadata {
  return { invalidateScope, cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 0, ...at, reasonCode: 0 };
}

test("an object is found by its whole key and nothing else", () => {
  const cache = new CacheDirectory();
  assertEquals(cache.put(object(key(1, CAMERA_BLOCK, 3, 2), 4), 0), {
    status: ACCEPTED,
    acceptedTtlMs: 0,
    maxObjectBytes: 8 * 1024 * 1024,
    detailCode: 0,
  });
  assertEquals(cache.lookup(key(1, CAMERA_BLOCK, 3, 2), 0), new Uint8Array(4).fill(1));
  for (
    const other of [
      key(1, TILE_INDEX_BLOCK, 3, 2),
      key(1, CAMERA_BLOCK, 4, 2),
      key(1, CAMERA_BLOCK, 3, 1),
      key(2, CAMERA_BLOCK, 3, 2),
    ]
  ) {
    assertEquals(cache.lookup(other, 0), undefined);
  }
  assertEquals([cache.stats.hits, cache.stats.misses], [1, 4]);
});

test("the bytes are copied", () => {
  const cache = new CacheDirectory();
  const put = object(key(1), 2);
  cache.put(put, 0);
  put.data[0] = 99;
  assertEquals(cache.lookup(key(1), 0)![0], 1);
});

test("the same key again is REPLACED, with the new bytes", () => {
  const cache = new CacheDirectory();
  cache.put(object(key(1), 10, { pinned: true }), 0);
  assertEquals(cache.put(object(key(1), 4, { fill: 7 }), 0).status, REPLACED);
  assertEquals(cache.lookup(key(1), 0), new Uint8Array(4).fill(7));
  const { entries, bytes, pinnedEntries, pinnedBytes, replaced } = cache.stats;
  assertEquals([entries, bytes, pinnedEntries, pinnedBytes, replaced], [1, 4, 0, 0, 1]);
});

test("what is rejected, and with which code", () => {
  const table: [string, CacheDirectory, CachePutRequest, number][] = [
    [
      "off: no entries",
      new CacheDirectory({ maxEntries: 0 }),
      object(key(1), 1),
      ErrorCode.UNSUPPORTED_CAPABILITY,
    ],
    [
      "off: no bytes",
      new CacheDirectory({ maxBytes: 0 }),
      object(key(1), 0),
      ErrorCode.UNSUPPORTED_CAPABILITY,
    ],
    [
      "kind not negotiated",
      new CacheDirectory({ objectKindBitmap: 0x7 }),
      object(key(1, PROMPT_SEGMENT), 1),
      ErrorCode.UNSUPPORTED_CAPABILITY,
    ],
    ["kind 0", new CacheDirectory(), object(key(1, 0), 1), ErrorCode.UNSUPPORTED_CAPABILITY],
    ["kind 10", new CacheDirectory(), object(key(1, 10), 1), ErrorCode.UNSUPPORTED_CAPABILITY],
    ["kind 33", new CacheDirectory(), object(key(1, 33), 1), ErrorCode.UNSUPPORTED_CAPABILITY],
    ["too big", new CacheDirectory({ maxObjectBytes: 8 }), object(key(1), 9), ErrorCode.LIMIT_EXCEEDED],
    ["bigger than all", new CacheDirectory({ maxBytes: 8 }), object(key(1), 9), ErrorCode.LIMIT_EXCEEDED],
  ];
  for (const [name, cache, put, code] of table) {
    assertEquals(cache.put(put, 0), {
      status: REJECTED,
      acceptedTtlMs: 0,
      maxObjectBytes: cache.maxObjectBytes,
      detailCode: code,
    }, name);
    assertEquals([cache.stats.entries, cache.stats.rejected], [0, 1], name);
  }
});

test("the object that was not used for longest makes room", () => {
  const cache = new CacheDirectory({ maxEntries: 3 });
  for (const lo of [1, 2, 3]) cache.put(object(key(lo), 1), 0);
  cache.lookup(key(1), 0);
  cache.put(object(key(4), 1), 0);
  assertEquals([1, 2, 3, 4].map((lo) => cache.lookup(key(lo), 0) !== undefined), [true, false, true, true]);
  assertEquals(cache.stats.evicted, 1);
});

test("a large object pushes out as many as it needs", () => {
  const cache = new CacheDirectory({ maxBytes: 100 });
  for (let lo = 0; lo < 10; lo++) cache.put(object(key(lo), 10), 0);
  assertEquals(cache.put(object(key(99), 35), 0).status, ACCEPTED);
  assertEquals([cache.stats.entries, cache.stats.bytes, cache.stats.evicted], [7, 95, 4]);
});

test("a pinned object never makes room; a cache full of pinned ones rejects", () => {
  const cache = new CacheDirectory({ maxEntries: 3, maxBytes: 30 });
  cache.put(object(key(1), 10, { pinned: true }), 0);
  for (let lo = 10; lo < 20; lo++) cache.put(object(key(lo), 10), 0);
  assert(cache.lookup(key(1), 0) !== undefined);
  cache.put(object(key(2), 10, { pinned: true }), 0);
  cache.put(object(key(3), 10, { pinned: true }), 0);
  const full = cache.put(object(key(4), 1), 0);
  assertEquals([full.status, full.detailCode], [REJECTED, ErrorCode.LIMIT_EXCEEDED]);
  assertEquals(cache.put(object(key(3), 10), 0).status, REPLACED, "replacing needs no further room");
  assertEquals(cache.put(object(key(4), 1), 0).status, ACCEPTED, "and unpinned it makes room");
});

test("a rejected replacement leaves the older object", () => {
  const cache = new CacheDirectory({ maxBytes: 30 });
  cache.put(object(key(1), 20, { pinned: true }), 0);
  cache.put(object(key(2), 5), 0);
  assertEquals(cache.put(object(key(2), 11), 0).status, REJECTED);
  assertEquals(cache.lookup(key(2), 0)!.length, 5);
});

test("an object is found until its time is over, pinned or not", () => {
  for (const pinned of [false, true]) {
    const cache = new CacheDirectory();
    assertEquals(cache.put(object(key(1), 1, { ttlMs: 500, pinned }), 1_000).acceptedTtlMs, 500);
    assert(cache.lookup(key(1), 1_499) !== undefined);
    assertEquals(cache.lookup(key(1), 1_500), undefined);
    assertEquals(cache.put(object(key(1), 1), 1_500).status, ACCEPTED, "an expired object is not replaced");
    assertEquals([cache.stats.entries, cache.stats.expired], [1, 1]);
  }
});

test("expired objects make room before live ones", () => {
  const cache = new CacheDirectory({ maxEntries: 2 });
  cache.put(object(key(1), 1), 0);
  cache.put(object(key(2), 1, { ttlMs: 100, pinned: true }), 0);
  cache.put(object(key(3), 1), 100);
  assert(cache.lookup(key(1), 100) !== undefined);
  assertEquals([cache.stats.expired, cache.stats.evicted, cache.stats.pinnedEntries], [1, 0, 0]);
});

test("a longest time also binds objects that ask for no limit", () => {
  const cache = new CacheDirectory({ maxTtlMs: 1_000 });
  assertEquals([0, 5_000, 10].map((ttlMs) => cache.put(object(key(1), 1, { ttlMs }), 0).acceptedTtlMs), [
    1_000,
    1_000,
    10,
  ]);
});

test("only so many namespaces hold objects at once", () => {
  const cache = new CacheDirectory({ maxNamespaces: 2 });
  cache.put(object(key(1, CAMERA_BLOCK, 10), 1), 0);
  cache.put(object(key(1, CAMERA_BLOCK, 11), 1), 0);
  assertEquals(cache.put(object(key(1, CAMERA_BLOCK, 12), 1), 0).detailCode, ErrorCode.LIMIT_EXCEEDED);
  assertEquals(cache.put(object(key(2, CAMERA_BLOCK, 11), 1), 0).status, ACCEPTED);
  cache.invalidate(scope(CacheInvalidateScope.NAMESPACE, { cacheNamespace: 10 }));
  assertEquals(cache.put(object(key(1, CAMERA_BLOCK, 12), 1), 0).status, ACCEPTED);
});

test("invalidation reaches exactly its scope", () => {
  const { WHOLE_SESSION, NAMESPACE, OBJECT_KIND, OBJECT_KEY } = CacheInvalidateScope;
  const all = [
    key(1, CAMERA_BLOCK, 0),
    key(1, TILE_INDEX_BLOCK, 0),
    key(2, CAMERA_BLOCK, 0),
    key(1, CAMERA_BLOCK, 5),
    key(1, TENSOR_SECTION_TABLE, 5, 9),
  ];
  const table: [CacheInvalidateMetadata, boolean[]][] = [
    [scope(WHOLE_SESSION, { cacheNamespace: 77 }), [false, false, false, false, false]],
    [scope(NAMESPACE, { cacheKeyLo: 1 }), [false, false, false, true, true]],
    [scope(NAMESPACE, { cacheNamespace: 6 }), [true, true, true, true, true]],
    [scope(OBJECT_KIND, { cacheKeyLo: CAMERA_BLOCK }), [false, true, false, true, true]],
    [scope(OBJECT_KIND, { cacheNamespace: 5, cacheKeyLo: TENSOR_SECTION_TABLE }), [
      true,
      true,
      true,
      true,
      false,
    ]],
    [scope(OBJECT_KEY, { cacheKeyLo: 1 }), [false, false, true, true, true]],
    [scope(OBJECT_KEY, { cacheNamespace: 5, cacheKeyLo: 1, cacheKeyHi: 9 }), [true, true, true, true, false]],
  ];
  for (const [by, left] of table) {
    const cache = new CacheDirectory();
    all.forEach((at, i) => cache.put(object(at, 1, { pinned: i === 0 }), 0));
    const gone = left.filter((stays) => !stays).length;
    assertEquals(cache.invalidate(by), gone, JSON.stringify(by));
    assertEquals(all.map((at) => cache.lookup(at, 0) !== undefined), left, JSON.stringify(by));
    assertEquals([cache.stats.entries, cache.stats.bytes, cache.stats.invalidated], [
      5 - gone,
      5 - gone,
      gone,
    ]);
  }
  assertEquals(new CacheDirectory().invalidate(scope(WHOLE_SESSION)), 0);
});

test("a cleared cache is empty and usable", () => {
  const cache = new CacheDirectory({ maxEntries: 2 });
  for (const lo of [1, 2, 3]) cache.put(object(key(lo), 1, { pinned: lo === 3, ttlMs: 5 }), 0);
  cache.clear();
  assertEquals([cache.stats.entries, cache.stats.bytes, cache.stats.pinnedBytes], [0, 0, 0]);
  for (const lo of [4, 5, 6]) assertEquals(cache.put(object(key(lo), 1), 9).status, ACCEPTED);
});

const action = fc.record({
  what: fc.constantFrom("put", "put", "put", "lookup", "invalidate"),
  lo: fc.integer({ min: 0, max: 6 }),
  kind: fc.integer({ min: 1, max: 2 }),
  size: fc.integer({ min: 0, max: 40 }),
  ttlMs: fc.constantFrom(0, 0, 50, 300),
  pinned: fc.boolean(),
  waitMs: fc.integer({ min: 0, max: 120 }),
  scope: fc.integer({ min: 1, max: 3 }),
});

test("never over its bounds, counts what it holds, and tells no object that was not put last", () => {
  fc.assert(fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
    const maxEntries = 4;
    const maxBytes = 64;
    const cache = new CacheDirectory({ maxEntries, maxBytes, maxObjectBytes: 32 });
    const known = new Map<string, { fill: number; size: number; endsMs: number; key: CacheKey }>();
    let nowMs = 0;
    let fill = 0;
    for (const a of actions) {
      nowMs += a.waitMs;
      const at = key(a.lo, a.kind);
      const name = `${a.kind}/${a.lo}`;
      if (a.what === "put") {
        fill = (fill + 1) % 256;
        const ack = cache.put(object(at, a.size, { ttlMs: a.ttlMs, pinned: a.pinned, fill }), nowMs);
        if (ack.status === REJECTED) assertNotEquals(ack.detailCode, 0);
        else known.set(name, { fill, size: a.size, endsMs: a.ttlMs ? nowMs + a.ttlMs : Infinity, key: at });
      } else if (a.what === "lookup") {
        const bytes = cache.lookup(at, nowMs);
        const last = known.get(name);
        if (bytes !== undefined) {
          assert(last !== undefined && nowMs < last.endsMs);
          assertEquals(bytes, new Uint8Array(last.size).fill(last.fill));
        }
      } else {
        cache.invalidate(
          scope(a.scope, { cacheKeyLo: a.scope === CacheInvalidateScope.OBJECT_KIND ? a.kind : a.lo }),
        );
        for (const [text, k] of known) {
          if (a.scope === CacheInvalidateScope.NAMESPACE) known.delete(text);
          if (a.scope === CacheInvalidateScope.OBJECT_KIND && k.key.objectKind === a.kind) known.delete(text);
          if (a.scope === CacheInvalidateScope.OBJECT_KEY && k.key.cacheKeyLo === a.lo) known.delete(text);
        }
      }
      const { entries, bytes, pinnedEntries, pinnedBytes } = cache.stats;
      assert(entries <= maxEntries && bytes <= maxBytes && pinnedEntries <= entries && pinnedBytes <= bytes);
    }
    const held = [...known].filter(([, k]) => cache.lookup(k.key, nowMs) !== undefined);
    assert(held.length <= cache.stats.entries);
    assert(held.reduce((sum, [, k]) => sum + k.size, 0) <= cache.stats.bytes);
  }));
});

test("without pins and times a put is never rejected for want of room and is found until others push it out", () => {
  const puts = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 10 })), {
    minLength: 1,
  });
  fc.assert(fc.property(puts, (list) => {
    const cache = new CacheDirectory({ maxEntries: 5, maxBytes: 50 });
    const recent: number[] = [];
    for (const [lo, size] of list) {
      assertNotEquals(cache.put(object(key(lo), size), 0).status, REJECTED);
      const at = recent.indexOf(lo);
      if (at >= 0) recent.splice(at, 1);
      recent.push(lo);
    }
    // five objects of at most ten bytes always fit
    for (const lo of recent.slice(-5)) assert(cache.lookup(key(lo), 0) !== undefined);
    for (const lo of recent.slice(0, -5)) assertEquals(cache.lookup(key(lo), 0), undefined);
  }));
});

test("property: bytes of objects that are out of the cache and in use are in its books, each once, until nobody uses them", () => {
  const step = fc.record({
    does: fc.constantFrom("put", "put", "use", "use", "release", "invalidate", "clear", "wait"),
    lo: fc.integer({ min: 0, max: 3 }),
    size: fc.integer({ min: 1, max: 60 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const cache = new CacheDirectory({ maxEntries: 3, maxBytes: 100 });
    const uses: { use: CacheUse; data: Uint8Array }[] = [];
    let nowMs = 0;
    for (const { does, lo, size } of steps) {
      if (does === "put") cache.put(object(key(lo), size, { ttlMs: 50, pinned: size > 50 }), nowMs);
      else if (does === "use") {
        const use = new CacheUse(cache);
        const data = use.lookup(key(lo), nowMs);
        if (data !== undefined) uses.push({ use, data });
      } else if (does === "release") uses.splice(lo % (uses.length || 1), 1)[0]?.use.release();
      else if (does === "invalidate") {
        cache.invalidate(scope(CacheInvalidateScope.OBJECT_KEY, key(lo)));
      } else if (does === "clear") cache.clear();
      else nowMs += size;
      const used = new Set(uses.map(({ data }) => data));
      let out = 0;
      for (const data of used) out += data.length;
      // Whatever is still in the cache is looked for by hand: the rest of what is used is out of it.
      for (let at = 0; at < 4; at++) {
        const inside = cache.lookup(key(at), -Infinity);
        if (inside !== undefined && used.has(inside)) out -= inside.length;
      }
      assertEquals(cache.stats.usedBytes, out);
    }
    for (const { use } of uses) use.release();
    assertEquals(cache.stats.usedBytes, 0);
  }));
});

test("a cache whose host has no memory for it grows no more: it makes room, or refuses", () => {
  const cache = new CacheDirectory();
  cache.put(object(key(1), 50), 0);
  cache.spareBytes = 10;
  assertEquals(cache.put(object(key(2), 70), 0).status, REJECTED);
  assertEquals(cache.put(object(key(2), 10), 0).status, ACCEPTED);
  assertEquals(cache.put(object(key(3), 55), 0).status, ACCEPTED);
  assertEquals([cache.stats.bytes, cache.stats.evicted, cache.lookup(key(1), 0)], [55, 2, undefined]);
  cache.spareBytes = 100;
  assertEquals(cache.put(object(key(1), 60), 0).status, ACCEPTED);
});
