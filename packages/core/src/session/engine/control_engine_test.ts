import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { test } from "node:test";
import { ClientRig, namesOf, RecordingWaiter, type SentPacket, ServerRig } from "@nnrp/testing/engines";
import {
  bare,
  cacheAckPacket,
  cachePutPacket,
  errorPacket,
  flowPacket,
  hintPacket,
  patchAckPacket,
  patchPacket,
  patterned,
  probePacket,
  resultPacket,
} from "@nnrp/testing/packets";
import { NnrpLimitError, NnrpProtocolError, NnrpStateError, NnrpValueError } from "../../errors.ts";
import {
  CacheAckStatus,
  CacheInvalidateScope,
  ErrorCode,
  FlowUpdateBackpressureLevel,
  FlowUpdateReason,
  FlowUpdateScopeKind,
  MessageType,
  SessionPatchAckStatus,
  SessionPatchRejectReason,
} from "../../wire/enums.ts";
import { FlowUpdateFlags, SessionPatchField } from "../../wire/flags.ts";
import type { SessionPatchMetadata } from "../../wire/metadata/session_patch.ts";
import {
  decodeSessionPatchAckMetadata,
  type SessionPatchAckMetadata,
} from "../../wire/metadata/session_patch_ack.ts";
import { decodeCacheAckMetadata } from "../../wire/metadata/cache_ack.ts";
import { MAX_PENDING_PINGS } from "../control/keepalive.ts";
import { flowUpdateOf } from "../flow/flow_fields.ts";

const { CONNECTION, SESSION, OPERATION } = FlowUpdateScopeKind;
const { PAUSE, RESUME } = FlowUpdateReason;

// FLOW_UPDATE: what is said once, as the engine's answer to "may one more frame go?"

/** A client with so many frames in flight. */
function inFlight(count: number, options: ConstructorParameters<typeof ClientRig>[0] = {}): ClientRig {
  const rig = new ClientRig({ keepAliveMs: 0, idleTimeoutMs: 0, ...options }).open({
    maxConcurrentFrames: 10,
  });
  for (let i = 0; i < count; i++) rig.submit(i);
  rig.out.take();
  return rig;
}

test("§10: credit is the number of frames that may be in flight, the smaller of both scopes", () => {
  const rig = inFlight(2);
  assertEquals(rig.engine.canSubmit(), true);
  rig.receive(flowPacket({ credit: 2 }));
  assertEquals([rig.engine.canSubmit(), rig.engine.limit], [false, 2]);
  rig.receive(flowPacket({ credit: 5 }), flowPacket({ scopeKind: CONNECTION, credit: 3 }));
  assertEquals([rig.engine.canSubmit(), rig.engine.limit], [true, 3]);
  rig.receive(flowPacket({ scopeKind: CONNECTION, credit: 100 }), flowPacket({ credit: 100 }));
  assertEquals(rig.engine.limit, 10, "the server's max_concurrent_frames holds as well");
});

test("§10: a waiting submit goes when credit comes, when a frame ends, and when a retry time passes", () => {
  const rig = inFlight(1);
  const waitsFor = (packets: SentPacket[] | void, what: string) => {
    void packets;
    assertEquals(rig.heard.filter((h) => h === "admitted").length, 1, what);
    rig.heard.length = 0;
  };
  rig.receive(flowPacket({ credit: 1 }));
  rig.engine.wantSlot();
  rig.heard.length = 0;
  waitsFor(rig.receive(flowPacket({ credit: 2 })), "credit");
  rig.receive(flowPacket({ credit: 1 }));
  rig.engine.wantSlot();
  rig.heard.length = 0;
  waitsFor(rig.receive(resultPacket(0)), "result");
  rig.receive(flowPacket({ updateReason: PAUSE, retryAfterMs: 30 }));
  rig.engine.wantSlot();
  rig.heard.length = 0;
  assertEquals(rig.current.nextDeadlineMs, rig.nowMs + 30);
  rig.pass(29);
  assertEquals(rig.heard, []);
  waitsFor(rig.pass(1), "retry time");
});

