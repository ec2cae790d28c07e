import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { ackFor, ClientRig, frameRequest, namesOf, RecordingWaiter } from "@nnrp/testing/engines";
import { bare, errorPacket, resultPacket } from "@nnrp/testing/packets";
import type { SubmitRequest } from "../../body/submit_request.ts";
import { NnrpConnectionClosedError, NnrpError, NnrpStateError } from "../../errors.ts";
import { ErrorCode, ErrorScope, MessageType, ResultClass } from "../../wire/enums.ts";
import { HeaderFlags, ResultFlags } from "../../wire/flags.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import { MAX_LATE_FRAMES } from "../frames/pending_frames.ts";
import type { ClientEngine } from "./client_engine.ts";
import { SessionState } from "./states.ts";

const drop = (frameId: number, viewId = 0): NnrpPacket => bare(MessageType.RESULT_DROP, { frameId, viewId });
const part = (frameId: number, flags = 0, viewId = 0): NnrpPacket =>
  resultPacket(frameId, {
    viewId,
    flags,
    resultClass: ResultClass.PARTIAL,
    resultFlags: ResultFlags.PARTIAL,
  });
const frameError = (frameId: number, viewId = 0): NnrpPacket =>
  errorPacket({
    errorScope: ErrorScope.FRAME,
    errorCode: ErrorCode.INTERNAL_ERROR,
    relatedFrameId: frameId,
    relatedViewId: viewId,
  });

/** Frames that ended, by the counters, and frames that have not: together all that were submitted. */
function accounted(engine: ClientEngine): number {
  const c = engine.counts;
  return c.complete + c.partial + c.staleReuse + c.degraded + c.dropped + c.failed + c.cancelled +
    c.discarded;
}

test("a result settles its frame once; what comes after it is counted and dropped", () => {
  const rig = new ClientRig().open();
  const waiter = rig.submit(1);
  assertEquals(rig.engine.framesInFlight, 1);
  rig.receive(resultPacket(1), resultPacket(1), drop(1));
  assertEquals([waiter.heard, rig.engine.framesInFlight], [["final"], 0]);
  assertEquals([rig.engine.counts.complete, rig.engine.counts.results, rig.engine.counts.unknown], [1, 1, 2]);
  assertEquals(new TextDecoder().decode(waiter.results[0].tokenChunks[0]), "result 1");
});

test("a drop settles its frame", () => {
  const rig = new ClientRig().open();
  const waiter = rig.submit(1);
  rig.receive(drop(1));
  assertEquals([waiter.heard, rig.engine.counts.dropped, rig.engine.framesInFlight], [["drop"], 1, 0]);
  assertEquals([waiter.results[0].isDrop, waiter.results[0].className, waiter.results[0].metadata], [
    true,
    "DROP",
    null,
  ]);
});

test("each class of result is counted as what it is", () => {
  const classes = [ResultClass.COMPLETE, ResultClass.PARTIAL, ResultClass.STALE_REUSE, ResultClass.DEGRADED];
  const rig = new ClientRig().open();
  classes.forEach((resultClass, id) => {
    const waiter = rig.submit(id);
    rig.receive(resultPacket(id, { resultClass, flags: HeaderFlags.EOS }));
    assertEquals(waiter.heard, ["final"]);
  });
  const { complete, partial, staleReuse, degraded } = rig.engine.counts;
  assertEquals([complete, partial, staleReuse, degraded], [1, 1, 1, 1]);
});

for (
  const { agreed, untilEos, heard } of [
    { agreed: true, untilEos: false, heard: ["part", "part", "final"] },
    { agreed: true, untilEos: true, heard: ["part", "part", "final"] },
    { agreed: false, untilEos: true, heard: ["part", "part", "final"] },
    { agreed: false, untilEos: false, heard: ["final"] },
  ]
) {
  const how = `${agreed ? "with" : "without"} 0xF001${untilEos ? ", if the caller waits for EOS" : ""}`;
  test(`§8.6: a PARTIAL without EOS is ${heard.length > 1 ? "a part" : "the end"} ${how}`, () => {
    const rig = new ClientRig().open({ streamedResults: agreed });
    const waiter = rig.submit(1, 0, new RecordingWaiter(0, untilEos));
    rig.receive(part(1), part(1));
    rig.receive(part(1, HeaderFlags.EOS));
    assertEquals(waiter.heard, heard);
    assertEquals(rig.engine.framesInFlight, 0);
    assertEquals(rig.engine.counts.partial, 1);
  });
}

