import { dialClient } from "@nnrp/client";
import { BudgetPolicy, encodePacket, ErrorCode, MessageType, TypedPayload } from "@nnrp/core";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { Gate, TCP } from "../support/places.ts";
import { RawPeer, RawServer, until } from "../support/raw_peer.ts";
import { ackFor } from "@nnrp/testing/engines";
import { bare, flowPacket, join, resultPacket, submitPacket } from "@nnrp/testing/packets";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** Reads until each of so many frames has ended; fails if one ends twice. Names how each ended. */
async function endings(peer: RawPeer, count: number): Promise<Map<number, string>> {
  const ends = new Map<number, string>();
  while (ends.size < count) {
    const packet = await peer.next();
    const { msgType, frameId } = packet.header;
    if (msgType === MessageType.RESULT_HINT) continue;
    assertEquals(ends.has(frameId), false, `frame ${frameId} ended twice`);
    if (msgType === MessageType.RESULT_PUSH) ends.set(frameId, "result");
    else if (msgType === MessageType.RESULT_DROP) ends.set(frameId, "drop");
    else {ends.set(
        frameId,
        `error ${new DataView(packet.metadata.buffer, packet.metadata.byteOffset).getUint32(0, true)}`,
      );}
  }
  return ends;
}

test("rapid reset: handlers that do not listen keep their slots until they have ended, and no further one begins", async () => {
  const gate = new Gate();
  let began = 0;
  const at = await TCP.serve(async (frame) => {
    if (frame.text() !== "good") {
      began++;
      await gate.opened;
    }
    return say(frame.text());
  }, { concurrency: 3, keepAliveMs: 0 });
  const good = await at.dial();
  const peer = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 7 });
  const ids = [100_000, 100_001, 100_002];
  peer.send(...ids.map((frameId) => submitPacket(frameId, { sessionId: 7 })));
  await until(() => began === 3, "the slots to be taken");
  peer.send(...ids.map((frameId) => bare(MessageType.FRAME_CANCEL, { frameId, sessionId: 7 })));
  const count = 2000;
  const pairs = Array.from({ length: count }, (_, frameId) => [
    encodePacket(submitPacket(frameId, { sessionId: 7 })),
    encodePacket(bare(MessageType.FRAME_CANCEL, { frameId, sessionId: 7 })),
  ]).flat();
  peer.send(join(pairs));
  const ends = await endings(peer, count + ids.length);
  assert([...ends.values()].every((end) => end === "drop"));
  // All frames are over for the client; three handlers still work, and nothing else has begun.
  assertEquals([began, at.server.stats.running, at.server.stats.queued], [3, 3, 0]);
  const waiting = good.submit(say("good"));
  await until(() => at.server.stats.queued === 1, "the good frame to wait for a slot");
  assertEquals(began, 3);
  gate.open();
  assertEquals((await waiting).text(), "good");
  await until(() => at.server.stats.running === 0, "the slots to be free");
  peer.destroy();
  await at.end();
});

test("frames past their budget are dropped before the model sees them; the good client's frame is run", async () => {
  const gate = new Gate();
  const seen: string[] = [];
  const at = await TCP.serve(async (frame) => {
    seen.push(frame.text());
    if (seen.length === 1) await gate.opened;
    return say(frame.text());
  }, { concurrency: 1 });
  const good = await at.dial();
  const first = good.submit(say("first"));
  await until(() => seen.length === 1, "the first frame to run");
  const peers = await Promise.all([7, 8, 9].map(async (requestedSessionId) => ({
    requestedSessionId,
    peer: await RawPeer.shakeHands(at.server.port, { requestedSessionId }),
  })));
  const second = good.submit(say("second"));
  for (const { requestedSessionId: sessionId, peer } of peers) {
    const frames = Array.from({ length: 60 }, (_, frameId) =>
      encodePacket(submitPacket(frameId, {
        sessionId,
        latencyBudgetMs: 1 + frameId % 20,
        budgetPolicy: BudgetPolicy.ALLOW_DROP,
      })));
    peer.send(join(frames));
  }
  // They end while the only handler is still busy: by their budgets, not because somebody had a look at them.
  for (const { peer } of peers) {
    const ends = await endings(peer, 60);
    assert([...ends.values()].every((end) => end === "drop"));
  }
  assertEquals([seen, at.server.stats.expired, at.server.stats.queued], [["first"], 180, 1]);
  gate.open();
  assertEquals((await Promise.all([first, second])).map((r) => r.text()), ["first", "second"]);
  assertEquals(seen, ["first", "second"]);
  for (const { peer } of peers) peer.destroy();
  await at.end();
});