test("§10: PAUSE, HARD and DRAIN_IN_FLIGHT_ONLY stop submits until an update without them", () => {
  const { HARD, SOFT } = FlowUpdateBackpressureLevel;
  const stops = [
    { updateReason: PAUSE },
    { backpressureLevel: HARD },
    { flags: FlowUpdateFlags.DRAIN_IN_FLIGHT_ONLY },
    { updateReason: RESUME, backpressureLevel: HARD },
    { updateReason: PAUSE, credit: 5 },
    { credit: 0 },
    { scopeKind: CONNECTION, credit: 0 },
  ];
  for (const stop of stops) {
    const rig = inFlight(1);
    rig.receive(flowPacket(stop));
    assertEquals(rig.engine.canSubmit(), false, JSON.stringify(stop));
    rig.receive(resultPacket(0));
    assertEquals(rig.engine.canSubmit(), false, "nothing but an update ends it");
    rig.receive(
      flowPacket({ scopeKind: "scopeKind" in stop ? CONNECTION : SESSION, updateReason: RESUME, credit: 5 }),
    );
    assertEquals(rig.engine.canSubmit(), true, JSON.stringify(stop));
  }
  const soft = inFlight(1);
  soft.receive(
    flowPacket({ backpressureLevel: SOFT }),
    flowPacket({ flags: FlowUpdateFlags.BACKGROUND_ONLY }),
  );
  assertEquals(soft.engine.canSubmit(), true, "SOFT is advice");
});

test("§10: epochs above 0 are ordered, 0 is always applied, OPERATION is reported only", () => {
  const rig = inFlight(0);
  const told = (fields: Parameters<typeof flowPacket>[0]) => {
    rig.receive(flowPacket(fields));
    return rig.flows.at(-1)!.applied;
  };
  assertEquals(told({ credit: 5, creditEpoch: 7 }), true);
  assertEquals([told({ credit: 9, creditEpoch: 7 }), told({ credit: 9, creditEpoch: 6 })], [false, false]);
  assertEquals([told({ credit: 4 }), rig.engine.limit], [true, 4]);
  assertEquals(
    told({ scopeKind: CONNECTION, credit: 3, creditEpoch: 1 }),
    true,
    "each scope has epochs of its own",
  );
  assertEquals(told({ credit: 2, creditEpoch: 8 }), true);
  assertEquals(told({ scopeKind: OPERATION, operationId: 1n, credit: 1 }), false);
  assertEquals([rig.engine.limit, rig.flows.length], [2, 7]);
  assertEquals(rig.flows.map((f) => f.metadata.creditEpoch), [7, 7, 6, 0, 1, 8, 0]);
});

test("§10: in manual flow control updates are reported and bind nobody", () => {
  const rig = inFlight(3, { flowControl: "manual" });
  rig.receive(flowPacket({ updateReason: PAUSE }), flowPacket({ credit: 0 }));
  assertEquals([rig.engine.canSubmit(), rig.flows.length], [true, 2]);
  rig.engine.credit.pause();
  assertEquals(rig.engine.canSubmit(), false, "the local gate holds nevertheless");
});

test("§10: a local pause holds whatever the server says", () => {
  const rig = inFlight(0);
  rig.engine.credit.pause();
  rig.receive(flowPacket({ credit: 9 }));
  assertEquals(rig.engine.canSubmit(), false);
  rig.engine.credit.resume();
  assertEquals(rig.engine.canSubmit(), true);
});