test("§8.6: the server's 0xF001 means nothing to a client that did not offer it", () => {
  const rig = new ClientRig().open({ streamedResults: true }, { streamedResults: false });
  const waiter = rig.submit(1);
  rig.receive(part(1));
  assertEquals(waiter.heard, ["final"]);
});

for (
  const [how, end] of [
    ["a COMPLETE without EOS", resultPacket(1)],
    ["a DEGRADED", resultPacket(1, { resultClass: ResultClass.DEGRADED })],
    ["a drop", drop(1)],
    [
      "an empty EOS",
      resultPacket(1, { typedPayloads: undefined, payloadKindBitmap: 0, flags: HeaderFlags.EOS }),
    ],
  ] as [string, NnrpPacket][]
) {
  test(`§8.6: a streamed frame ends with ${how}`, () => {
    const rig = new ClientRig().open();
    const waiter = rig.submit(1);
    rig.receive(part(1), end);
    assertEquals(waiter.heard, ["part", end.header.msgType === MessageType.RESULT_DROP ? "drop" : "final"]);
  });
}

test("a frame ERROR fails its frame, whatever parts came, and no other", () => {
  const rig = new ClientRig().open();
  const [first, second] = [rig.submit(1), rig.submit(2)];
  rig.receive(part(1), frameError(1));
  assertEquals([first.heard, second.heard], [["part", "PROTOCOL"], []]);
  assertEquals([rig.engine.counts.failed, rig.engine.framesInFlight], [1, 1]);
  assertEquals(rig.errors.length, 1, "the host hears of it as well");
});

test("§8.1: the same frame id on two views is two frames", () => {
  const rig = new ClientRig().open();
  const views = [0, 1, 2, 65535];
  const waiters = views.map((viewId) => rig.submit(5, viewId));
  rig.receive(resultPacket(5, { viewId: 65535 }), drop(5, 1), frameError(5, 2));
  assertEquals(waiters.map((w) => w.heard), [[], ["drop"], ["PROTOCOL"], ["final"]]);
  rig.engine.cancel(5, 0);
  assertEquals(waiters[0].heard, ["CANCELLED"]);
});

test("§8.1: a key that is in flight is refused, and nothing is sent", () => {
  const rig = new ClientRig().open();
  const first = rig.submit(1, 3);
  rig.out.take();
  const second = new RecordingWaiter();
  assertThrows(() => rig.submit(1, 3, second), NnrpStateError, "in flight already");
  assertEquals([rig.out.take().length, second.heard, rig.engine.counts.submitted], [0, [], 1]);
  rig.submit(1, 4);
  rig.receive(resultPacket(1, { viewId: 3 }));
  assertEquals(first.heard, ["final"]);
  rig.submit(1, 3);
});

test("§8.1: frame id 0 and the greatest id are ordinary ids", () => {
  const rig = new ClientRig().open();
  const [zero, last] = [rig.submit(0), rig.submit(0xffffffff, 65535)];
  rig.receive(frameError(0), resultPacket(0xffffffff, { viewId: 65535 }));
  assertEquals([zero.heard, last.heard], [["PROTOCOL"], ["final"]]);
  rig.receive(frameError(0));
  assertEquals(rig.engine.counts.failed, 1, "with no frame 0 in flight it is only reported");
  assertEquals(rig.errors.length, 2);
});

test("frame ids that are left out are free ones, also after the greatest id was used", () => {
  const rig = new ClientRig().open({ maxConcurrentFrames: 1000 });
  const next = (): number => {
    const waiter = new RecordingWaiter();
    rig.engine.submit({ ...frameRequest("x"), frameId: 0 }, undefined, waiter);
    return waiter.frameId;
  };
  assertEquals([next(), next()], [1, 2]);
  rig.submit(100);
  assertEquals(next(), 101);
  rig.submit(0xfffffffe);
  assertEquals(next(), 0xffffffff);
  rig.submit(3);
  const used = new Set([1, 2, 3, 100, 101, 0xfffffffe, 0xffffffff]);
  for (let i = 0; i < 200; i++) {
    const id = next();
    assert(!used.has(id) && Number.isInteger(id) && id >= 0 && id <= 0xffffffff, `${id}`);
    used.add(id);
  }
  const sent = rig.out.take().map((p) => p.header.frameId);
  assertEquals(new Set(sent).size, sent.length);
});

