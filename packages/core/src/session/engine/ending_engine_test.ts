import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { ClientRig, errorsIn, namesOf, type SentPacket, ServerRig } from "@nnrp/testing/engines";
import { bare, errorPacket, resultPacket, submitPacket } from "@nnrp/testing/packets";
import { ErrorCode, ErrorScope, MessageType } from "../../wire/enums.ts";
import { SessionState } from "./states.ts";

/** The words of a packet; a server's CLOSE has 8 bytes before them (0xF004), which are 0 here. */
const text = (packet: SentPacket): string => new TextDecoder().decode(packet.body).replace(/^\0{8}/, "");
const close = (words = ""): SentPacket => {
  const rig = new ClientRig().open();
  rig.current.close(words);
  return rig.out.take()[0];
};

test("§10: close() says CLOSE with the reason once, and only an active session says it", () => {
  for (const rig of [new ClientRig().open(), new ServerRig().open()]) {
    rig.out.take();
    rig.current.close("enough");
    rig.current.close("again");
    const sent = rig.out.take();
    assertEquals(sent.map((p) => [p.name, text(p), p.header.metaLen]), [["CLOSE", "enough", 0]]);
    assertEquals([rig.current.state, rig.ending?.kind, rig.ending?.local], [
      SessionState.DRAINING,
      "close",
      true,
    ]);
    assertEquals(rig.done, null, "who sent CLOSE leaves closing to the other side");
  }
  for (const rig of [new ClientRig(), new ServerRig()]) {
    rig.current.close("early");
    assertEquals([rig.out.take().length, rig.current.state, rig.done?.fatal], [
      0,
      SessionState.CLOSED,
      false,
    ]);
  }
});

test("§10: who receives CLOSE settles its frames, then closes, and does not answer CLOSE with CLOSE", () => {
  const client = new ClientRig().open();
  const waiter = client.submit(1);
  client.out.take();
  assertEquals(client.receive(close("bye")), []);
  assertEquals([client.current.state, client.ending?.reason, client.done], [
    SessionState.DRAINING,
    "bye",
    null,
  ]);
  client.receive(resultPacket(1));
  assertEquals([waiter.heard, client.done?.end.kind, client.done?.fatal], [["final"], "close", false]);

  const server = new ServerRig().open();
  server.receive(submitPacket(1), submitPacket(2));
  server.receive(close("bye"));
  server.engine.sendResult(server.frames[0], {}, true, server.nowMs);
  server.current.turn();
  assertEquals(server.done, null);
  server.engine.sendDrop(server.frames[1]);
  server.current.turn();
  assertEquals([server.done?.end.reason, namesOf(server.out.take())], ["bye", [
    "RESULT_PUSH",
    "RESULT_DROP",
  ]]);
});

test("§10: with nothing in flight CLOSE closes at once", () => {
  for (const rig of [new ClientRig().open(), new ServerRig().open()]) {
    rig.receive(close());
    assertEquals([rig.done?.end.kind, rig.done?.end.local], ["close", false]);
    assertEquals(rig.heard.filter((h) => h === "draining" || h === "finished"), ["draining", "finished"]);
  }
});

test("§8.1: a frame whose wait timed out holds no slot, so it does not hold up the end either", () => {
  const client = new ClientRig().open();
  const waiter = client.submit(1);
  client.engine.timeOut(1, 0);
  client.receive(close());
  assertEquals([client.done?.end.kind, waiter.heard], ["close", []]);
});

test("CLOSE of both sides that crosses ends both sessions in order", () => {
  const client = new ClientRig().open();
  const server = new ServerRig().open();
  const waiter = client.submit(1);
  server.receive(...client.out.take().slice(-1));
  client.current.close("client");
  server.current.close("server");
  const [toServer, toClient] = [client.out.take(), server.out.take().filter((p) => p.name === "CLOSE")];
  server.receive(...toServer);
  client.receive(...toClient);
  assertEquals([client.done, server.done], [null, null], "a frame is in flight");
  server.engine.sendResult(server.frames[0], {}, true, server.nowMs);
  client.receive(...server.out.take());
  server.current.turn();
  assertEquals(waiter.heard, ["final"]);
  assertEquals([client.ending?.reason, server.ending?.reason], ["client", "server"], "the first end counts");
  assertEquals([client.done?.fatal, server.done?.fatal], [false, false]);
});