test("§10: FLOW_UPDATE of scope CONNECTION goes out with session id 0, others with the session's", () => {
  for (const rig of [new ClientRig().open(), new ServerRig().open()]) {
    rig.out.take();
    rig.engine.sendFlowUpdate(flowUpdateOf({ scopeKind: CONNECTION, credit: 1 }));
    rig.engine.sendFlowUpdate(flowUpdateOf({ scopeKind: SESSION, credit: 1 }), { traceId: 5n });
    rig.engine.sayFlowUpdates(rig.nowMs);
    const sent = rig.out.take();
    assertEquals(sent.map((p) => [p.name, p.header.sessionId, p.header.traceId]), [
      ["FLOW_UPDATE", 0, 0n],
      ["FLOW_UPDATE", 7, 5n],
    ]);
    for (
      const wrong of [
        { ...flowUpdateOf({}), sessionCredit: 5, scopeKind: CONNECTION },
        { ...flowUpdateOf({}), retryAfterMs: 5 },
        { ...flowUpdateOf({}), flags: 0x100 },
        flowUpdateOf({ scopeKind: OPERATION, credit: 5 }),
        flowUpdateOf({ credit: 70000 }),
      ]
    ) {
      assertThrows(() => rig.engine.sendFlowUpdate(wrong), NnrpValueError);
    }
    assertEquals(rig.out.take(), []);
  }
});

test("§10: what a client says about flow is reported to the server's host", () => {
  const rig = new ServerRig().open();
  rig.receive(flowPacket({ credit: 3 }, { traceId: 8n }));
  assertEquals([rig.flows[0].metadata.sessionCredit, rig.flows[0].traceId, rig.engine.flowUpdatesReceived], [
    3,
    8n,
    1,
  ]);
});

// RESULT_HINT

test("§8.1, §10: a hint tells the frame it speaks of, 0 is the session", () => {
  const rig = new ClientRig().open();
  rig.receive(hintPacket({ frameId: 5, traceId: 9n }), hintPacket());
  assertEquals(rig.hints.map((h) => [h.frameId, h.traceId, h.metadata.congestionState]), [[5, 9n, 1], [
    0,
    0n,
    1,
  ]]);
});

// PING and PONG

test("§10: a PING is answered with its session, trace and route ids, whatever they are", () => {
  for (const rig of [new ClientRig().open(), new ServerRig().open(), new ServerRig()]) {
    const [pong] = rig.receive(
      bare(MessageType.PING, { sessionId: 99, traceId: 0xffffffffffffffffn, routeId: 65535 }),
    );
    const { sessionId, traceId, routeId } = pong.header;
    assertEquals([pong.name, sessionId, traceId, routeId], ["PONG", 99, 0xffffffffffffffffn, 65535]);
  }
});

test("§10: ping measures by trace id, however pongs are ordered; each answer counts once", () => {
  for (const rig of [new ClientRig().open(), new ServerRig().open()]) {
    rig.out.take();
    const replies = [1, 2, 3].map(() => ({
      value: -1,
      resolve(ms: number) {
        this.value = ms;
      },
      reject() {},
    }));
    for (const reply of replies) {
      rig.engine.ping(reply, rig.nowMs);
      rig.nowMs += 10;
    }
    const traces = rig.out.take().map((p) => p.header.traceId);
    assertEquals(new Set(traces).size, 3);
    rig.receive(bare(MessageType.PONG, { traceId: traces[2] }));
    rig.nowMs += 5;
    rig.receive(
      bare(MessageType.PONG, { traceId: traces[0] }),
      bare(MessageType.PONG, { traceId: traces[0] }),
    );
    assertEquals(replies.map((r) => r.value), [35, -1, 10]);
    rig.receive(bare(MessageType.PONG, { traceId: 424242n }));
    assertEquals(replies[1].value, -1);
  }
});

test("more pings than can wait are refused, and those that wait still get their answer", () => {
  const rig = new ClientRig().open();
  const values: number[] = [];
  const waiter = () => ({ resolve: (ms: number) => values.push(ms), reject: () => {} });
  for (let i = 0; i < MAX_PENDING_PINGS; i++) rig.engine.ping(waiter(), rig.nowMs);
  assertThrows(() => rig.engine.ping(waiter(), rig.nowMs), NnrpLimitError);
  const sent = rig.out.take();
  assertEquals(sent.length, MAX_PENDING_PINGS, "a refused ping is not sent");
  rig.receive(...sent.map((p) => bare(MessageType.PONG, { traceId: p.header.traceId })));
  assertEquals(values.length, MAX_PENDING_PINGS);
});