test("§10: a cancelled frame is over at once: FRAME_CANCEL goes out, a late result is swallowed", () => {
  const rig = new ClientRig().open();
  const waiter = rig.submit(1, 2);
  rig.out.take();
  rig.engine.cancel(1, 2, "not wanted");
  const [sent] = rig.out.take();
  assertEquals([sent.name, sent.header.frameId, sent.header.viewId, sent.header.sessionId], [
    "FRAME_CANCEL",
    1,
    2,
    7,
  ]);
  assertEquals([waiter.heard, waiter.error?.cause], [["CANCELLED"], "not wanted"]);
  rig.receive(resultPacket(1, { viewId: 2 }));
  assertEquals([waiter.heard.length, rig.engine.counts.unknown, rig.engine.counts.cancelled], [1, 1, 1]);
  rig.engine.cancel(1, 2);
  rig.engine.cancel(77, 0);
  assertEquals([rig.out.take().length, rig.engine.counts.cancelled], [0, 1]);
});

/** Ways in which a wait for a frame ends before its answer came. */
const GIVEN_UP: readonly [how: string, end: (rig: ClientRig) => void][] = [
  ["cancelled", (rig) => rig.engine.cancel(1, 0)],
  ["discarded", (rig) => rig.engine.discard(1, 0)],
  ["timed out", (rig) => rig.engine.timeOut(1, 0)],
  ["timed out and discarded", (rig) => {
    rig.engine.timeOut(1, 0);
    rig.engine.discard(1, 0);
  }],
  ["lost with its path", (rig) => {
    rig.engine.losePath(rig.engine.waiters(), new NnrpConnectionClosedError("test", "gone"));
  }],
  ["lost, and the session came back", (rig) => {
    rig.engine.resumable = true;
    rig.engine.carrierClosed({ code: 0, reason: "", local: false });
    rig.engine.moveTo(rig.out, rig.nowMs);
    rig.engine.cancelLost(rig.lost);
  }],
];

for (const [how, giveUp] of GIVEN_UP) {
  for (
    const [what, parts, answer, several] of [
      ["a result", [], resultPacket(1), false],
      ["a drop", [], drop(1), false],
      ["an ERROR", [], frameError(1), false],
      ["the end of a stream", [part(1), part(1)], part(1, HeaderFlags.EOS), false],
      ["a result of a carrier with several streams", [], resultPacket(1), true],
    ] as const
  ) {
    test(`§10: the key of a frame that was ${how} is refused until ${what} came`, () => {
      const rig = new ClientRig({}, several).open();
      const old = rig.submit(1);
      giveUp(rig);
      const heard = [...old.heard];
      rig.out.take();
      const refused = () => {
        const error = assertThrows(() => rig.submit(1), NnrpStateError, "may still");
        assert(/another id/.test(error.message), error.message);
        assertEquals(rig.out.take().length, 0, "nothing was sent");
      };
      refused();
      for (const packet of parts) {
        rig.receive(packet);
        refused();
      }
      const other = rig.submit(1, 1);
      rig.receive(answer);
      if (!how.startsWith("timed")) assertEquals(old.heard, heard, "nobody hears of what was given up");
      if (several && how !== "discarded" && !how.startsWith("timed")) refused(); // the cancel may still be under way
      else {
        const again = rig.submit(1);
        rig.receive(resultPacket(1));
        assertEquals(again.heard, ["final"]);
      }
      assertEquals(other.heard, [], "another view is another frame");
    });
  }
}

test("§8.6: without 0xF001 the key of a stream that was left is refused until its EOS came", () => {
  const rig = new ClientRig().open({ streamedResults: false });
  rig.submit(1, 0, new RecordingWaiter(0, true));
  rig.receive(part(1));
  rig.engine.cancel(1, 0);
  rig.receive(part(1), part(1));
  assertThrows(() => rig.submit(1), NnrpStateError, "may still");
  rig.receive(part(1, HeaderFlags.EOS));
  rig.submit(1);
});

test("the key of a stream with a part that cannot be read is refused until the stream is over", () => {
  const rig = new ClientRig().open();
  const waiter = rig.submit(1);
  const bad = part(1);
  rig.receive({ ...bad, body: bad.body.subarray(0, 3), header: { ...bad.header, bodyLen: 3 } });
  assertEquals(waiter.heard, ["WIRE"]);
  assertThrows(() => rig.submit(1), NnrpStateError, "may still");
  rig.receive(part(1), resultPacket(1));
  rig.submit(1);
});

