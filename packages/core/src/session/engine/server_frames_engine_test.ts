import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { errorsIn, namesOf, type SentPacket, ServerRig } from "@nnrp/testing/engines";
import { bare, cachePutPacket, patterned, submitPacket } from "@nnrp/testing/packets";
import { NnrpError } from "../../errors.ts";
import type { ResultFields } from "../../body/result_fields.ts";
import { ErrorCode, ErrorScope, MessageType, ResultClass } from "../../wire/enums.ts";
import { BudgetPolicy, HeaderFlags, PayloadKind, ResultFlags } from "../../wire/flags.ts";
import { decodeResultPushMetadata, type ResultPushMetadata } from "../../wire/metadata/result_push.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import type { ReceivedSubmit } from "../frames/received_submit.ts";
import { SessionState } from "./states.ts";

const cancel = (frameId: number, viewId = 0): NnrpPacket =>
  bare(MessageType.FRAME_CANCEL, { frameId, viewId });
const token = (text: string) => ({
  payloadKind: PayloadKind.TOKEN_CHUNK,
  payload: new TextEncoder().encode(text),
});

function metadataOf(packet: SentPacket): ResultPushMetadata {
  const { metadata } = packet;
  return decodeResultPushMetadata(
    new DataView(metadata.buffer, metadata.byteOffset, metadata.length),
    0,
    metadata.length,
  );
}

/** A server with one frame in flight. */
function withFrame(
  request: Parameters<typeof submitPacket>[1] = {},
  rig: ServerRig = new ServerRig().open(),
): { rig: ServerRig; frame: ReceivedSubmit } {
  rig.receive(submitPacket(1, request));
  return { rig, frame: rig.frames.at(-1)! };
}

test("a result echoes the submit's ids and settles the frame", () => {
  const { rig, frame } = withFrame({ viewId: 2, routeId: 3, traceId: 0xfedcba9876543210n });
  assertEquals([rig.engine.framesInFlight, rig.engine.counts.bytesInFlight], [1, frame.byteLength]);
  assertEquals(rig.engine.sendResult(frame, { typedPayloads: [token("a")] }, true, rig.nowMs), true);
  const [sent] = rig.out.take();
  const { frameId, viewId, routeId, traceId, sessionId } = sent.header;
  assertEquals([sent.name, sent.lane, sent.last], ["RESULT_PUSH", "result", true]);
  assertEquals([frameId, viewId, routeId, traceId, sessionId], [1, 2, 3, 0xfedcba9876543210n, 7]);
  assertEquals([rig.engine.framesInFlight, rig.engine.counts.bytesInFlight, frame.settled], [0, 0, true]);
});

test("§9: nothing is sent for a settled frame, however it was settled", () => {
  const ends: ((rig: ServerRig, frame: ReceivedSubmit) => unknown)[] = [
    (rig, frame) => rig.engine.sendResult(frame, {}, true, rig.nowMs),
    (rig, frame) => rig.engine.endStream(frame, rig.nowMs),
    (rig, frame) => rig.engine.sendDrop(frame),
    (rig, frame) => rig.engine.failFrame(frame, { errorCode: ErrorCode.INTERNAL_ERROR }),
    (rig, frame) => rig.engine.discard(frame),
    (rig) => rig.receive(cancel(1)),
    (rig) => rig.engine.carrierClosed({ code: 0, reason: "", local: false }),
  ];
  for (const end of ends) {
    const { rig, frame } = withFrame();
    end(rig, frame);
    rig.out.take();
    const { engine } = rig;
    assertEquals([
      engine.sendResult(frame, {}, true, rig.nowMs),
      engine.sendPart(frame, {}),
      engine.endStream(frame, rig.nowMs),
    ], [
      false,
      false,
      false,
    ]);
    assertEquals([engine.sendDrop(frame), engine.failFrame(frame, { errorCode: 1 })], [false, false]);
    engine.discard(frame);
    assertEquals([rig.out.take().length, engine.framesInFlight, engine.counts.bytesInFlight], [0, 0, 0]);
  }
});