test("§2: a half-close is the end of the client's submits, not of the server's answers", () => {
  const server = new ServerRig().open();
  server.receive(submitPacket(1));
  server.current.peerEnded();
  server.current.turn();
  assertEquals([server.current.state, server.done], [SessionState.DRAINING, null]);
  assertEquals(server.engine.sendResult(server.frames[0], {}, true, server.nowMs), true);
  server.current.turn();
  assertEquals(server.done?.end.kind, "lost");
});

test("§2: a half-close of the server fails what is in flight: nobody can answer it any more", () => {
  const client = new ClientRig().open();
  const waiter = client.submit(1);
  client.current.peerEnded();
  assertEquals([waiter.heard, client.current.state, client.done?.end.kind], [
    ["CLOSED"],
    SessionState.CLOSED,
    "lost",
  ]);
});

test("§10: a fatal ERROR ends the session with its words, and its frames with the error itself", () => {
  const client = new ClientRig().open();
  const waiter = client.submit(1);
  client.receive(
    errorPacket({ isFatal: 1, errorCode: ErrorCode.SERVER_BUSY, retryAfterMs: 900 }, {}, "overload"),
  );
  assertEquals([client.ending?.kind, client.ending?.local, client.ending?.reason], [
    "error",
    false,
    "overload",
  ]);
  assertEquals(waiter.error, client.ending?.error);
  assertEquals(client.done?.fatal, false, "this side has nothing more to say");

  const server = new ServerRig().open();
  server.receive(submitPacket(1));
  server.receive(errorPacket({ isFatal: 1 }, {}, "client gave up"));
  assertEquals([server.ending?.reason, server.frames[0].aborted, server.done?.fatal], [
    "client gave up",
    true,
    false,
  ]);
});

test("§10: a session ERROR that is not fatal changes nothing but what waits for it", () => {
  const client = new ClientRig().open();
  const waiter = client.submit(1);
  client.receive(errorPacket({ errorScope: ErrorScope.SESSION }, { traceId: 0n }));
  assertEquals([client.current.state, waiter.heard, client.errors.length], [SessionState.ACTIVE, [], 1]);
});

test("the first cause of an end is the one that is told", () => {
  const client = new ClientRig().open();
  client.receive(close("first"));
  const server = new ServerRig().open();
  server.current.close("first");
  server.current.carrierClosed({ code: 0, reason: "reset", local: false });
  assertEquals([client.ending?.reason, server.ending?.reason, server.done?.end.reason], [
    "first",
    "first",
    "first",
  ]);
});

test("a lost carrier ends everything that waits, once, and the host hears draining before finished", () => {
  const rig = new ClientRig().open();
  const patch = rig.patchReply();
  const pings: string[] = [];
  rig.engine.ping({ resolve() {}, reject: (e) => pings.push(e.code) }, rig.nowMs);
  rig.engine.patch(
    {
      profileId: 1,
      patchMask: 2,
      targetCadenceX100: 0,
      qualityTier: 1,
      degradePolicy: 0,
      activeLaneMask: 0n,
      preferredCodecBitmap: 0,
      preferredCompressionBitmap: 0,
      profilePatchBytes: 0,
    },
    null,
    patch,
  );
  rig.heard.length = 0;
  const info = { code: 0, reason: "reset by peer", local: false };
  rig.current.carrierClosed(info);
  rig.current.carrierClosed(info);
  assertEquals([patch.error?.code, patch.settled, pings], ["CLOSED", 1, ["CLOSED"]]);
  assertEquals(rig.heard.filter((h) => h !== "admitted"), ["draining", "finished"]);
  assertEquals([rig.ending?.kind, rig.ending?.reason], ["lost", "reset by peer"]);
});

// Keep-alive and idle

/** A peer that speaks none of our extensions: nobody knows whether it answers pings. */
const RC2 = { streamedResults: false, migrationToken: false };

test("§6.4: a quiet session pings at least every keepAliveMs, a busy one does not", () => {
  for (const role of ["client", "server"] as const) {
    const rig = role === "client"
      ? new ClientRig({ keepAliveMs: 5000 }).open()
      : new ServerRig({ keepAliveMs: 5000 }).open();
    rig.current.tick(rig.nowMs);
    rig.out.take();
    const pings: number[] = [];
    let silentSince = rig.nowMs;
    for (let ms = 0; ms < 60_000; ms += 100) {
      const sent = rig.pass(100);
      if (sent.length === 0) continue;
      assertEquals(namesOf(sent), ["PING"]);
      assert(rig.nowMs - silentSince <= 5000, `silent for ${rig.nowMs - silentSince} ms`);
      silentSince = rig.nowMs;
      pings.push(rig.nowMs);
      rig.receive(bare(MessageType.PONG, { traceId: sent[0].header.traceId }));
    }
    assert(pings.length >= 12 && pings.length <= 30, `${pings.length} pings in a minute`);
  }
});