test("one session with all its queue full and thirty with a frame each: after a round everybody was served", async () => {
  const gate = new Gate();
  const order: number[] = [];
  const at = await TCP.serve(async (frame, { session }) => {
    order.push(session.sessionId);
    if (order.length === 1) await gate.opened;
    return say(frame.text());
  }, { concurrency: 1, maxQueuedFrames: 64, keepAliveMs: 0 });
  const greedy = await RawPeer.shakeHands(at.server.port, { requestedSessionId: 7 });
  greedy.send(join(Array.from({ length: 300 }, (_, i) => encodePacket(submitPacket(i, { sessionId: 7 })))));
  await until(() => at.server.stats.queued === 64, "the greedy queue to be full");
  const modest = await Promise.all(Array.from({ length: 30 }, () => at.dial()));
  const answers = modest.map((session, i) => session.submit(say(`modest ${i}`)));
  await until(() => at.server.stats.queued === 94, "everybody to wait");
  gate.open();
  assertEquals((await Promise.all(answers)).map((r) => r.text()), modest.map((_, i) => `modest ${i}`));
  // Begun before the gate opened: one. Then one of the greedy session's for each round of the others', not its whole queue.
  const last = Math.max(...modest.map(({ sessionId }) => order.indexOf(sessionId)));
  assertEquals(order.slice(1, last + 1).filter((id) => id === 7).length <= 2, true, order.join());
  const ends = await endings(greedy, 300);
  const busy = [...ends.values()].filter((end) => end === `error ${ErrorCode.SERVER_BUSY}`).length;
  const answered = [...ends.values()].filter((end) => end === "result").length;
  assertEquals([answered, busy], [65, 235]);
  greedy.destroy();
  await at.end();
});

test("credit in drips, of 0, and of all there can be: never more frames under way than it allows, and all get through", async () => {
  const raw = await RawServer.listen();
  const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`, { ignoreMaxConcurrentFrames: true });
  const peer = await raw.accept();
  peer.send(ackFor(await peer.next("CLIENT_HELLO")), flowPacket({ credit: 0, creditEpoch: 1 }));
  const client = await dialling;
  await until(() => client.stats.limit === 0, "the first credit");
  const results = Array.from({ length: 150 }, (_, frameId) => client.submit({ frameId }));
  let answered = 0;
  let epoch = 1;
  const grants = [1, 0, 1, 0, 3, 0, 1, 65_535, 0, 2, 1, 0, 7, 0, 65_535];
  for (let turn = 0; answered < results.length; turn++) {
    const credit = grants[turn % grants.length];
    peer.send(
      flowPacket({ credit, creditEpoch: ++epoch }),
      bare(MessageType.PING, { traceId: BigInt(epoch) }),
    );
    // What the client sent before it heard of the credit comes before this PONG; what it sends for it may come after.
    const expected = Math.min(credit, results.length - answered);
    const frames: number[] = [];
    for (let pong = false; !pong || frames.length < expected;) {
      const { header } = await peer.next();
      if (header.msgType === MessageType.PONG) pong = true;
      if (header.msgType === MessageType.FRAME_SUBMIT) frames.push(header.frameId);
    }
    assertEquals(frames.length, expected, `turn ${turn}, credit ${credit}`);
    // Answering makes room for more, so credit goes first.
    peer.send(
      flowPacket({ credit: 0, creditEpoch: ++epoch }),
      ...frames.map((frameId) => resultPacket(frameId)),
    );
    answered += frames.length;
  }
  const texts = (await Promise.all(results)).map((r) => r.text());
  assertEquals(texts, results.map((_, i) => `result ${i}`));
  peer.destroy();
  await client.close();
  raw.close();
});
