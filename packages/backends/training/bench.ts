/**
 * What the packaged network costs here: `deno run -A packages/backends/training/bench.ts [wasm|native]`. Medians.
 *
 * @module
 */
import { OnnxSession } from "../src/onnx/session.ts";
import type { OnnxRuntimeChoice } from "../src/onnx/runtime.ts";
import { plane } from "../src/plane.ts";
import { superResolution } from "../src/super_resolution.ts";
import { SUPER_RESOLUTION_HALO as HALO } from "../src/super_resolution_frame.ts";
import { tileGrid, tileSubmit } from "../src/super_resolution_tiles.ts";

const runtime = (Deno.args[0] ?? "wasm") as OnnxRuntimeChoice;

async function median(runs: number, work: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < 3; i++) await work();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[runs >> 1];
}

const model = new URL("../models/super_resolution_x2.onnx", import.meta.url);
const session = await OnnxSession.open(model, { runtime, threads: 1 });
console.log(`runtime ${session.runtimeName}`);
for (const [tile, count] of [[32, 1], [32, 15], [64, 1], [64, 4]]) {
  const side = tile + 2 * HALO;
  const input = new Float32Array(count * side * side).map((_, i) => i % 97 / 97);
  const ms = await median(31, () => session.run(input, [count, 1, side, side]));
  console.log(
    `${count} tile(s) of ${tile}x${tile}: ${ms.toFixed(2)} ms, ${(ms / count).toFixed(2)} ms per tile`,
  );
}
const whole = new Float32Array((640 + 2 * HALO) * (360 + 2 * HALO));
const ms = await median(11, () => session.run(whole, [1, 1, 360 + 2 * HALO, 640 + 2 * HALO]));
console.log(`640x360 in one piece: ${ms.toFixed(1)} ms`);
await session.close();

const picture = plane(640, 360, Uint8Array.from({ length: 640 * 360 }, (_, i) => i * 31 & 255));
for (const tile of [32, 64]) {
  await using backend = superResolution({ runtime, threads: 1 });
  const submit = tileSubmit(picture, tileGrid(640, 360, tile));
  const frame = {
    frameId: 1,
    viewId: 0,
    ...submit,
    metadata: { ...submit, latencyBudgetMs: 0, budgetPolicy: 0 },
  };
  const all = await median(11, () => backend.run(frame));
  console.log(
    `640x360 through the backend, ${submit.tileIds.length} tiles of ${tile}x${tile}: ${all.toFixed(1)} ms`,
  );
}
