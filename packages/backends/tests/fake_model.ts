/**
 * A clock and a model that lives on it, for tests in virtual time.
 *
 * @module
 */
import type { OnnxRuntime, OnnxTensor } from "../src/onnx/runtime.ts";
import { SUPER_RESOLUTION_HALO as HALO } from "../src/super_resolution_frame.ts";

/** Stands in for ONNX Runtime: `msPerTile` passes for each tile, the answer repeats the tile's first pixel. */
export class FakeModel implements OnnxRuntime {
  now = 1000;
  msPerTile = 1;
  batches: number[] = [];
  beforeRun: () => void = () => {};
  released = 0;

  readonly Tensor = class implements OnnxTensor {
    readonly data: Float32Array;
    readonly dims: readonly number[];
    constructor(_type: "float32", data: Float32Array, dims: readonly number[]) {
      this.data = data;
      this.dims = dims;
    }
  };

  readonly InferenceSession: OnnxRuntime["InferenceSession"] = {
    create: () =>
      Promise.resolve({
        inputNames: ["x"],
        outputNames: ["y"],
        run: ({ x }) => {
          this.beforeRun();
          const [count, , height, width] = x.dims;
          this.batches.push(count);
          this.now += count * this.msPerTile;
          const out = [2 * (height - 2 * HALO), 2 * (width - 2 * HALO)];
          const data = new Float32Array(count * out[0] * out[1]);
          for (let i = 0; i < count; i++) {
            data.fill(
              (x.data as Float32Array)[i * height * width],
              i * out[0] * out[1],
              (i + 1) * out[0] * out[1],
            );
          }
          return Promise.resolve({ y: { data, dims: [count, 1, ...out] } });
        },
        release: () => Promise.resolve(void this.released++),
      }),
  };
}