test("§10: an ERROR with a ping's, patch's or put's trace id rejects that request and no other", () => {
  const rig = new ClientRig().open();
  const [ping, patch, put] = [rig.putReply(), rig.patchReply(), rig.putReply()];
  const traces = [
    rig.engine.ping(ping as never, rig.nowMs),
    rig.engine.patch(patchFields({}), null, patch),
    rig.engine.putCache(putFields(1), patterned(4, 1), put, rig.nowMs),
  ];
  assertEquals(new Set(traces).size, 3);
  const replies = [ping, patch, put];
  for (const [i, traceId] of traces.entries()) {
    rig.receive(errorPacket({ errorCode: ErrorCode.MALFORMED_BODY }, { traceId }));
    assertEquals(replies.map((r) => r.settled), replies.map((_, k) => k <= i ? 1 : 0));
    assertInstanceOf(replies[i].error, NnrpProtocolError);
  }
  assertEquals(rig.errors.length, 3);
});

// SESSION_PATCH

function patchFields(fields: Partial<SessionPatchMetadata>): SessionPatchMetadata {
  return {
    profileId: 1,
    patchMask: SessionPatchField.QUALITY_TIER,
    targetCadenceX100: 0,
    qualityTier: 3,
    degradePolicy: 0,
    activeLaneMask: 0n,
    preferredCodecBitmap: 0,
    preferredCompressionBitmap: 0,
    profilePatchBytes: 0,
    ...fields,
  };
}
const F = SessionPatchField;
const R = SessionPatchRejectReason;

function patchAck(sent: readonly SentPacket[]): SessionPatchAckMetadata {
  const packet = sent.find((p) => p.name === "SESSION_PATCH_ACK")!;
  const { metadata } = packet;
  return decodeSessionPatchAckMetadata(
    new DataView(metadata.buffer, metadata.byteOffset, metadata.length),
    0,
    metadata.length,
  );
}

test("§10: a patch is applied, partly applied or rejected field by field, and the ack tells the values in force", () => {
  const cases: [Partial<SessionPatchMetadata>, applied: number, rejected: number, reason: number][] = [
    [{ qualityTier: 9 }, F.QUALITY_TIER, 0, R.NONE],
    [{ patchMask: F.QUALITY_TIER, qualityTier: 256 }, 0, F.QUALITY_TIER, R.INVALID_RANGE],
    [{ patchMask: F.TARGET_CADENCE, targetCadenceX100: 0 }, 0, F.TARGET_CADENCE, R.INVALID_RANGE],
    [{ patchMask: F.ACTIVE_LANE_MASK, activeLaneMask: 0n }, 0, F.ACTIVE_LANE_MASK, R.INVALID_LANE_MASK],
    [{ patchMask: F.ACTIVE_LANE_MASK, activeLaneMask: 2n }, 0, F.ACTIVE_LANE_MASK, R.INVALID_LANE_MASK],
    [
      { patchMask: F.PREFERRED_CODEC, preferredCodecBitmap: 0x80 },
      0,
      F.PREFERRED_CODEC,
      R.UNSUPPORTED_STRATEGY,
    ],
    [
      { patchMask: F.QUALITY_TIER | F.TARGET_CADENCE, qualityTier: 5, targetCadenceX100: 0 },
      F.QUALITY_TIER,
      F.TARGET_CADENCE,
      R.INVALID_RANGE,
    ],
    [{ patchMask: F.QUALITY_TIER | 0x8000 }, F.QUALITY_TIER, 0x8000, R.UNSUPPORTED_FIELD],
  ];
  for (const [fields, applied, rejected, reason] of cases) {
    const rig = new ServerRig().open();
    const before = rig.engine.settings!;
    const ack = patchAck(rig.receive(patchPacket(fields, { traceId: 5n })));
    assertEquals([ack.appliedPatchMask, ack.rejectedPatchMask, ack.rejectReason], [
      applied,
      rejected,
      reason,
    ]);
    assertEquals(
      ack.ackStatus,
      rejected === 0
        ? SessionPatchAckStatus.ACCEPTED
        : applied === 0
        ? SessionPatchAckStatus.REJECTED
        : SessionPatchAckStatus.PARTIALLY_APPLIED,
    );
    const now = rig.engine.settings!;
    assertEquals([
      ack.effectiveQualityTier,
      ack.effectiveTargetCadenceX100,
      ack.effectiveLaneMask,
      ack.effectiveCodecBitmap,
    ], [
      now.qualityTier,
      now.targetCadenceX100,
      now.laneMask,
      now.codecBitmap,
    ]);
    assertEquals(rig.patches.length, applied === 0 ? 0 : 1, "the host hears of changes only");
    if (applied === 0) assertEquals(now, before);
  }
});