test("§6.4: traffic of this side's own puts the next ping off", () => {
  const rig = new ServerRig({ keepAliveMs: 5000 }).open(RC2);
  rig.current.tick(rig.nowMs);
  for (let i = 0; i < 100; i++) {
    rig.engine.sendHint({ appliedBudgetPolicy: 0, congestionState: 1, reason: 0, retryAfterMs: 0 });
    assertEquals(namesOf(rig.pass(500)).includes("PING"), false);
  }
});

test("keep-alive is off at 0, and nobody pings before the handshake", () => {
  const off = new ClientRig({ keepAliveMs: 0 }).open();
  assertEquals(off.pass(100_000), []);
  for (const rig of [new ClientRig(), new ServerRig()]) assertEquals(rig.pass(50_000), []);
});

test("§2: the idle time counts received bytes only, from the opening of the carrier", () => {
  for (
    const rig of [
      new ServerRig({ idleTimeoutMs: 1000, keepAliveMs: 0 }),
      new ServerRig({ idleTimeoutMs: 1000, keepAliveMs: 0 }).open(),
    ]
  ) {
    rig.pass(999);
    assertEquals(rig.done, null);
    rig.current.begin(rig.nowMs); // a batch that held no whole packet
    rig.pass(999);
    assertEquals(rig.done, null);
    rig.pass(1);
    assertEquals(rig.done, null, "one look may be late: there is a second");
    rig.pass(20);
    assertEquals([rig.current.state, rig.ending?.kind, rig.ending?.error?.code], [
      SessionState.CLOSED,
      "lost",
      "CLOSED",
    ]);
    assertEquals(rig.current.nextDeadlineMs, Infinity);
  }
  const never = new ClientRig({ idleTimeoutMs: 0, keepAliveMs: 0 }).open();
  assertEquals(never.engine.nextDeadlineMs, Infinity);
  never.pass(1e9);
  assertEquals(never.done, null);
});

test("an engine whose next deadline is kept is never late and never asks in vain for ever", () => {
  const rig = new ClientRig({ keepAliveMs: 2000, idleTimeoutMs: 50_000 }).open({ streamedResults: false });
  let ticks = 0;
  while (rig.current.state === SessionState.ACTIVE && ticks < 1000) {
    const next = rig.current.nextDeadlineMs;
    assert(next > rig.nowMs, "a deadline in the past would spin");
    rig.pass(next - rig.nowMs);
    ticks++;
  }
  assertEquals([rig.nowMs - 1000, rig.ending?.kind], [50_020, "lost"]);
  assert(ticks <= 60, `${ticks} ticks`);
});

test("errors that a session sends carry its id, and the frame's where there is one", () => {
  const rig = new ServerRig().open();
  rig.receive(submitPacket(4, { viewId: 5, traceId: 6n }));
  rig.engine.failFrame(rig.frames[0], {
    errorCode: ErrorCode.SERVER_BUSY,
    retryAfterMs: 50,
    diagnostic: "später",
  });
  const [error] = errorsIn(rig.out.take());
  assertEquals(
    [
      error.errorCode,
      error.errorScope,
      error.isFatal,
      error.retryAfterMs,
      error.relatedSessionId,
      error.relatedFrameId,
      error.relatedViewId,
    ],
    [ErrorCode.SERVER_BUSY, ErrorScope.FRAME, 0, 50, 7, 4, 5],
  );
  assertEquals([error.headerFrameId, error.headerViewId, error.traceId, error.diagnostic], [
    4,
    5,
    6n,
    "später",
  ]);
  assertEquals(rig.out.ended, ["4/5"], "the frame's stream ends without a result");
});

test("a message of a session that is over is not answered", () => {
  for (const rig of [new ClientRig().open(), new ServerRig().open()]) {
    rig.receive(errorPacket({ isFatal: 1 }));
    rig.out.take();
    for (const type of Object.values(MessageType)) assertEquals(rig.receive(bare(type)), []);
    rig.engine.sendError({ errorCode: 1, errorScope: 1 });
    rig.current.fault(new Error("late") as never);
    rig.current.peerEnded();
    rig.current.close();
    assertEquals([rig.out.take(), rig.pass(1e6)], [[], []]);
  }
});
