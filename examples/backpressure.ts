/**
 * A server that cannot keep up, and a client that hears it: slots, credit, hints, drops. Run:
 * `deno run -A examples/backpressure.ts`, `node examples/backpressure.ts` or `bun examples/backpressure.ts`.
 *
 * @module
 */
import { BudgetPolicy, dialClient, NnrpLimitError, NnrpProtocolError } from "@nnrp/client";
import { enumName, FlowUpdateReason, ResultHintCongestionState } from "@nnrp/core";
import { serve, TypedPayload } from "@nnrp/server";

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
const frame = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

// A model that takes 5 ms for a frame, one at a time; four frames may be in flight, ten may wait.
const server = await serve({
  port: 0,
  concurrency: 1,
  maxQueuedFrames: 10,
  profile: { maxConcurrentFrames: 4, maxInFlightFrames: 64 },
}, async (received) => {
  await sleep(5);
  return frame(received.text());
});
const address = `nnrp://127.0.0.1:${server.port}`;

// 1. Nothing to do: submits wait for a slot, so the server never has more than it said it takes.
const session = await dialClient(address);
const submits = Array.from({ length: 12 }, (_, i) => session.submit(frame(`frame ${i}`)));
console.log(`${session.stats.inFlight} frames in flight, ${session.stats.waiting} wait here for a slot`);
await Promise.all(submits);
console.log(`all answered; the server had at most ${server.sessions[0].stats.maxInFlight} at once`);

// 2. The server's credit counts in between: 0 stops, a number lets so many go.
server.sessions[0].sendFlowUpdate({ updateReason: FlowUpdateReason.PAUSE, retryAfterMs: 60 });
const { metadata } = await session.receiveFlowUpdate();
const held = session.submit(frame("held back"));
console.log(
  `server says ${enumName(FlowUpdateReason, metadata.updateReason)}: paused is ${session.stats.paused}`,
);
console.log(`${(await held).text()}: sent once the pause was over`);
server.sessions[0].sendFlowUpdate({ credit: 2 });
await session.receiveFlowUpdate();
console.log(`credit 2: the limit is now ${session.stats.limit}`);
await session.close();

// 3. A client that ignores the limit fills the queue. Hints come first; then the oldest droppable frame makes room.
const greedy = await dialClient(address, { ignoreMaxConcurrentFrames: true });
const hints: string[] = [];
const listening = (async () => {
  for await (const hint of greedy.resultHints()) {
    const { congestionState } = hint.metadata;
    if (hint.frameId === 0) hints.push(enumName(ResultHintCongestionState, congestionState));
    if (congestionState === ResultHintCongestionState.SATURATED) greedy.pauseSubmit(); // advice: we take it
    else greedy.resumeSubmit();
  }
})();
const dispensable = { budgetPolicy: BudgetPolicy.ALLOW_DROP };
const burst = await Promise.all(
  Array.from({ length: 16 }, (_, i) => greedy.submit({ ...frame(`${i}`), ...dispensable })),
);
const dropped = burst.filter((r) => r.isDrop).map((r) => r.frameId - burst[0].frameId);
console.log(
  `16 droppable frames: ${16 - dropped.length} answered, dropped the old ones ${dropped.join(", ")}`,
);
const strict = await Promise.allSettled(Array.from({ length: 16 }, (_, i) => greedy.submit(frame(`${i}`))));
const busy = strict.flatMap((s) => s.status === "rejected" ? [s.reason as NnrpProtocolError] : []);
console.log(
  `16 strict frames: ${busy.length} refused with ${busy[0].codeName}, retry after ${busy[0].retryAfterMs} ms`,
);
await greedy.close();
await listening;
console.log(`hints on the way: ${hints.join(", ")}`);

// 4. Who would rather know than wait says so.
const impatient = await dialClient(address, { whenFull: "reject", maxInFlight: 1 });
void impatient.submit(frame("first"));
const refusal = await impatient.submit(frame("second")).catch((error: NnrpLimitError) => error);
console.log(`whenFull "reject": ${(refusal as NnrpLimitError).message}`);
await impatient.close();
await server.close();
