import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { NnrpLimitError } from "../../errors.ts";
import { CacheAckStatus, CacheInvalidateScope, CacheObjectKind } from "../../wire/enums.ts";
import type { CacheAckMetadata } from "../../wire/metadata/cache_ack.ts";
import type { CacheKey } from "./cache_key.ts";
import { CacheMirror } from "./cache_mirror.ts";

const { ACCEPTED, REPLACED, REJECTED } = CacheAckStatus;

function key(lo: number, kind: number = CacheObjectKind.CAMERA_BLOCK, namespace = 0): CacheKey {
  return { objectKind: kind, cacheNamespace: namespace, cacheKeyHi: 0, cacheKeyLo: lo };
}

function ack(of: CacheKey, status: number = ACCEPTED, acceptedTtlMs = 0): CacheAckMetadata {
  const { cacheNamespace, cacheKeyHi, cacheKeyLo } = of;
  return {
    cacheNamespace,
    cacheKeyHi,
    cacheKeyLo,
    status,
    acceptedTtlMs,
    maxObjectBytes: 100,
    detailCode: 0,
  };
}

test("a reference is usable after the ack, not before", () => {
  const mirror = new CacheMirror<string>();
  mirror.putSent(key(1), 5n, 0, "me");
  assert(!mirror.isUsable(key(1), 0));
  assertEquals(mirror.acknowledge(ack(key(1)), 5n), { key: key(1), usable: true, waiter: "me" });
  assert(mirror.isUsable(key(1), 1e9));
  assert(!mirror.isUsable(key(1, CacheObjectKind.TILE_INDEX_BLOCK), 0));
});

test("REPLACED makes usable, REJECTED does not", () => {
  for (const [status, usable] of [[ACCEPTED, true], [REPLACED, true], [REJECTED, false]] as const) {
    const mirror = new CacheMirror();
    mirror.putSent(key(1), 1n, 0);
    assertEquals(mirror.acknowledge(ack(key(1), status), 1n)?.usable, usable);
    assertEquals(mirror.isUsable(key(1), 0), usable);
  }
});

test("acks are matched by trace id, in any order; kinds of one key are kept apart", () => {
  const mirror = new CacheMirror<string>();
  const camera = key(1);
  const index = key(1, CacheObjectKind.TILE_INDEX_BLOCK);
  mirror.putSent(camera, 1n, 0, "camera");
  mirror.putSent(index, 2n, 0, "index");
  assertEquals(mirror.acknowledge(ack(index), 2n)?.waiter, "index");
  assertEquals([mirror.isUsable(camera, 0), mirror.isUsable(index, 0)], [false, true]);
});

test("without trace id the oldest put of that namespace and key is meant", () => {
  const mirror = new CacheMirror<string>();
  mirror.putSent(key(1), 1n, 0, "a");
  mirror.putSent(key(2), 2n, 0, "b");
  mirror.putSent(key(2, CacheObjectKind.TILE_INDEX_BLOCK), 3n, 0, "c");
  assertEquals(mirror.acknowledge(ack(key(2)), 0n)?.waiter, "b");
  assertEquals(mirror.acknowledge(ack(key(2)), 0n)?.waiter, "c");
  assertEquals(mirror.acknowledge(ack(key(2)), 0n), undefined);
  assertEquals(mirror.acknowledge(ack(key(1, 1, 9)), 0n), undefined);
  assertEquals([mirror.pendingPuts, mirror.unmatchedAcks], [1, 2]);
});

test("an ack for an invalidation is no fault", () => {
  const mirror = new CacheMirror<string>();
  mirror.putSent(key(1), 1n, 0, "a");
  mirror.invalidated({ invalidateScope: CacheInvalidateScope.WHOLE_SESSION, ...key(0), reasonCode: 0 });
  assertEquals(mirror.acknowledge(ack(key(0)), 77n), undefined);
  assertEquals(mirror.acknowledge(ack(key(1)), 1n), { key: key(1), usable: false, waiter: "a" });
  assert(!mirror.isUsable(key(1), 0));
});

test("an invalidation takes its scope away, puts under way included, and no more", () => {
  const mirror = new CacheMirror();
  for (const [trace, at] of [[1n, key(1)], [2n, key(2)]] as const) {
    mirror.putSent(at, trace, 0);
    mirror.acknowledge(ack(at), trace);
  }
  mirror.putSent(key(3), 3n, 0);
  mirror.invalidated({ invalidateScope: CacheInvalidateScope.OBJECT_KEY, ...key(1), reasonCode: 0 });
  mirror.acknowledge(ack(key(3)), 3n);
  assertEquals([1, 2, 3].map((lo) => mirror.isUsable(key(lo), 0)), [false, true, true]);
});

test("a second put of a key makes the first one's ack worthless", () => {
  const mirror = new CacheMirror();
  mirror.putSent(key(1), 1n, 0);
  mirror.putSent(key(1), 2n, 0);
  assertEquals(mirror.acknowledge(ack(key(1)), 1n)?.usable, false);
  assert(!mirror.isUsable(key(1), 0));
  assertEquals(mirror.acknowledge(ack(key(1), REPLACED), 2n)?.usable, true);
  mirror.putSent(key(1), 3n, 0);
  assert(!mirror.isUsable(key(1), 0));
});

test("the time counts from sending, so the mirror never trusts longer than the server keeps", () => {
  const mirror = new CacheMirror();
  mirror.putSent(key(1), 1n, 100);
  mirror.acknowledge(ack(key(1), ACCEPTED, 1_000), 1n);
  assertEquals([mirror.isUsable(key(1), 1_099), mirror.isUsable(key(1), 1_100), mirror.size], [
    true,
    false,
    0,
  ]);
});

test("after a CACHE_MISS the reference is not usable until it is put again", () => {
  const mirror = new CacheMirror();
  mirror.putSent(key(1), 1n, 0);
  mirror.acknowledge(ack(key(1)), 1n);
  mirror.forget(key(1));
  assert(!mirror.isUsable(key(1), 0));
});

test("an ERROR ends a put; a late ack after lost patience still counts", () => {
  const mirror = new CacheMirror<string>();
  mirror.putSent(key(1), 1n, 0, "a");
  mirror.putSent(key(2), 2n, 0, "b");
  mirror.putSent(key(3), 3n, 0, "c");
  assertEquals(mirror.reject(1n), "a");
  mirror.abandon(2n);
  assertEquals(mirror.acknowledge(ack(key(2)), 2n), { key: key(2), usable: true, waiter: undefined });
  assertEquals(mirror.drain(), ["c"]);
  assert(!mirror.isUsable(key(2), 0));
});

test("memory is bounded: references remembered and puts without answer", () => {
  const mirror = new CacheMirror<string>(3);
  for (let lo = 1; lo <= 5; lo++) {
    mirror.putSent(key(lo), BigInt(lo), 0);
    mirror.acknowledge(ack(key(lo)), BigInt(lo));
  }
  assertEquals([1, 2, 3, 4, 5].map((lo) => mirror.isUsable(key(lo), 0)), [false, false, true, true, true]);
  for (let lo = 0; lo < 1024; lo++) mirror.putSent(key(lo), BigInt(1_000 + lo), 0, "w");
  assertThrows(() => mirror.checkRoom(), NnrpLimitError, "1024 requests");
  assertThrows(() => mirror.putSent(key(9), 1n, 0, "w"), NnrpLimitError);
});
