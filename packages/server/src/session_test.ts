import {
  CacheAckStatus,
  ErrorCode,
  FlowUpdateReason,
  NnrpCancelledError,
  NnrpConnectionClosedError,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpValueError,
  ResultClass,
  ResultHintCongestionState,
  SessionPatchRejectReason,
  TypedPayload,
} from "@nnrp/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Gate, type Meeting, MEMORY, type Place, PLACES, TCP } from "../../../tests/support/places.ts";
import { RawPeer, until } from "../../../tests/support/raw_peer.ts";
import { patterned, submitPacket } from "@nnrp/testing/packets";
import type { ServerSession } from "./session.ts";
import type { ServeOptions } from "./options.ts";
import type { ClientSession, DialOptions } from "@nnrp/client";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** A server without a handler, one client, and both ends of its session. */
async function facing(
  place: Place = MEMORY,
  options: ServeOptions = {},
  dial: DialOptions = {},
): Promise<Meeting & { client: ClientSession; session: ServerSession }> {
  const at = await place.bind(options);
  const client = await at.dial(dial);
  return { ...at, client, session: await at.server.accept() };
}

test("frames are received in the order in which they were sent, each by one receiver", async () => {
  const at = await facing();
  const waiting = [at.session.receiveSubmit(), at.session.receiveSubmit()];
  const results = Array.from({ length: 6 }, (_, i) => at.client.submit({ ...say(`${i}`), frameId: i }));
  const frames = await Promise.all([
    ...waiting,
    ...Array.from({ length: 4 }, () => at.session.receiveSubmit()),
  ]);
  assertEquals(frames.map((f) => f.text()), ["0", "1", "2", "3", "4", "5"]);
  for (const frame of frames.reverse()) {
    assertEquals(await at.session.sendResult(frame, say(`to ${frame.frameId}`)), true);
  }
  assertEquals((await Promise.all(results)).map((r) => r.text()), frames.map((_, i) => `to ${i}`));
  await at.end();
});

test("§1: a receive that timed out or was given up loses nothing", async () => {
  const at = await facing();
  await assertRejects(() => at.session.receiveSubmit({ timeoutMs: 5 }), NnrpTimeoutError);
  const abort = new AbortController();
  const given = at.session.receiveSubmit({ signal: abort.signal });
  abort.abort(new Error("never mind"));
  await assertRejects(() => given, Error, "never mind");
  await assertRejects(
    () => at.session.receiveSubmit({ signal: AbortSignal.abort(new Error("before")) }),
    Error,
    "before",
  );
  const result = at.client.submit(say("kept"));
  const frame = await at.session.receiveSubmit({ timeoutMs: 5000 });
  assertEquals(frame.text(), "kept");
  await at.session.sendResult(frame);
  await result;
  await at.end();
});

