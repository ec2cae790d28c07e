/**
 * Five kinds of answers, none of them an error, and answers that come in parts. Run: `deno run -A examples/results.ts`,
 * `node examples/results.ts` or `bun examples/results.ts`.
 *
 * @module
 */
import {
  BudgetPolicy,
  dialClient,
  type Result,
  ResultClass,
  tensorSection,
  TypedPayload,
} from "@nnrp/client";
import { drop, ResultHintReason, serve } from "@nnrp/server";

const LUMA = 5;
const pixels = (...tiles: number[]) =>
  tensorSection({ role: LUMA, dtype: "uint8", tiles: tiles.map((value) => Uint8Array.of(value)) });
const words = (text: string) => [TypedPayload.tokenChunk(text)];

// A server that shows each kind. What a result says about itself beyond its class (flags, policy, counts) is filled in.
const server = await serve({ port: 0 }, (frame) => {
  const wish = frame.text();
  if (wish === "complete") return { tileIds: [1, 2], sections: [pixels(10, 20)] };
  if (wish === "partial") return { tileIds: [1, 2], sections: [pixels(11, 0)], droppedTileCount: 1 };
  if (wish === "stale") {
    return { resultClass: ResultClass.STALE_REUSE, reusedFrameId: 1, typedPayloads: words("old") };
  }
  if (wish === "degraded") return { resultClass: ResultClass.DEGRADED, typedPayloads: words("rough") };
  if (wish === "drop") return drop(ResultHintReason.BUDGET_EXCEEDED);
  return (async function* () { // what an iterable yields goes out part by part
    for (const token of ["Frames ", "go up, ", "tokens ", "come ", "down."]) {
      yield { typedPayloads: words(token) };
      await new Promise((done) => setTimeout(done, 2));
    }
  })();
});
const session = await dialClient(`nnrp://127.0.0.1:${server.port}`);

/** What a renderer would do with a result. */
function show(result: Result): string {
  if (result.isDrop) return "nothing comes: keep the last picture";
  switch (result.resultClass) {
    case ResultClass.COMPLETE:
      return `show it: tiles ${result.tileIds.join(" and ")}`;
    case ResultClass.PARTIAL:
      return `show ${result.tensorCoveredTileCount} tile, keep ${result.tensorDroppedTileCount} as it was`;
    case ResultClass.STALE_REUSE:
      return `the answer of frame ${result.metadata!.reusedFrameId} again`;
    default:
      return `show it and note the lower quality: "${result.text()}"`;
  }
}
const ask = (text: string) => ({ typedPayloads: words(text), budgetPolicy: BudgetPolicy.ALLOW_DROP });
for (const kind of ["complete", "partial", "stale", "degraded", "drop"]) {
  const result = await session.submit(ask(kind));
  console.log(`${result.className}: ${show(result)}`);
}

// Parts as they come. `.text()` decodes across part borders; `.batches()` gives all parts that are there at once.
const parts: string[] = [];
for await (const part of session.submitStream(ask("stream"))) parts.push(part.text());
let text = "";
for await (const piece of session.submitStream(ask("stream")).text()) text += piece;
console.log(`streamed in ${parts.length} parts: ${text}`);

// `submit()` waits for the end and gives all parts as one; leaving a loop early cancels the frame.
console.log(`all parts in one result: ${(await session.submit(ask("stream"))).tokenChunks.length} tokens`);
for await (const first of session.submitStream(ask("stream"))) {
  console.log(`only the first: "${first.text()}", the server is told to stop`);
  break;
}

// Each frame ended in exactly one of these.
const { complete, partial, staleReuse, degraded, dropped, cancelled } = session.stats;
console.log("stats:", JSON.stringify({ complete, partial, staleReuse, degraded, dropped, cancelled }));
await session.close();
await server.close();
