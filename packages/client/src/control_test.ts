import {
  CacheAckStatus,
  CacheInvalidateScope,
  ErrorCode,
  FlowUpdateReason,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpValueError,
  SessionPatchAckStatus,
  SessionPatchRejectReason,
  TypedPayload,
} from "@nnrp/core";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { MEMORY } from "../../../tests/support/places.ts";
import { type RawPeer, RawServer } from "../../../tests/support/raw_peer.ts";
import { ackFor } from "@nnrp/testing/engines";
import { cacheAckPacket, errorPacket, patchAckPacket, patterned } from "@nnrp/testing/packets";
import { dialClient } from "./dial.ts";
import type { ClientSession } from "./session.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** A client whose server is the test. */
async function facingRaw(): Promise<{ client: ClientSession; peer: RawPeer; end(): Promise<void> }> {
  const raw = await RawServer.listen();
  const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`, { keepAliveMs: 0 });
  const peer = await raw.accept();
  peer.send(ackFor(await peer.next("CLIENT_HELLO")));
  const client = await dialling;
  return {
    client,
    peer,
    async end() {
      peer.destroy();
      await client.close();
      raw.close();
    },
  };
}

test("pings overlap, and each measures its own way", async () => {
  const at = await MEMORY.serve(() => ({}));
  const client = await at.dial();
  const times = await Promise.all(Array.from({ length: 30 }, () => client.ping()));
  assert(times.every((ms) => ms >= 0));
  assert(client.stats.rttMs! >= 0);
  await at.end();
});

test("requests that nobody answers time out; late answers harm nobody, and the next request works", async () => {
  const at = await facingRaw();
  const options = { timeoutMs: 15 };
  await assertRejects(() => at.client.ping(options), NnrpTimeoutError, "PONG");
  await assertRejects(
    () => at.client.patch({ qualityTier: 1 }, options),
    NnrpTimeoutError,
    "SESSION_PATCH_ACK",
  );
  await assertRejects(
    () => at.client.putCache({ kind: 1, key: 1n, data: patterned(3, 1) }, options),
    NnrpTimeoutError,
    "CACHE_ACK",
  );
  const late = [
    await at.peer.next("PING"),
    await at.peer.next("SESSION_PATCH"),
    await at.peer.next("CACHE_PUT"),
  ].map((p) => p.header.traceId);
  const patch = at.client.patch({ qualityTier: 2 });
  const put = at.client.putCache({ kind: 1, key: 2n, data: patterned(3, 1) });
  const [second, third] = [
    (await at.peer.next("SESSION_PATCH")).header.traceId,
    (await at.peer.next("CACHE_PUT")).header.traceId,
  ];
  at.peer.send(
    patchAckPacket({ effectiveQualityTier: 1 }, { traceId: late[1] }),
    cacheAckPacket({}, { traceId: late[2] }),
  );
  at.peer.send(
    patchAckPacket({ effectiveQualityTier: 2 }, { traceId: second }),
    cacheAckPacket({ cacheKeyLo: 2 }, { traceId: third }),
  );
  assertEquals([(await patch).settings.qualityTier, (await put).usable], [2, true]);
  await at.end();
});

test("requests can be given up by signal", async () => {
  const at = await facingRaw();
  const abort = new AbortController();
  const { signal } = abort;
  const all = [
    at.client.ping({ signal }),
    at.client.patch({ qualityTier: 1 }, { signal }),
    at.client.putCache({ kind: 1, key: 1n, data: patterned(3, 1) }, { signal }),
    at.client.receiveFlowUpdate({ signal }),
    at.client.receiveResult({ signal }),
  ].map((promise) => assertRejects(() => promise, Error, "never mind"));
  abort.abort(new Error("never mind"));
  await Promise.all(all);
  await assertRejects(() => at.client.ping({ signal }), Error, "never mind");
  await at.end();
});

test("§10: an ERROR with a request's trace id rejects it with the server's words", async () => {
  const at = await facingRaw();
  const patch = assertRejects(() => at.client.patch({ qualityTier: 1 }), NnrpProtocolError);
  const { traceId } = (await at.peer.next("SESSION_PATCH")).header;
  at.peer.send(errorPacket({ errorCode: ErrorCode.UNSUPPORTED_CAPABILITY }, { traceId }, "no patches here"));
  const error = await patch;
  assertEquals([error.codeName, error.diagnostic, at.client.state], [
    "UNSUPPORTED_CAPABILITY",
    "no patches here",
    "active",
  ]);
  await at.end();
});

test("a session that ends fails every request that waits", async () => {
  const at = await facingRaw();
  const all = [
    at.client.ping(),
    at.client.patch({ qualityTier: 1 }),
    at.client.putCache({ kind: 1, key: 1n, data: patterned(3, 1) }),
    at.client.receiveFlowUpdate(),
    at.client.submit(say("x")),
    at.client.submitNowait(say("x")).then(({ frameId }) => at.client.receiveResult({ frameId })),
  ].map((promise) => assertRejects(() => promise, NnrpTransportError));
  const hints = at.client.resultHints().next();
  await at.peer.next("FRAME_SUBMIT");
  at.peer.destroy();
  await Promise.all(all);
  assertEquals((await hints).done, true);
  await at.end();
});

test("patches: outcomes tell what applied, what did not, and the values in force", async () => {
  const at = await MEMORY.serve(() => ({}), { maxPatchesPerSecond: 4 });
  const client = await at.dial();
  const all = await client.patch({ targetCadence: 29.97, qualityTier: 9, degradePolicy: 3 });
  assertEquals([all.status, all.rejectedMask, all.settings.targetCadenceX100], [
    SessionPatchAckStatus.ACCEPTED,
    0,
    2997,
  ]);
  const some = await client.patchSession({ qualityTier: 300, degradePolicy: 1 });
  assertEquals([some.status, some.rejectReason], [
    SessionPatchAckStatus.PARTIALLY_APPLIED,
    SessionPatchRejectReason.INVALID_RANGE,
  ]);
  assertEquals([some.settings.qualityTier, some.settings.degradePolicy], [9, 1]);
  const block = { minWidth: 16, minHeight: 16, maxWidth: 1920, maxHeight: 1080 };
  assertEquals((await client.patch({ profilePatch: block })).settings.profilePatch, block);
  await client.patch({});
  const limited = await client.patch({ qualityTier: 1 });
  assertEquals([limited.rejectReason, limited.retryAfterMs > 0, client.settings.qualityTier], [
    SessionPatchRejectReason.RATE_LIMITED,
    true,
    9,
  ]);
  for (const targetCadence of [-1, NaN, 1e9]) {
    await assertRejects(() => client.patch({ targetCadence }), NnrpValueError);
  }
  await assertRejects(() => client.patch({ qualityTier: -1 }), NnrpValueError);
  await at.end();
});

test("cache: puts, references, invalidations and misses", async () => {
  const at = await MEMORY.serve((frame) => say(`${frame.cameraBlock.length} bytes`));
  const client = await at.dial();
  const put = (key: bigint, size: number) =>
    client.putCache({ kind: 1, key, namespace: 5, data: patterned(size, 1), ttlMs: 60_000, reusable: true });
  const first = await put(0xffffffffffffffffn, 30);
  assertEquals([first.status, first.usable, first.acceptedTtlMs, first.detailCode], [
    CacheAckStatus.ACCEPTED,
    true,
    60_000,
    0,
  ]);
  assertEquals(first.reference, {
    objectKind: 1,
    refFlags: 0,
    cacheNamespace: 5,
    cacheKeyHi: 0xffffffff,
    cacheKeyLo: 0xffffffff,
  });
  const submit = () => client.submit({ submitMode: 1, objectRefMask: 1, cameraReference: first.reference });
  assertEquals((await submit()).text(), "30 bytes");
  await client.invalidateCache({ scope: CacheInvalidateScope.OBJECT_KEY, namespace: 5, key: 1n });
  assertEquals((await submit()).text(), "30 bytes");
  await client.invalidateCache({
    scope: CacheInvalidateScope.OBJECT_KEY,
    namespace: 5,
    key: 0xffffffffffffffffn,
  });
  const miss = await assertRejects(submit, NnrpProtocolError);
  assertEquals([miss.codeName, miss.fatal], ["CACHE_MISS", false]);
  assertEquals((await put(0xffffffffffffffffn, 31)).status, CacheAckStatus.ACCEPTED);
  assertEquals((await submit()).text(), "31 bytes");
  await client.invalidateCache({ scope: CacheInvalidateScope.OBJECT_KIND, namespace: 5, kind: 2 });
  assertEquals((await submit()).text(), "31 bytes");
  await client.invalidateCache({ scope: CacheInvalidateScope.WHOLE_SESSION });
  await assertRejects(submit, NnrpProtocolError, "CACHE_MISS");
  for (const key of [-1n, 1n << 64n, 5 as never]) {
    await assertRejects(() => client.putCache({ kind: 1, key, data: patterned(1, 1) }), NnrpValueError);
  }
  await assertRejects(() => client.invalidateCache({ scope: 99 }), NnrpValueError);
  await at.end();
});

test("a put too large for the cache is rejected and says how large it may be", async () => {
  const at = await MEMORY.serve(() => ({}), { profile: { maxCacheObjectBytes: 100 } });
  const client = await at.dial();
  const outcome = await client.putCache({ kind: 1, key: 1n, data: patterned(101, 1) });
  assertEquals([outcome.status, outcome.usable, outcome.detailCode, outcome.maxObjectBytes], [
    CacheAckStatus.REJECTED,
    false,
    ErrorCode.LIMIT_EXCEEDED,
    100,
  ]);
  await at.end();
});

test("hints, flow updates and errors are kept for a reader, the newest ones, and counted", async () => {
  const at = await MEMORY.bind();
  const client = await at.dial({ maxEventsKept: 5, flowControl: "manual" });
  const session = await at.server.accept();
  for (let i = 1; i <= 12; i++) {
    session.sendResultHint({ frameId: i });
    session.sendFlowUpdate({ credit: i, creditEpoch: 13 - i }); // each of another epoch, older than the last: none replaces another
    session.sendError({ errorCode: 100 + i });
  }
  await client.ping();
  assertEquals(client.stats.droppedHints, 7);
  const [hints, errors] = [client.resultHints(), client.errors()];
  for (let i = 8; i <= 12; i++) {
    assertEquals((await hints.next()).value!.frameId, i);
    assertEquals((await client.receiveFlowUpdate()).metadata.sessionCredit, i);
    assertEquals((await errors.next()).value!.error.errorCode, 100 + i);
  }
  const next = client.flowUpdates().next();
  session.sendFlowUpdate({ updateReason: FlowUpdateReason.PAUSE });
  assertEquals((await next).value!.metadata.updateReason, FlowUpdateReason.PAUSE);
  assertEquals(client.stats.paused, false, "manual flow control leaves it to the application");
  await assertRejects(() => client.receiveFlowUpdate({ timeoutMs: 5 }), NnrpTimeoutError);
  await client.close();
  assertEquals([(await hints.next()).done, (await client.flowUpdates().next()).done], [true, true]);
  await assertRejects(() => client.receiveFlowUpdate(), NnrpTransportError);
  await at.end();
});

test("a closed session refuses everything, and says why", async () => {
  const at = await MEMORY.serve(() => ({}));
  const client = await at.dial();
  await client.close({ reason: "had enough" });
  const rejected: (() => Promise<unknown>)[] = [
    () => client.submit(say("x")),
    () => client.submitNowait(say("x")),
    () => client.submitStream(say("x"))[Symbol.asyncIterator]().next(),
    () => client.ping(),
    () => client.patch({ qualityTier: 1 }),
    () => client.putCache({ kind: 1, key: 1n, data: patterned(1, 1) }),
    () => client.invalidateCache({ scope: 0 }),
  ];
  for (const call of rejected) {
    const error = await assertRejects(call, NnrpStateError, undefined, String(call));
    assert(error.message.includes("closed"), error.message);
  }
  for (const call of [() => client.receiveResult(), () => client.receiveFlowUpdate()]) {
    await assertRejects(call, NnrpTransportError);
  }
  assertThrows(() => client.sendFlowUpdate({ credit: 1 }), NnrpStateError);
  assertThrows(() => client.raw.sendPacket("control", errorPacket()), NnrpStateError);
  client.cancelFrame(1);
  client.discardFrame(1);
  client.pauseSubmit();
  client.resumeSubmit();
  for await (const _ of client.results()) throw new Error("there is none");
  await client.close();
  const end = await client.closed;
  assertEquals([end.kind, end.local, end.reason, client.state], ["close", true, "had enough", "closed"]);
  await at.end();
});