test("§8.6: parts go out as PARTIAL, the end as an empty COMPLETE with EOS, all on the frame's own stream", () => {
  const { rig, frame } = withFrame();
  for (const text of ["a", "b"]) {
    assertEquals(rig.engine.sendPart(frame, { typedPayloads: [token(text)] }), true);
  }
  assertEquals(rig.engine.framesInFlight, 1);
  assertEquals(rig.engine.endStream(frame, rig.nowMs), true);
  const sent = rig.out.take();
  assertEquals(sent.map((p) => [metadataOf(p).resultClass, p.header.flags, p.last, p.body.length > 0]), [
    [ResultClass.PARTIAL, 0, false, true],
    [ResultClass.PARTIAL, 0, false, true],
    [ResultClass.COMPLETE, HeaderFlags.EOS, true, false],
  ]);
  const end = metadataOf(sent[2]);
  assertEquals([end.payloadKindBitmap, end.payloadFrameCount], [0, 0]);
  assertEquals(rig.engine.counts.results, 3);
});

test("§8.6: a stream may end with a final result instead, and a final PARTIAL says EOS", () => {
  const { rig, frame } = withFrame();
  rig.engine.sendPart(frame, { typedPayloads: [token("a")] });
  rig.engine.sendResult(
    frame,
    {
      typedPayloads: [token("b")],
      resultClass: ResultClass.PARTIAL,
      resultFlags: ResultFlags.PARTIAL,
    },
    true,
    rig.nowMs,
  );
  const sent = rig.out.take();
  assertEquals(sent.map((p) => [p.header.flags, p.last]), [[0, false], [HeaderFlags.EOS, true]]);
});

test("a result tells how long the frame waited and was worked on", () => {
  for (const result of [{ typedPayloads: [token("a")] }, { tileIds: [] }] as ResultFields[]) {
    const { rig, frame } = withFrame();
    frame.startedAtMs = rig.nowMs + 30;
    rig.nowMs += 100;
    rig.engine.sendResult(frame, result, true, rig.nowMs);
    const { queueMs, inferenceMs, serverTotalMs } = metadataOf(rig.out.take()[0]);
    assertEquals([queueMs, inferenceMs, serverTotalMs], [30, 70, 100]);
  }
});

test("a result that cannot be written leaves nothing behind and the frame in flight", () => {
  const bad: ResultFields[] = [
    { statusCode: 65536 },
    { typedPayloads: [{ payloadKind: PayloadKind.TENSOR, payload: patterned(3, 1) }] },
    { typedPayloads: [token("a")], payloadFrameCount: 9 },
    { tileIds: [1], sections: [], coveredTileCount: 5 },
    { tileIds: [1, 2], sections: [{ roleId: 1, dtypeId: 0, tilePayloads: [patterned(3, 1)] }] },
    { resultClass: 77 },
    { tileIndexMode: 3, tileIds: [1] },
    { typedPayloads: null as never },
    { typedPayloads: [null as never] },
    { typedPayloads: "text" as never },
    { sections: 5 as never, tileIds: [1] },
  ];
  for (const fields of bad) {
    for (const whole of [true, false]) {
      const { rig, frame } = withFrame();
      let refused = true;
      try {
        if (whole) rig.engine.sendResult(frame, fields, true, rig.nowMs);
        else rig.engine.sendPart(frame, fields);
        refused = false;
      } catch (error) {
        assert(error instanceof NnrpError || error instanceof TypeError, String(error));
      }
      if (refused) {
        assertEquals([rig.out.take().length, rig.engine.framesInFlight, frame.settled], [0, 1, false]);
      } else rig.out.take();
      rig.receive(submitPacket(2));
      assertEquals(
        rig.engine.sendResult(rig.frames[1], { typedPayloads: [token("b")] }, true, rig.nowMs),
        true,
      );
      assertEquals(namesOf(rig.out.take()), ["RESULT_PUSH"]);
    }
  }
});