test("on several streams an ERROR may overtake parts: the key of a frame that failed at work is refused", () => {
  for (
    const [errorCode, free] of [[ErrorCode.INTERNAL_ERROR, false], [ErrorCode.SERVER_BUSY, true]] as const
  ) {
    const rig = new ClientRig({}, true).open();
    rig.submit(1);
    rig.receive(errorPacket({ errorScope: ErrorScope.FRAME, errorCode, relatedFrameId: 1 }));
    if (free) rig.submit(1);
    else assertThrows(() => rig.submit(1), NnrpStateError, "may still");
  }
});

test("a new session has answered nothing: all keys are free again", () => {
  const rig = new ClientRig().open();
  rig.submit(1);
  rig.engine.cancel(1, 0);
  rig.engine.restart(rig.out, rig.nowMs);
  rig.out.take();
  const [hello] = rig.hello();
  rig.receive(ackFor(hello));
  rig.submit(1);
});

test("of the keys that were given up the newest 1,024 are refused, and ids that are left out are never among them", () => {
  const rig = new ClientRig().open({ maxConcurrentFrames: 5000 });
  for (let id = 1; id <= 1500; id++) {
    rig.submit(id);
    rig.engine.cancel(id, 0);
  }
  for (let id = 1500 - 1023; id <= 1500; id++) assertThrows(() => rig.submit(id), NnrpStateError);
  rig.submit(476);
  rig.submit(0xffffffff);
  const free = new Set<number>();
  for (let i = 0; i < 2000; i++) {
    const waiter = new RecordingWaiter();
    rig.engine.submit({ ...frameRequest("x"), frameId: 0 }, undefined, waiter);
    assert(waiter.frameId > 1500, `${waiter.frameId} was used before`);
    free.add(waiter.frameId);
  }
  assertEquals(free.size, 2000);
});

test("a server that answers nothing costs a bounded number of frames that timed out", () => {
  const rig = new ClientRig({ keepAliveMs: 0, idleTimeoutMs: 0 }).open();
  for (let i = 0; i < MAX_LATE_FRAMES + 100; i++) {
    const waiter = new RecordingWaiter(rig.nowMs + 1);
    rig.engine.submit({ ...frameRequest("x"), frameId: 0 }, undefined, waiter);
    rig.out.packets.length = 0;
    rig.pass(1);
  }
  assertEquals([rig.engine.waiters().length, rig.engine.framesInFlight], [MAX_LATE_FRAMES, 0]);
  assertEquals([rig.engine.counts.failed, rig.engine.counts.timedOut], [100, MAX_LATE_FRAMES + 100]);
});

test("§8.4: a discarded frame is forgotten without a word, and a late result dropped silently", () => {
  const rig = new ClientRig().open();
  const waiter = rig.submit(1);
  rig.out.take();
  rig.engine.discard(1, 0);
  assertEquals([rig.out.take().length, waiter.heard, rig.engine.framesInFlight], [0, ["CANCELLED"], 0]);
  rig.receive(resultPacket(1));
  assertEquals([waiter.heard.length, rig.engine.counts.unknown], [1, 1]);
  rig.engine.discard(1, 0);
});

for (const [how, end] of [["cancelled", "cancel"], ["discarded", "discard"]] as const) {
  test(`a ${how} frame makes room for a waiting one at once, not when the next packet comes`, () => {
    const rig = new ClientRig({ maxInFlight: 1 }).open();
    rig.submit(1);
    assertEquals(rig.engine.canSubmit(), false);
    rig.engine.wantSlot();
    rig.engine[end](1, 0);
    assertEquals([rig.engine.canSubmit(), rig.heard], [true, ["admitted"]]);
  });
}

test("§8.1: a time-out frees the slot at once and keeps the key until the late result came", () => {
  const rig = new ClientRig({ maxInFlight: 1 }).open();
  const waiter = rig.submit(1, 0, new RecordingWaiter(rig.nowMs + 50));
  assertEquals(rig.engine.nextDeadlineMs, rig.nowMs + 50);
  rig.engine.wantSlot();
  rig.pass(49);
  assertEquals([waiter.heard, rig.engine.canSubmit()], [[], false]);
  rig.heard.length = 0;
  rig.pass(1);
  assertEquals([waiter.heard, rig.engine.canSubmit(), rig.heard], [["timedOut"], true, ["admitted"]]);
  assertEquals([rig.engine.framesInFlight, rig.engine.counts.timedOut], [0, 1]);
  assertThrows(() => rig.submit(1), NnrpStateError);
  const other = rig.submit(2);
  rig.receive(resultPacket(1));
  assertEquals([waiter.heard, rig.engine.counts.late, rig.engine.framesInFlight], [
    ["timedOut", "final"],
    1,
    1,
  ]);
  rig.receive(resultPacket(2));
  assertEquals(other.heard, ["final"]);
  rig.submit(1);
});