test("§10: patches beyond the rate are RATE_LIMITED with a time, and change nothing", () => {
  const rig = new ServerRig({ maxPatchesPerSecond: 2 }).open();
  rig.receive(patchPacket({ qualityTier: 1 }), patchPacket({ qualityTier: 4 }));
  rig.nowMs += 400;
  const ack = patchAck(rig.receive(patchPacket({ qualityTier: 9 })));
  assertEquals([ack.rejectReason, ack.retryAfterMs, ack.effectiveQualityTier], [R.RATE_LIMITED, 600, 4]);
  rig.nowMs += 600;
  assertEquals(patchAck(rig.receive(patchPacket({ qualityTier: 9 }))).effectiveQualityTier, 9);
});

test("§10: the application's policy can refuse fields that passed the checks", () => {
  const rig = new ServerRig({
    patchPolicy: ({ mask }) =>
      mask & F.QUALITY_TIER
        ? { rejectedMask: F.QUALITY_TIER, rejectReason: R.UNSUPPORTED_STRATEGY }
        : undefined,
  }).open();
  const both = F.QUALITY_TIER | F.DEGRADE_POLICY;
  const ack = patchAck(rig.receive(patchPacket({ patchMask: both, qualityTier: 1, degradePolicy: 3 })));
  assertEquals([ack.appliedPatchMask, ack.rejectedPatchMask, ack.rejectReason], [
    F.DEGRADE_POLICY,
    F.QUALITY_TIER,
    R.UNSUPPORTED_STRATEGY,
  ]);
});

test("§10: a profile block travels both ways", () => {
  const server = new ServerRig().open();
  const client = new ClientRig().open();
  const block = { minWidth: 1, minHeight: 2, maxWidth: 3000, maxHeight: 4000 };
  const reply = client.patchReply();
  client.engine.patch(patchFields({ patchMask: F.PROFILE_PATCH, profilePatchBytes: 16 }), block, reply);
  client.receive(...server.receive(...client.out.take()));
  assertEquals([reply.value?.profilePatch, client.engine.settings?.profilePatch], [block, block]);
  assertEquals(server.engine.settings?.profilePatch, block);
});

test("§10: acks find their patch by trace id, or by order if they have none", () => {
  const rig = new ClientRig().open();
  const replies = [1, 2, 3].map(() => rig.patchReply());
  const traces = replies.map((reply) => rig.engine.patch(patchFields({}), null, reply));
  rig.receive(patchAckPacket({ effectiveQualityTier: 30 }, { traceId: traces[1] }));
  assertEquals(replies.map((r) => r.value?.ack.effectiveQualityTier), [undefined, 30, undefined]);
  rig.receive(patchAckPacket({ effectiveQualityTier: 31 }));
  rig.receive(patchAckPacket({ effectiveQualityTier: 32 }));
  assertEquals(replies.map((r) => r.value?.ack.effectiveQualityTier), [31, 30, 32]);
  assertEquals(rig.engine.settings?.qualityTier, 32);
});

