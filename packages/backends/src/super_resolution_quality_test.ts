/** The packaged model on pictures it never saw, through the backend, on whichever ONNX Runtime is there. */
import { test } from "node:test";
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual, assertRejects } from "@std/assert";
import { readFileSync } from "node:fs";
import { NnrpUnsupportedError, NnrpValueError } from "@nnrp/core";
import { isBackendDrop } from "./backend.ts";
import { bicubicX2, meanX2 } from "./bicubic.ts";
import { loadOnnxRuntime } from "./onnx/runtime.ts";
import { OnnxSession } from "./onnx/session.ts";
import { type Plane, plane } from "./plane.ts";
import { psnr } from "./psnr.ts";
import { type SuperResolution, superResolution } from "./super_resolution.ts";
import { answerPlane, pasteAnswer, type TileGrid, tileGrid, tileSubmit } from "./super_resolution_tiles.ts";

/** Reads a binary PGM without comments: `P5 width height 255`, one white space, bytes. */
function held(name: string): Plane {
  const bytes = new Uint8Array(readFileSync(new URL(`../tests/data/${name}.pgm`, import.meta.url)));
  const [, width, height] = /^P5\s(\d+)\s(\d+)\s255\s/.exec(
    new TextDecoder("latin1").decode(bytes.subarray(0, 20)),
  )!;
  return plane(+width, +height, bytes.slice(bytes.length - +width * +height));
}

/** Enlarges a plane as a client would. */
async function enlarge(backend: SuperResolution, picture: Plane, grid: TileGrid): Promise<Plane> {
  const submit = tileSubmit(picture, grid);
  const output = await backend.run({
    frameId: 1,
    viewId: 0,
    metadata: { ...submit, latencyBudgetMs: 0, budgetPolicy: 0 },
    tileIds: submit.tileIds,
    sections: submit.sections,
  });
  assert(!isBackendDrop(output));
  const target = answerPlane(grid);
  assertEquals(pasteAnswer(target, grid, { tileIds: submit.tileIds, sections: output.sections! }), []);
  return target;
}

for (const name of ["coffee", "gravel"]) {
  test(`the network beats aligned bicubic by 1.5 dB on ${name}, which it was not trained on`, async () => {
    const truth = held(name);
    const small = meanX2(truth);
    const backend = superResolution();
    try {
      const ours = psnr(await enlarge(backend, small, tileGrid(small.width, small.height)), truth);
      const bicubic = psnr(bicubicX2(small), truth);
      assertGreaterOrEqual(ours, bicubic + 1.5);
    } finally {
      await backend[Symbol.asyncDispose]();
    }
  });
}

test("tiles show no seams: their answers are those of the whole picture", async () => {
  const small = meanX2(held("coffee"));
  const backend = superResolution({ runtime: "wasm" });
  try {
    // One tile of the size of the picture is the whole picture.
    const whole = await enlarge(backend, small, tileGrid(small.width, small.height, small.width));
    for (const tileSize of [16, 32, 40]) {
      const tiled = await enlarge(backend, small, tileGrid(small.width, small.height, tileSize));
      const worst = tiled.data.reduce((most, level, i) => Math.max(most, Math.abs(level - whole.data[i])), 0);
      assertLessOrEqual(worst, 1, `tiles of ${tileSize}`);
    }
  } finally {
    await backend[Symbol.asyncDispose]();
  }
});

test("the backend measures its own cost when it is loaded", async () => {
  const backend = superResolution();
  try {
    await backend.ready();
    assert(backend.stats.msPerMegapixel > 0);
  } finally {
    await backend[Symbol.asyncDispose]();
  }
});

test("a missing model file is one clear error, at ready() and at each frame", async () => {
  const backend = superResolution({ model: new URL("../models/not_there.onnx", import.meta.url) });
  const error = await assertRejects(
    () => backend.ready(),
    NnrpValueError,
    "cannot read the model file file:",
  );
  assertEquals(error.field, "model");
  await assertRejects(
    () => enlarge(backend, plane(8, 8), tileGrid(8, 8)),
    NnrpValueError,
    "cannot read the model file",
  );
  await backend[Symbol.asyncDispose]();
});

test("a broken model file is one clear error", async () => {
  const model = readFileSync(new URL("../models/super_resolution_x2.onnx", import.meta.url)).subarray(0, 500);
  const backend = superResolution({ runtime: "wasm", model: new Uint8Array(model) });
  const error = await assertRejects(() => backend.ready(), NnrpValueError, "not one that ONNX Runtime takes");
  assertEquals(error.field, "model");
  await backend[Symbol.asyncDispose]();
});

test("a model of another shape is refused before it answers a frame", async () => {
  const backend = superResolution({ halo: 3 });
  const error = await assertRejects(() => backend.ready(), NnrpValueError, "halo 3");
  assertEquals(error.field, "model");
  await backend[Symbol.asyncDispose]();
});

test("a session runs a model directly, with any number of tiles of any size", async () => {
  const session = await OnnxSession.open(new URL("../models/super_resolution_x2.onnx", import.meta.url));
  try {
    const output = await session.run(new Float32Array(2 * 11 * 9).fill(0.5), [2, 1, 11, 9]);
    assertEquals([[...output.dims], output.data.length], [[2, 1, 6, 2], 24]);
  } finally {
    await session.close();
  }
});

test("without a runtime the error says what to install", async () => {
  const missing = {
    native: () => Promise.reject(new Error("no native")),
    wasm: () => Promise.reject(new Error("no wasm")),
  };
  await assertRejects(() => loadOnnxRuntime("auto", missing), NnrpUnsupportedError, "onnxruntime-web");
  await assertRejects(() => loadOnnxRuntime("wasm", missing), NnrpUnsupportedError, "onnxruntime-web");
  await assertRejects(() => loadOnnxRuntime("native", missing), NnrpUnsupportedError, "onnxruntime-node");
});

test("the native runtime is taken where it is, the WebAssembly one with a single thread elsewhere", async () => {
  const fake = () => ({ Tensor: class {}, InferenceSession: {}, env: { wasm: { numThreads: 8 } } });
  const [native, wasm] = [fake(), fake()];
  const both = { native: () => Promise.resolve({ default: native }), wasm: () => Promise.resolve(wasm) };
  const chosen = await loadOnnxRuntime("auto", both);
  assert(chosen.name === "native" && (chosen.runtime as unknown) === native);
  assertEquals((await loadOnnxRuntime("wasm", both)).name, "wasm");
  assertEquals([native.env.wasm.numThreads, wasm.env.wasm.numThreads], [8, 1]);
  const broken = { ...both, native: () => Promise.resolve({}) };
  assertEquals((await loadOnnxRuntime("auto", broken)).name, "wasm");
});