for (const place of PLACES) {
  test(`${place.name}: submits() gives everything that came, then ends cleanly at CLOSE`, async () => {
    const at = await facing(place);
    const results = Array.from({ length: 5 }, (_, i) => at.client.submit(say(`${i}`)));
    const closing = at.client.close({ drainMs: 10_000 });
    const got: string[] = [];
    for await (const frame of at.session.submits()) {
      got.push(frame.text());
      await at.session.sendResult(frame, say("ok"));
    }
    assertEquals(got, ["0", "1", "2", "3", "4"]);
    assertEquals((await Promise.all(results)).map((r) => r.text()), got.map(() => "ok"));
    await closing;
    await assertRejects(() => at.session.receiveSubmit(), NnrpTransportError);
    await at.end();
  });

  test(`${place.name}: close() of a session ends when the client has closed, not when its time is over`, async () => {
    const at = await facing(place);
    const result = at.client.submit(say("x"));
    const frame = await at.session.receiveSubmit();
    const closing = at.session.close({ reason: "enough", drainMs: 60_000 });
    await at.session.sendResult(frame, say("last"));
    assertEquals((await result).text(), "last");
    await closing;
    const end = await at.client.closed;
    assertEquals([end.kind, end.local, end.reason], ["close", false, "enough"]);
    assertEquals(at.session.state, "closed");
    await at.end();
  });

  test(`${place.name}: closing the server answers what is in flight, tells idle clients, and leaves nothing`, async () => {
    const gate = new Gate();
    const at = await place.serve(async (frame) => {
      await gate.opened;
      return say(frame.text());
    });
    const [busy, idle] = [await at.dial(), await at.dial()];
    const results = Array.from({ length: 20 }, (_, i) => busy.submit(say(`${i}`)));
    await until(() => at.server.stats.running === 20, "the handlers");
    const closing = at.server.close({ drainMs: 30_000, reason: "maintenance" });
    assertEquals((await idle.closed).reason, "maintenance");
    await assertRejects(() => idle.submit(say("late")), NnrpStateError);
    gate.open();
    assertEquals((await Promise.all(results)).map((r) => r.text()), results.map((_, i) => `${i}`));
    await closing;
    assertEquals([(await busy.closed).reason, at.server.stats.open, at.server.stats.sessions], [
      "maintenance",
      0,
      0,
    ]);
    assertEquals(at.server.close(), at.server.close(), "closing twice is closing once");
    await assertRejects(() => at.dial(), NnrpTransportError);
  });

  test(`${place.name}: closing the server does not wait longer than told for a handler that never ends`, async () => {
    const at = await place.serve((frame) =>
      new Promise((_, reject) => frame.signal.addEventListener("abort", () => reject(frame.signal.reason)))
    );
    const session = await at.dial();
    const failed = assertRejects(() => session.submit(say("x")), NnrpTransportError);
    await until(() => at.server.stats.running === 1, "the handler");
    await at.server.close({ drainMs: 30 });
    await failed;
    await until(() => at.server.stats.running === 0, "the handler to stop");
    assertEquals(at.server.stats.open, 0);
  });
}

test("clients still shaking hands when the server closes hear SERVER_BUSY", async () => {
  let isAsked = false;
  const authValidator = () => {
    isAsked = true;
    return new Promise<never>(() => {});
  };
  const at = await TCP.serve(() => ({}), { authValidator });
  const dialling = assertRejects(() => at.dial({ auth: "x" }), NnrpProtocolError, "SERVER_BUSY");
  await until(() => isAsked, "the hello");
  await at.server.close({ drainMs: 100 });
  await dialling;
});

test("a frame cancelled before anybody received it is not received", async () => {
  const at = await facing();
  const abort = new AbortController();
  const cancelled = at.client.submit(say("cancelled"), { signal: abort.signal });
  await until(() => at.session.stats.queued === 1, "the frame");
  abort.abort();
  await assertRejects(() => cancelled, NnrpCancelledError);
  const kept = at.client.submit(say("kept"));
  const frame = await at.session.receiveSubmit();
  assertEquals([frame.text(), at.session.stats.queued], ["kept", 0]);
  await at.session.sendResult(frame);
  await kept;
  await at.end();
});

test("a frame cancelled while the application works on it: signal, false, no second answer", async () => {
  const at = await facing();
  const abort = new AbortController();
  const cancelled = at.client.submit(say("x"), { signal: abort.signal });
  const frame = await at.session.receiveSubmit();
  abort.abort("why");
  await assertRejects(() => cancelled, NnrpCancelledError);
  await until(() => frame.signal.aborted, "the signal");
  assertEquals([await at.session.sendResult(frame, say("late")), at.session.sendResultDrop(frame)], [
    false,
    false,
  ]);
  assertEquals(at.session.failFrame(frame, { errorCode: ErrorCode.INTERNAL_ERROR }), false);
  await at.client.ping();
  assertEquals(
    [at.client.stats.unknown, at.session.stats.drops],
    [1, 1],
    "the answer to the cancel came, and was swallowed",
  );
  await at.end();
});