test("deadlines of many frames pass in their order, each once, and the next one is always known", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 40 }), (deadlines) => {
      const rig = new ClientRig({ keepAliveMs: 0, idleTimeoutMs: 0 }).open({ maxConcurrentFrames: 100 });
      const start = rig.nowMs;
      const waiters = deadlines.map((d, i) => rig.submit(i, 0, new RecordingWaiter(start + d)));
      const left = [...deadlines];
      while (left.length > 0) {
        const next = Math.min(...left);
        assertEquals(rig.engine.nextDeadlineMs, start + next);
        rig.pass(start + next - rig.nowMs);
        for (let i = left.length - 1; i >= 0; i--) if (left[i] <= next) left.splice(i, 1);
        assertEquals(rig.engine.framesInFlight, left.length);
      }
      assertEquals(waiters.every((w) => w.heard.join() === "timedOut"), true);
      assertEquals([rig.engine.nextDeadlineMs, rig.engine.counts.timedOut], [Infinity, deadlines.length]);
    }),
    { numRuns: 100 },
  );
});

test("the slot limit is what the server told, unless the caller wants less or ignores it", () => {
  const told = (
    options: ConstructorParameters<typeof ClientRig>[0],
    maxConcurrentFrames: number,
    streamed = true,
  ) => new ClientRig(options).open({ maxConcurrentFrames, streamedResults: streamed }).engine.limit;
  assertEquals(told({}, 5), 5);
  assertEquals(told({ maxInFlight: 3 }, 5), 3);
  assertEquals(told({ maxInFlight: 9 }, 5), 5);
  assertEquals(told({ ignoreMaxConcurrentFrames: true }, 5), Infinity);
  assertEquals(told({ ignoreMaxConcurrentFrames: true, maxInFlight: 9 }, 5), 9);
  assertEquals(told({}, 1), 1, "1 from a server of ours means 1");
  assertEquals(told({}, 1, false), 64, "1 from a server without our extension means: not told");
});

test("a request that cannot be written leaves nothing behind", () => {
  const rig = new ClientRig().open({ maxBodyBytes: 1000 });
  const bad: Partial<SubmitRequest>[] = [
    { viewId: 65536 },
    { viewId: -1 },
    { latencyBudgetMs: 65536 },
    { tileIds: [1, 2], sections: [{ roleId: 1, dtypeId: 0, tilePayloads: [new Uint8Array(1)] }] },
    { typedPayloads: [{ payloadKind: 0x1, payload: new Uint8Array(1) }] },
    { typedPayloads: [{ payloadKind: 0x3, payload: new Uint8Array(1) }] },
    { typedPayloads: [{ payloadKind: 0x2, payload: new Uint8Array(2000) }] },
    { traceId: -1n },
    { submitMode: 9 },
    { objectRefMask: 1 },
  ];
  for (const wrong of bad) {
    const waiter = new RecordingWaiter();
    const request = { ...frameRequest("x"), frameId: 1, ...wrong };
    assertThrows(() => rig.engine.submit(request, 1, waiter), NnrpError);
    assertEquals([rig.out.take().length, rig.engine.framesInFlight, waiter.heard, rig.engine.knows(1, 0)], [
      0,
      0,
      [],
      false,
    ]);
  }
  const waiter = rig.submit(1);
  assertEquals(namesOf(rig.out.take()), ["FRAME_SUBMIT"]);
  rig.receive(resultPacket(1));
  assertEquals(waiter.heard, ["final"]);
});