test("§10: FRAME_CANCEL aborts the frame's signal and is answered by RESULT_DROP; no result may follow", () => {
  const { rig, frame } = withFrame({ viewId: 4, traceId: 77n });
  const reasons: unknown[] = [];
  frame.signal.addEventListener("abort", () => reasons.push(frame.signal.reason));
  const [sent] = rig.receive(cancel(1, 4));
  assertEquals([sent.name, sent.header.frameId, sent.header.viewId, sent.header.traceId], [
    "RESULT_DROP",
    1,
    4,
    77n,
  ]);
  assertEquals([frame.aborted, reasons.length, rig.cancelled.length], [true, 1, 1]);
  assertEquals(rig.engine.sendResult(frame, {}, true, rig.nowMs), false);
  assertEquals([rig.engine.counts.cancels, rig.engine.counts.drops, rig.engine.counts.results], [1, 1, 0]);
});

test("§10: a cancel on another view, of a settled frame or of no frame at all changes nothing", () => {
  const { rig, frame } = withFrame();
  assertEquals(rig.receive(cancel(1, 1), cancel(9)), []);
  assertEquals([frame.aborted, rig.engine.framesInFlight], [false, 1]);
  rig.engine.sendResult(frame, {}, true, rig.nowMs);
  rig.out.take();
  assertEquals(rig.receive(cancel(1)), []);
  assertEquals([frame.aborted, rig.engine.counts.cancels], [false, 3]);
});

test("§3: on carriers with several streams a cancel may overtake its frame, which is then dropped when it comes", () => {
  const rig = new ServerRig({}, {}, true).open();
  assertEquals(rig.receive(cancel(5, 1)), []);
  assertEquals(rig.engine.counts.earlyCancels, 1);
  assertEquals(namesOf(rig.receive(submitPacket(5, { viewId: 1 }))), ["RESULT_DROP"]);
  assertEquals([rig.frames.length, rig.engine.framesInFlight], [0, 0]);
  rig.receive(submitPacket(5, { viewId: 1 }));
  assertEquals(rig.frames.length, 1, "the cancel was meant for one frame, not for the next of its key");
});

test("§3: on one ordered stream a cancel of an unknown frame is never kept", () => {
  const rig = new ServerRig().open();
  rig.receive(cancel(5), submitPacket(5));
  assertEquals([rig.frames.length, rig.engine.counts.earlyCancels], [1, 0]);
});

test("§3: a cancel that comes after its frame was answered means no later frame of that key", () => {
  const rig = new ServerRig({}, {}, true).open();
  const { frame } = withFrame({}, rig);
  rig.engine.sendResult(frame, {}, true, rig.nowMs);
  rig.receive(cancel(1), submitPacket(1));
  assertEquals([rig.frames.length, rig.engine.counts.earlyCancels], [2, 0]);
});

test("§3: only the newest 1,024 early cancels are kept", () => {
  const rig = new ServerRig({ controlRate: { burst: 1e9 } }, {}, true).open();
  for (let id = 0; id < 1500; id++) rig.receive(cancel(id));
  rig.receive(submitPacket(1499), submitPacket(0), submitPacket(476), submitPacket(475));
  assertEquals(rig.frames.map((f) => f.frameId), [0, 475]);
});

test("rc2 may send a key again while it is in flight: both frames are answered, each once", () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0], [0, 2, 1], [2, 0, 1]]) {
    const rig = new ServerRig().open();
    for (let i = 0; i < 3; i++) rig.receive(submitPacket(1, { traceId: BigInt(i) }));
    assertEquals([rig.frames.length, rig.engine.framesInFlight], [3, 3]);
    for (const i of order) {
      assertEquals(rig.engine.sendResult(rig.frames[i], {}, true, rig.nowMs), true);
      assertEquals(rig.engine.sendResult(rig.frames[i], {}, true, rig.nowMs), false);
    }
    assertEquals(rig.out.take().map((p) => p.header.traceId), order.map(BigInt));
    assertEquals([rig.engine.framesInFlight, rig.engine.frame(1), rig.engine.counts.bytesInFlight], [
      0,
      undefined,
      0,
    ]);
  }
});

test("cancelling a doubled key takes the newest frame first", () => {
  const rig = new ServerRig().open();
  rig.receive(submitPacket(1), submitPacket(1), cancel(1));
  assertEquals(rig.frames.map((f) => f.aborted), [false, true]);
  rig.receive(cancel(1));
  assertEquals([rig.frames.map((f) => f.aborted), rig.engine.framesInFlight], [[true, true], 0]);
});

