/**
 * Frames up, results down: tensors as typed arrays, budgets, many frames at once, and who gets which result. Run:
 * `deno run -A examples/submit.ts`, `node examples/submit.ts` or `bun examples/submit.ts`.
 *
 * @module
 */
import { BudgetPolicy, dialClient, type FrameRequest, InputProfile, tensorSection } from "@nnrp/client";
import { serve } from "@nnrp/server";

const LUMA = 5;

// A "model" that inverts brightness.
const server = await serve({ port: 0 }, (frame) => {
  const luma = frame.tensor(LUMA)!;
  const tiles = frame.tileIds.map((id) => Uint8Array.from(luma.tile(id)!, (value) => 255 - value));
  return { tileIds: frame.tileIds, sections: [tensorSection({ role: LUMA, dtype: "uint8", tiles })] };
});
const session = await dialClient(`nnrp://127.0.0.1:${server.port}`);

/** Tiles of 2 × 2 pixels, all of one brightness. */
function request(tileIds: number[], brightness: number): FrameRequest {
  const tiles = tileIds.map(() => new Uint8Array(4).fill(brightness));
  return {
    tileIds,
    sections: [tensorSection({ role: LUMA, dtype: "uint8", tiles })],
    srcWidth: 640,
    srcHeight: 360,
    tileWidth: 2,
    tileHeight: 2,
    inputProfile: InputProfile.CHANGED_TILES_LUMA,
    latencyBudgetMs: 100, // how long the answer may take, told to the server
    budgetPolicy: BudgetPolicy.ALLOW_PARTIAL | BudgetPolicy.ALLOW_DROP, // what we take instead of a late one
  };
}

// 1. One frame, one answer. Without `frameId` the session takes the next free one.
const result = await session.submit(request([3, 7, 12], 200), { timeoutMs: 1000 });
console.log(`frame ${result.frameId}: ${result.className}, tile 7 is ${result.tensor(LUMA)!.tile(7)}`);

// 2. Any number of calls may overlap. Beyond the server's limit they wait for a slot; each gets its own answer.
const many = await Promise.all(Array.from({ length: 200 }, (_, i) => session.submit(request([i], i))));
const right = many.filter((r, i) => r.tensor(LUMA)!.tile(i)![0] === 255 - i).length;
console.log(`200 frames at once: ${right} right answers, at most ${session.stats.limit} were in flight`);

// 3. Sending and receiving apart, as a render loop does: fire and go on, collect results when there is time.
for (let brightness = 0; brightness < 3; brightness++) await session.submitNowait(request([0], brightness));
for (let i = 0; i < 3; i++) {
  const next = await session.receiveResult({ timeoutMs: 1000 });
  console.log(`next result: frame ${next.frameId} is ${next.tensor(LUMA)!.tile(0)![0]}`);
}

// 4. The same with a router: results by frame, in the order you ask for them. One frame id on two views is two frames.
const router = session.manageResults();
await router.sendSubmit({ ...request([0], 10), frameId: 1000 });
await router.sendSubmit({ ...request([0], 20), frameId: 1000, viewId: 1 });
const right1 = await router.receive(1000, 1);
const right0 = await router.receive(1000);
console.log(
  `frame 1000: view 1 is ${right1.tensor(LUMA)!.tile(0)![0]}, view 0 is ${right0.tensor(LUMA)!.tile(0)![0]}`,
);
router.close();

await session.close();
await server.close();
