/**
 * Results as they come: a stream of tokens, a drop, and an honest partial answer. Run: `deno run -A examples/results.ts`.
 *
 * @module
 */
import { dialClient, TypedPayload } from "@nnrp/client";
import { drop, ResultClass, ResultHintReason, serve } from "@nnrp/server";

const server = await serve({ port: 0 }, (frame) => {
  const what = frame.text();
  if (what === "tokens") {
    return (async function* () {
      for (const token of ["frames ", "go up, ", "results ", "come back"]) {
        yield { typedPayloads: [TypedPayload.tokenChunk(token)] };
      }
    })();
  }
  if (what === "too late") return drop(ResultHintReason.BUDGET_EXCEEDED);
  return {
    resultClass: ResultClass.DEGRADED,
    typedPayloads: [TypedPayload.tokenChunk("a smaller model's answer")],
  };
});

const session = await dialClient(`nnrp://127.0.0.1:${server.port}`);
const ask = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

let words = 0;
for await (const text of session.submitStream(ask("tokens")).text()) words += text.trim().split(" ").length;
console.log("streamed words:", words);
console.log("all parts as one result:", (await session.submit(ask("tokens"))).text());

const dropped = await session.submit(ask("too late"));
console.log("dropped:", dropped.isDrop, dropped.className);

const degraded = await session.submit(ask("hurry"));
console.log(degraded.className, "-", degraded.text());

const { complete, degraded: lower, dropped: none } = session.stats;
console.log(`stats: ${complete} complete, ${lower} degraded, ${none} dropped`);
await session.close();
await server.close();