// Cache

function putFields(cacheKeyLo: number, objectBytes = 4) {
  return {
    cacheNamespace: 0,
    cacheKeyHi: 0,
    cacheKeyLo,
    objectKind: 1,
    ttlMs: 0,
    objectBytes,
    codecBitmap: 0,
    flags: 0,
  };
}

test("§10: puts are acknowledged with namespace, key, time and the largest object", () => {
  const rig = new ServerRig({ cache: { maxObjectBytes: 20 } }).open();
  const ackOf = (sent: SentPacket[]) => {
    const { metadata, header } = sent[0];
    return {
      ...decodeCacheAckMetadata(
        new DataView(metadata.buffer, metadata.byteOffset, metadata.length),
        0,
        metadata.length,
      ),
      traceId: header.traceId,
    };
  };
  const fields = { cacheNamespace: 9, cacheKeyHi: 8, cacheKeyLo: 7, ttlMs: 500 };
  const put = (data: Uint8Array) => ackOf(rig.receive(cachePutPacket(fields, { traceId: 3n }, data)));
  const first = put(patterned(10, 1));
  assertEquals(first, {
    cacheNamespace: 9,
    cacheKeyHi: 8,
    cacheKeyLo: 7,
    status: CacheAckStatus.ACCEPTED,
    acceptedTtlMs: 500,
    maxObjectBytes: 20,
    detailCode: 0,
    traceId: 3n,
  });
  assertEquals(put(patterned(10, 2)).status, CacheAckStatus.REPLACED);
  const large = put(patterned(21, 1));
  assertEquals([large.status, large.detailCode], [CacheAckStatus.REJECTED, ErrorCode.LIMIT_EXCEEDED]);
});

test("§10: with the cache off every put is rejected", () => {
  const rig = new ServerRig({}, { enableCache: false }).open();
  const [ack] = rig.receive(cachePutPacket());
  const { metadata } = ack;
  const told = decodeCacheAckMetadata(
    new DataView(metadata.buffer, metadata.byteOffset, metadata.length),
    0,
    metadata.length,
  );
  assertEquals([told.status, told.detailCode], [CacheAckStatus.REJECTED, ErrorCode.UNSUPPORTED_CAPABILITY]);
});

test("§10: an invalidation has no answer unless the server is told to give one, and the client takes it either way", () => {
  for (const acknowledgeInvalidate of [false, true]) {
    const server = new ServerRig({ acknowledgeInvalidate }).open();
    const client = new ClientRig().open();
    const put = client.putReply();
    client.engine.putCache(putFields(1), patterned(4, 1), put, client.nowMs);
    client.receive(...server.receive(...client.out.take()));
    assertEquals(put.value?.usable, true);
    client.engine.invalidateCache({
      invalidateScope: CacheInvalidateScope.WHOLE_SESSION,
      cacheNamespace: 0,
      cacheKeyHi: 0,
      cacheKeyLo: 0,
      reasonCode: 0,
    });
    const answer = server.receive(...client.out.take());
    assertEquals(namesOf(answer), acknowledgeInvalidate ? ["CACHE_ACK"] : []);
    client.receive(...answer);
    assertEquals([
      server.engine.cache?.stats.entries,
      client.engine.cache.isUsable(putFields(1), client.nowMs),
    ], [0, false]);
    assertEquals(client.engine.cache.unmatchedAcks, acknowledgeInvalidate ? 1 : 0);
  }
});