test("frames are answered by object, or by id and view", async () => {
  const at = await facing();
  const results = [
    at.client.submit({ ...say("a"), frameId: 7, viewId: 0 }),
    at.client.submit({ ...say("b"), frameId: 7, viewId: 2 }),
  ];
  await until(() => at.session.stats.inFlight === 2, "frames");
  assertEquals(await at.session.sendResult(7, say("view 2"), { viewId: 2 }), true);
  assertEquals(at.session.sendResultDrop(7), true);
  assertEquals([await at.session.sendResult(7), at.session.sendResultDrop(99), at.session.endStream(99)], [
    false,
    false,
    false,
  ]);
  const [a, b] = await Promise.all(results);
  assertEquals([a.isDrop, b.text()], [true, "view 2"]);
  await at.end();
});

test("parts of a streamed answer, by hand", async () => {
  const at = await facing();
  const stream = at.client.submitStream(say("x"));
  const frame = await at.session.receiveSubmit();
  for (const text of ["a", "b", "c"]) await at.session.sendResult(frame, say(text), { final: false });
  assertEquals(at.session.endStream(frame), true);
  const got: string[] = [];
  for await (const text of stream.text()) got.push(text);
  assertEquals([got.join(""), await at.session.sendResult(frame)], ["abc", false]);
  await at.end();
});

test("a result that cannot be written rejects and leaves the frame to be answered", async () => {
  const at = await facing();
  const result = at.client.submit(say("x"));
  const frame = await at.session.receiveSubmit();
  await assertRejects(() => at.session.sendResult(frame, { statusCode: -1 }), NnrpValueError);
  await assertRejects(() => at.session.sendResult(frame, { resultClass: 99 }), NnrpValueError);
  assertEquals([frame.settled, await at.session.sendResult(frame, say("ok"))], [false, true]);
  assertEquals((await result).text(), "ok");
  await at.end();
});

test("sendResult resolves when the result's bytes are the caller's again", async () => {
  const at = await facing(TCP);
  const bytes = patterned(3_000_000, 1);
  const results = Array.from({ length: 4 }, () => at.client.submit(say("x")));
  for (let i = 0; i < 4; i++) {
    const frame = await at.session.receiveSubmit();
    bytes.fill(i);
    await at.session.sendResult(frame, { typedPayloads: [TypedPayload.opaqueBytes(bytes)] });
    bytes.fill(0xee);
  }
  for (const [i, result] of (await Promise.all(results)).entries()) {
    assert(
      result.opaqueBytesPayloads[0].every((byte) => byte === i),
      `result ${i} is as it was when it was sent`,
    );
  }
  await at.end();
});

test("what a result leaves out follows from the rest", async () => {
  const at = await facing();
  const answers = [
    [{ tileIds: [1, 2, 3], droppedTileCount: 1 }, "PARTIAL", 2, 1],
    [{ resultClass: ResultClass.DEGRADED, ...say("x") }, "DEGRADED", undefined, undefined],
    [{ tileIds: [] }, "COMPLETE", 0, 0],
  ] as const;
  for (const [fields, className, covered, dropped] of answers) {
    const result = at.client.submit({});
    const frame = await at.session.receiveSubmit();
    await at.session.sendResult(frame, fields);
    const got = await result;
    assertEquals([got.className, got.tensorCoveredTileCount, got.tensorDroppedTileCount], [
      className,
      covered,
      dropped,
    ]);
  }
  await at.end();
});

test("pausing a client holds its submits back until it is resumed", async () => {
  const at = await facing();
  at.session.sendFlowUpdate({ updateReason: FlowUpdateReason.PAUSE });
  await at.client.ping();
  const waiting = at.client.submit(say("x"));
  assertEquals([at.client.stats.waiting, at.client.stats.paused], [1, true]);
  at.session.sendFlowUpdate({ updateReason: FlowUpdateReason.RESUME });
  const frame = await at.session.receiveSubmit();
  await at.session.sendResult(frame);
  await waiting;
  await at.end();
});