test("§7: after CLOSE of either side accepted frames are still answered, and no new one is taken", () => {
  for (const how of ["here", "there"] as const) {
    const { rig, frame } = withFrame();
    if (how === "here") rig.engine.close("enough");
    else rig.receive(bare(MessageType.CLOSE));
    rig.out.take();
    const [error] = errorsIn(rig.receive(submitPacket(2, { traceId: 5n })));
    assertEquals([error.errorCode, error.errorScope, error.relatedFrameId, error.traceId], [
      ErrorCode.INVALID_STATE,
      ErrorScope.FRAME,
      2,
      5n,
    ]);
    assertEquals(rig.done, null);
    assertEquals(rig.engine.sendResult(frame, {}, true, rig.nowMs), true);
    rig.engine.turn();
    // Who received CLOSE closes once its frames are settled; who sent it leaves that to the other side.
    assertEquals(rig.done !== null, how === "there");
  }
});

test("§3: on carriers with several streams, submits that come after the client's CLOSE were sent before it", () => {
  const rig = new ServerRig({}, {}, true).open();
  const { frame } = withFrame({}, rig);
  rig.receive(bare(MessageType.CLOSE));
  rig.receive(submitPacket(2));
  assertEquals(rig.frames.length, 2);
  rig.engine.sendResult(frame, {}, true, rig.nowMs);
  rig.engine.turn();
  assertEquals(rig.done, null);
  rig.engine.sendResult(rig.frames[1], {}, true, rig.nowMs);
  rig.engine.turn();
  assertEquals(rig.done?.fatal, false);
});

test("losing the connection aborts every frame with a reason, newest and older ones of a key", () => {
  const rig = new ServerRig().open();
  rig.receive(submitPacket(1), submitPacket(1), submitPacket(2));
  const signals = rig.frames.map((f) => f.signal);
  rig.engine.carrierClosed({ code: 0, reason: "reset", local: false });
  assertEquals(signals.map((s) => s.aborted), [true, true, true]);
  assert(signals.every((s) => s.reason instanceof NnrpError));
  assertEquals([rig.engine.framesInFlight, rig.engine.counts.bytesInFlight, rig.engine.state], [
    0,
    0,
    SessionState.CLOSED,
  ]);
});

test("a signal asked for after the abort is aborted already", () => {
  const { rig, frame } = withFrame();
  rig.receive(cancel(1));
  assertEquals(frame.signal.aborted, true);
  frame.abort("again");
  assert(frame.signal.reason instanceof Error);
});

test("a budget counts from arrival", () => {
  const { rig, frame } = withFrame({ latencyBudgetMs: 20, budgetPolicy: BudgetPolicy.ALLOW_DROP });
  assertEquals([frame.budgetEndsMs, frame.latencyBudgetMs, frame.budgetPolicy], [
    rig.nowMs + 20,
    20,
    BudgetPolicy.ALLOW_DROP,
  ]);
  assertEquals(withFrame().frame.budgetEndsMs, Infinity);
});

test("§10: references are filled from the cache, and a miss names what is missing", () => {
  const rig = new ServerRig().open();
  const reference = { objectKind: 1, refFlags: 0, cacheNamespace: 3, cacheKeyHi: 1, cacheKeyLo: 2 };
  rig.receive(
    cachePutPacket({ objectKind: 1, cacheNamespace: 3, cacheKeyHi: 1, cacheKeyLo: 2 }, {}, patterned(22, 9)),
  );
  const request = { typedPayloads: undefined, submitMode: 1, objectRefMask: 1 };
  rig.receive(submitPacket(1, { ...request, cameraReference: reference }));
  assertEquals(rig.frames[0].cameraBlock, patterned(22, 9));
  const [error] = errorsIn(
    rig.receive(submitPacket(2, { ...request, cameraReference: { ...reference, cacheKeyLo: 3 } })),
  );
  assertEquals([error.errorCode, error.isFatal], [ErrorCode.CACHE_MISS, 0]);
  assert(error.diagnostic.includes("CAMERA_BLOCK 3/0000000100000003"), error.diagnostic);
  assertEquals([rig.frames.length, rig.engine.counts.cacheMisses, rig.engine.framesInFlight], [1, 1, 1]);
});