test("§10: an invalidation that overtakes a put's ack makes the object unusable", () => {
  const rig = new ClientRig().open();
  const reply = rig.putReply();
  const traceId = rig.engine.putCache(putFields(1), patterned(4, 1), reply, rig.nowMs);
  rig.engine.invalidateCache({
    invalidateScope: 0,
    cacheNamespace: 0,
    cacheKeyHi: 0,
    cacheKeyLo: 0,
    reasonCode: 0,
  });
  rig.receive(cacheAckPacket({}, { traceId }));
  assertEquals([reply.value?.usable, reply.value?.ack.status], [false, CacheAckStatus.ACCEPTED]);
});

test("§10: a CACHE_MISS ends the frame; the client may put again and resubmit under a new id", () => {
  const server = new ServerRig({}, { maxCacheEntries: 1 }).open();
  const client = new ClientRig().open();
  const reference = { objectKind: 1, refFlags: 0, cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 1 };
  const put = (key: number) => {
    const reply = client.putReply();
    client.engine.putCache(putFields(key), patterned(4, key), reply, client.nowMs);
    client.receive(...server.receive(...client.out.take()));
    return reply.value!;
  };
  const submit = (frameId: number) => {
    const waiter = new RecordingWaiter();
    client.engine.submit(
      { frameId, submitMode: 1, objectRefMask: 1, cameraReference: reference },
      frameId,
      waiter,
    );
    client.receive(...server.receive(...client.out.take()));
    return waiter;
  };
  assertEquals([put(1).usable, put(2).usable], [true, true], "the server gives up objects without telling");
  const missed = submit(5);
  assertInstanceOf(missed.error, NnrpProtocolError);
  assertEquals([missed.error.codeName, missed.error.relatedFrameId, missed.error.fatal], [
    "CACHE_MISS",
    5,
    false,
  ]);
  assertEquals(put(1).usable, true);
  assertEquals([submit(6).heard, server.frames.at(-1)?.cameraBlock], [[], patterned(4, 1)]);
});

// Probes

test("§5.3: any number of probes is answered before the hello and after it", () => {
  const rig = new ServerRig();
  for (let id = 1; id <= 3; id++) {
    const [ack] = rig.receive(probePacket(id, id * 1000));
    assertEquals([
      ack.name,
      ack.header.sessionId,
      new DataView(ack.metadata.buffer, ack.metadata.byteOffset).getUint32(0, true),
    ], [
      "TRANSPORT_PROBE_ACK",
      0,
      id,
    ]);
    assertEquals(ack.body.length, 0);
  }
  rig.open();
  assertEquals(namesOf(rig.receive(probePacket(9))), ["TRANSPORT_PROBE_ACK"]);
  assertEquals(rig.engine.counts.probes, 4);
});

// Where the session is not open

test("requests before the handshake and after the end throw and write nothing", () => {
  const before = new ClientRig();
  const after = new ClientRig().open();
  after.engine.carrierClosed({ code: 0, reason: "", local: false });
  const draining = new ClientRig().open();
  draining.engine.close();
  draining.out.take();
  for (const rig of [before, after, draining]) {
    const { engine } = rig;
    assertThrows(() => engine.patch(patchFields({}), null, rig.patchReply()), NnrpStateError);
    assertThrows(() => engine.putCache(putFields(1), patterned(4, 1), rig.putReply(), 0), NnrpStateError);
    assertThrows(() => rig.submit(1), NnrpStateError);
    assertThrows(
      () =>
        engine.invalidateCache({
          invalidateScope: 0,
          cacheNamespace: 0,
          cacheKeyHi: 0,
          cacheKeyLo: 0,
          reasonCode: 0,
        }),
      NnrpStateError,
    );
    if (rig === draining) continue;
    assertThrows(() => engine.ping({ resolve() {}, reject() {} }, 0), NnrpStateError);
    assertThrows(() => engine.sendFlowUpdate(flowUpdateOf({})), NnrpStateError);
    assertThrows(() => engine.sendRaw("control", bare(MessageType.PING)), NnrpStateError);
    assertEquals(rig.out.take(), []);
  }
});