test("hints, errors and flow updates reach the client; those of the client reach the session", async () => {
  const at = await facing();
  at.session.sendResultHint({ congestionState: ResultHintCongestionState.ELEVATED, frameId: 3 });
  at.session.sendError({ errorCode: ErrorCode.INTERNAL_ERROR, diagnostic: "a bit unwell" });
  assertEquals((await at.client.resultHints().next()).value!.frameId, 3);
  const error = (await at.client.errors().next()).value!.error;
  assertEquals([error.diagnostic, error.fatal, at.client.state], ["a bit unwell", false, "active"]);
  const flows: number[] = [];
  at.session.onFlowUpdate = (event) => flows.push(event.metadata.sessionCredit);
  at.client.sendFlowUpdate({ credit: 12 });
  await at.client.ping();
  assertEquals(flows, [12]);
  await at.end();
});

test("an error with a frame ends the frame, a fatal one the session", async () => {
  const at = await facing();
  const result = at.client.submit(say("x"));
  const frame = await at.session.receiveSubmit();
  assertEquals(
    at.session.sendError({ frame, errorCode: ErrorCode.UNSUPPORTED_CAPABILITY, diagnostic: "no tensors" }),
    true,
  );
  const error = await assertRejects(() => result, NnrpProtocolError);
  assertEquals([error.codeName, error.diagnostic, at.session.stats.inFlight], [
    "UNSUPPORTED_CAPABILITY",
    "no tensors",
    0,
  ]);
  at.session.sendError({ errorCode: ErrorCode.LIMIT_EXCEEDED, fatal: true, diagnostic: "over" });
  assertEquals((await at.client.closed).reason, "over");
  assertEquals(at.session.sendError({ errorCode: 1 }), false);
  await at.end();
});

test("both sides can ping, and learn when nobody can answer any more", async () => {
  const at = await facing();
  assert(await at.session.ping() >= 0 && await at.client.ping() >= 0);
  assert(at.session.stats.rttMs! >= 0 && at.client.stats.rttMs! >= 0);
  await at.client.close();
  await assertRejects(() => at.session.ping(), Error);
  await at.end();
});

test("a ping that nobody answers times out", async () => {
  const at = await TCP.bind({ keepAliveMs: 0 });
  const peer = await RawPeer.shakeHands(at.server.port);
  const session = await at.server.accept();
  await assertRejects(() => session.ping({ timeoutMs: 20 }), NnrpTimeoutError);
  peer.destroy();
  await session.closed;
  await at.end();
});

test("patches: the session hears of changes, and a policy that fails refuses the patch only", async () => {
  const patches: number[] = [];
  let fail = false;
  const at = await facing(MEMORY, {
    patchPolicy: () => {
      if (fail) throw new Error("oops");
      return undefined;
    },
  });
  at.session.onPatch = (settings) => patches.push(settings.qualityTier);
  assertEquals((await at.client.patch({ qualityTier: 7 })).settings.qualityTier, 7);
  fail = true;
  const refused = await at.client.patch({ qualityTier: 9 });
  assertEquals([refused.appliedMask, refused.rejectReason === SessionPatchRejectReason.NONE], [0, false]);
  fail = false;
  assertEquals([(await at.client.patch({ qualityTier: 8 })).settings.qualityTier, patches], [8, [7, 8]]);
  assertEquals([at.client.state, at.session.settings.qualityTier], ["active", 8]);
  await at.end();
});

test("callbacks of the application that fail harm neither session nor server", async () => {
  const at = await facing();
  at.session.onFlowUpdate = at.session.onPatch = at.session.onError = () => {
    throw new Error("oops");
  };
  at.client.sendFlowUpdate({ credit: 1 });
  await at.client.patch({ qualityTier: 1 });
  at.client.raw.sendPacket("control", (await import("@nnrp/testing/packets")).errorPacket());
  await at.client.ping();
  const result = at.client.submit(say("x"));
  await at.session.sendResult(await at.session.receiveSubmit(), say("fine"));
  assertEquals((await result).text(), "fine");
  await at.end();
});