test("closing or losing the session fails every frame in flight, and the counters add up", () => {
  const ends: [string, (rig: ClientRig) => void, string][] = [
    ["fatal ERROR", (rig) => rig.receive(errorPacket({ isFatal: 1 })), "PROTOCOL"],
    ["connection ERROR", (rig) => rig.receive(errorPacket({ errorScope: 0 })), "PROTOCOL"],
    ["peer's FIN", (rig) => rig.engine.peerEnded(), "CLOSED"],
    ["lost carrier", (rig) => rig.engine.carrierClosed({ code: 0, reason: "reset", local: false }), "CLOSED"],
    [
      "own fatal ERROR",
      (rig) => rig.engine.sendError({ errorCode: 12, errorScope: 1, fatal: true }),
      "PROTOCOL",
    ],
  ];
  for (const [what, end, code] of ends) {
    const rig = new ClientRig().open();
    const [late, waits, done] = [
      rig.submit(1, 0, new RecordingWaiter(rig.nowMs + 5)),
      rig.submit(2),
      rig.submit(3),
    ];
    rig.receive(resultPacket(3));
    rig.pass(5);
    end(rig);
    assertEquals([late.heard, waits.heard, done.heard], [["timedOut"], [code], ["final"]], what);
    assertEquals([rig.engine.state, rig.engine.framesInFlight], [SessionState.CLOSED, 0], what);
    assertEquals(accounted(rig.engine), rig.engine.counts.submitted, what);
    assertEquals(rig.engine.nextDeadlineMs, Infinity);
    assertThrows(() => rig.submit(9), NnrpStateError);
    rig.out.take();
    assertEquals(rig.receive(resultPacket(2)), []);
  }
});

test("whatever happens to frames, each ends once and the counters add up", () => {
  const happening = fc.tuple(
    fc.constantFrom("submit", "result", "part", "eos", "drop", "error", "cancel", "discard", "pass", "bad"),
    fc.nat(5),
    fc.nat(1),
  );
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 200, size: "max" }),
      fc.boolean(),
      (happenings, streamed) => {
        const rig = new ClientRig({ keepAliveMs: 0, idleTimeoutMs: 0 }).open({
          maxConcurrentFrames: 1000,
          streamedResults: streamed,
        });
        const all: RecordingWaiter[] = [];
        for (const [what, frameId, viewId] of happenings) {
          if (what === "submit") {
            if (!rig.engine.isFree(frameId, viewId)) continue;
            all.push(rig.submit(frameId, viewId, new RecordingWaiter(frameId % 2 === 0 ? rig.nowMs + 7 : 0)));
          } else if (what === "result") rig.receive(resultPacket(frameId, { viewId }));
          else if (what === "part") rig.receive(part(frameId, 0, viewId));
          else if (what === "eos") rig.receive(part(frameId, HeaderFlags.EOS, viewId));
          else if (what === "drop") rig.receive(drop(frameId, viewId));
          else if (what === "error") rig.receive(frameError(frameId, viewId));
          else if (what === "cancel") rig.engine.cancel(frameId, viewId);
          else if (what === "discard") rig.engine.discard(frameId, viewId);
          else if (what === "pass") rig.pass(frameId);
          else {
            const good = resultPacket(frameId, { viewId });
            rig.receive({ ...good, metadata: new Uint8Array(3), header: { ...good.header, metaLen: 3 } });
          }
          const { counts } = rig.engine;
          assert(rig.engine.framesInFlight >= 0);
          const open = all.filter((w) => !w.heard.some((h) => h !== "part")).length;
          assertEquals(
            rig.engine.framesInFlight,
            open,
            "slots are held by exactly the frames that nobody has heard the end of",
          );
          const lateOnes = all.filter((w) =>
            w.heard.at(-1) === "timedOut" ||
            w.heard.slice(w.heard.indexOf("timedOut") + 1).every((h) => h === "part") &&
              w.heard.includes("timedOut")
          ).length;
          assertEquals([rig.engine.framesLate, rig.engine.framesLost], [lateOnes, 0]);
          assertEquals(accounted(rig.engine) + open + lateOnes, counts.submitted);
        }
        rig.engine.carrierClosed({ code: 0, reason: "", local: false });
        for (const w of all) {
          const ends = w.heard.filter((h) => h !== "part" && h !== "timedOut");
          assert(ends.length <= 1, w.heard.join());
          assert(ends.length === 1 || w.late, w.heard.join());
        }
        assertEquals(accounted(rig.engine), rig.engine.counts.submitted);
      },
    ),
    { numRuns: 300 },
  );
});

test("a frame goes out as one packet on the submit lane, with the session's id and the frame's numbers", () => {
  const rig = new ClientRig().open();
  rig.engine.submit(
    { ...frameRequest("x"), frameId: 0, viewId: 3, routeId: 4, traceId: 5n, flags: 0x21 },
    9,
    new RecordingWaiter(),
  );
  const [sent] = rig.out.take();
  const { frameId, viewId, routeId, traceId, flags, sessionId } = sent.header;
  assertEquals([sent.lane, sent.last, frameId, viewId, routeId, traceId, flags, sessionId], [
    "submit",
    true,
    9,
    3,
    4,
    5n,
    0x21,
    7,
  ]);
});