test("hints and flow updates of the server leave only while the session is open", () => {
  const { rig, frame } = withFrame();
  const hint = { appliedBudgetPolicy: 0, congestionState: 1, reason: 0, retryAfterMs: 0 };
  rig.engine.sendHint(hint, { frameId: 1 });
  assertThrows(() => rig.engine.sendHint({ ...hint, congestionState: 99 }), NnrpError);
  assertThrows(() => rig.engine.sendHint({ ...hint, reason: 99 }), NnrpError);
  assertEquals(namesOf(rig.out.take()), ["RESULT_HINT"]);
  rig.engine.close();
  rig.out.take();
  rig.engine.sendHint(hint);
  assertEquals(namesOf(rig.out.take()), ["RESULT_HINT"]);
  rig.engine.sendResult(frame, {}, true, rig.nowMs);
  rig.engine.carrierClosed({ code: 0, reason: "", local: true });
  assertThrows(() => rig.engine.sendHint(hint), NnrpError);
  assertEquals(rig.engine.counts.hints, 2);
});

test("whatever clients and handlers do, every accepted frame ends exactly once and the bytes add up", () => {
  const step = fc.tuple(
    fc.constantFrom("submit", "bad", "result", "part", "end", "drop", "fail", "cancel", "discard", "pass"),
    fc.nat(4),
    fc.nat(1),
    fc.nat(40),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), fc.boolean(), (steps, multiStream) => {
      const rig = new ServerRig({ maxInFlightFrames: 8, controlRate: { burst: 1e9 } }, {}, multiStream)
        .open();
      const ends = new Map<string, number>(); // by trace id, which is unique
      let trace = 0n;
      let submits = 0;
      const record = (packets: SentPacket[]) => {
        for (const p of packets) {
          const final = p.name === "RESULT_DROP" || p.name === "ERROR" ||
            (p.name === "RESULT_PUSH" && p.last);
          if (final) ends.set(String(p.header.traceId), (ends.get(String(p.header.traceId)) ?? 0) + 1);
        }
      };
      const discarded = new Set<string>();
      for (const [what, frameId, viewId, pick] of steps) {
        const open = rig.frames.filter((f) => !f.settled);
        const frame = open[pick % Math.max(1, open.length)];
        if (what === "submit") {
          submits++;
          record(rig.receive(submitPacket(frameId, { viewId, traceId: ++trace })));
        } else if (what === "bad") {
          submits++;
          record(rig.receive(submitPacket(frameId, { viewId, traceId: ++trace, sessionId: 99 })));
        } else if (what === "cancel") record(rig.receive(cancel(frameId, viewId)));
        else if (what === "pass") rig.pass(pick);
        else if (frame !== undefined) {
          if (what === "result") {
            rig.engine.sendResult(frame, { typedPayloads: [token("x")] }, true, rig.nowMs);
          } else if (what === "part") rig.engine.sendPart(frame, { typedPayloads: [token("x")] });
          else if (what === "end") rig.engine.endStream(frame, rig.nowMs);
          else if (what === "drop") rig.engine.sendDrop(frame);
          else if (what === "fail") rig.engine.failFrame(frame, { errorCode: ErrorCode.INTERNAL_ERROR });
          else if (what === "discard") {
            discarded.add(String(frame.traceId));
            rig.engine.discard(frame);
          }
          record(rig.out.take());
        }
        const inFlight = rig.frames.filter((f) => !f.settled);
        assertEquals(rig.engine.framesInFlight, inFlight.length);
        assertEquals(rig.engine.counts.bytesInFlight, inFlight.reduce((sum, f) => sum + f.byteLength, 0));
        let kept = 0;
        for (const buffer of new Set(inFlight.map((f) => f.buffer))) kept += buffer.byteLength;
        assertEquals(rig.engine.counts.keptBytes, kept);
        assert(rig.engine.framesInFlight <= 8);
        // Ended, discarded or still open: nothing is lost and nothing ends twice.
        for (const n of ends.values()) assertEquals(n, 1);
        assertEquals(ends.size + discarded.size + inFlight.length, submits);
      }
      const { counts } = rig.engine;
      assertEquals(counts.submits, submits);
      assert(counts.maxInFlight <= 8);
    }),
    { numRuns: 300 },
  );
});