test("the cache is per session and is filled as told", async () => {
  const at = await facing(MEMORY, { profile: { maxCacheEntries: 2 } });
  const put = (key: bigint, pinned = false) =>
    at.client.putCache({ kind: 1, key, data: patterned(8, Number(key)), pinned });
  assertEquals([(await put(1n)).status, (await put(1n)).status], [
    CacheAckStatus.ACCEPTED,
    CacheAckStatus.REPLACED,
  ]);
  const { reference } = await put(2n);
  const other = await at.dial();
  const otherSession = await at.server.accept();
  const camera = { submitMode: 1, objectRefMask: 1, cameraReference: reference };
  const result = at.client.submit(camera);
  const frame = await at.session.receiveSubmit();
  assertEquals(frame.cameraBlock, patterned(8, 2));
  await at.session.sendResult(frame);
  await result;
  await assertRejects(() => other.submit(camera), NnrpProtocolError, "CACHE_MISS");
  assertEquals(otherSession.stats.cacheMisses, 1);
  await put(3n);
  await assertRejects(
    () => at.client.submit({ ...camera, cameraReference: { ...reference, cacheKeyLo: 1 } }),
    NnrpProtocolError,
  );
  await at.end();
});

test("a session that is over refuses everything quietly", async () => {
  const at = await facing(MEMORY, { keepAliveMs: 20, migration: { resumeWindowMs: 0 } });
  const failed = assertRejects(() => at.client.submit(say("x")), NnrpTransportError);
  const frame = await at.session.receiveSubmit();
  await at.client.raw.carrier.close({ graceful: false });
  await failed;
  await at.session.closed;
  const { session } = at;
  assertEquals([await session.sendResult(frame), session.sendResultDrop(frame), session.endStream(frame)], [
    false,
    false,
    false,
  ]);
  assertEquals([
    session.sendResultHint({}),
    session.sendFlowUpdate({ credit: 1 }),
    session.sendError({ errorCode: 1 }),
  ], [false, false, false]);
  assertEquals([frame.signal.aborted, session.stats.inFlight, session.bytesInFlight], [true, 0, 0]);
  await assertRejects(() => session.receiveSubmit(), NnrpConnectionClosedError);
  await session.close();
  session.discardFrame(frame);
  await at.end();
});

test("frames that came and were not received when the connection went are gone, and their waiters fail", async () => {
  const at = await facing(MEMORY, { migration: { resumeWindowMs: 0 } });
  const results = [1, 2].map(() => assertRejects(() => at.client.submit(say("x"))));
  await until(() => at.session.stats.queued === 2, "frames");
  const loop = (async () => {
    for await (const _ of at.session.submits()) { /* none are left to answer */ }
    return "ended";
  })();
  await at.client.raw.carrier.close({ graceful: false });
  await Promise.all(results);
  assertEquals(await loop, "ended");
  await at.end();
});

test("rc2 says goodbye by ending its connection: frames it sent are answered before this side closes", async () => {
  const at = await TCP.bind({ keepAliveMs: 0 });
  const peer = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 4 });
  const session = await at.server.accept();
  peer.send(submitPacket(1, { sessionId: 4 }), submitPacket(2, { sessionId: 4 }));
  peer.end();
  const frames = [await session.receiveSubmit(), await session.receiveSubmit()];
  await until(() => session.state === "draining", "draining");
  for (const frame of frames) await session.sendResult(frame, say("answer"));
  assertEquals(await peer.rest(), ["RESULT_PUSH", "RESULT_PUSH"]);
  assertEquals((await session.closed).kind, "lost");
  await at.end();
});

test("what sessions and servers look like when they are printed", async () => {
  const at = await facing();
  assert(
    /^ServerSession \d+ active on memory with memory:client, 0 of 0 frames in flight$/.test(
      String(at.session),
    ),
  );
  await at.end();
  assert(String(at.session).includes("closed"));
});
