/**
 * Finds ONNX Runtime: the native `onnxruntime-node` where the user installed it, else `onnxruntime-web` on WebAssembly,
 * which is a dependency of this package and runs on Deno, Node, Bun and in browsers. Nothing is loaded before it is
 * asked for.
 *
 * The types here are the part of ONNX Runtime's interface that is used, so that a program may pass in a runtime of its
 * own and the packages' type declarations are not needed.
 *
 * @module
 */
import { NnrpUnsupportedError } from "@nnrp/core";

/** A tensor of ONNX Runtime. */
export interface OnnxTensor {
  /** Elements, row-major. */
  readonly data: unknown;
  /** Shape. */
  readonly dims: readonly number[];
  /** Gives back memory that is not the garbage collector's. */
  dispose?(): void;
}

/** A loaded model of ONNX Runtime. */
export interface OnnxInferenceSession {
  /** Names of the inputs. */
  readonly inputNames: readonly string[];
  /** Names of the outputs. */
  readonly outputNames: readonly string[];
  /** One inference. */
  run(feeds: Record<string, OnnxTensor>): Promise<Record<string, OnnxTensor>>;
  /** Gives back what the model holds. */
  release(): Promise<void>;
}

/** Options of {@linkcode OnnxRuntime.InferenceSession} that are used. */
export interface OnnxSessionOptions {
  /** How far the graph is rewritten. */
  readonly graphOptimizationLevel?: "disabled" | "basic" | "extended" | "all";
  /** Threads inside one operator (native only). */
  readonly intraOpNumThreads?: number;
}

/** The module that `onnxruntime-node` and `onnxruntime-web` export. */
export interface OnnxRuntime {
  /** Makes tensors. */
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OnnxTensor;
  /** Loads models. */
  readonly InferenceSession: {
    /** Loads a model from its bytes. */
    create(model: Uint8Array, options?: OnnxSessionOptions): Promise<OnnxInferenceSession>;
  };
  /** Global switches; `wasm` is there in the WebAssembly build. */
  readonly env?: {
    /** Switches of the WebAssembly build. */
    readonly wasm?: {
      /** Threads; more than one needs workers and shared memory. */
      numThreads?: number;
    };
  };
}

/** Which runtime: `"native"` and `"wasm"` insist, `"auto"` takes native where it is installed, else wasm. */
export type OnnxRuntimeChoice = "auto" | "native" | "wasm";

/** A runtime and which one it is. */
export interface LoadedOnnxRuntime {
  /** The module. */
  readonly runtime: OnnxRuntime;
  /** `"native"`, `"wasm"`, or `"given"` if the program passed it in. */
  readonly name: "native" | "wasm" | "given";
}

/** How modules are imported; tests put another in its place. */
export interface OnnxModuleLoader {
  /** Imports `onnxruntime-node`. */
  native(): Promise<unknown>;
  /** Imports `onnxruntime-web/wasm`. */
  wasm(): Promise<unknown>;
}

// Not a literal: the native package is optional and large, so neither Deno's module graph nor a bundler may pull it in.
const NATIVE_PACKAGE: string = "onnxruntime-node";

const importer: OnnxModuleLoader = {
  native: () => import(NATIVE_PACKAGE),
  wasm: () => import("onnxruntime-web/wasm"),
};

/**
 * Loads ONNX Runtime.
 *
 * @param choice Which one; a module of the program's own is taken as it is.
 * @param loader How modules are imported.
 * @throws NnrpUnsupportedError saying what to install.
 */
export async function loadOnnxRuntime(
  choice: OnnxRuntimeChoice | OnnxRuntime = "auto",
  loader: OnnxModuleLoader = importer,
): Promise<LoadedOnnxRuntime> {
  if (typeof choice === "object") return { runtime: choice, name: "given" };
  const failures: unknown[] = [];
  if (choice !== "wasm") {
    try {
      return { runtime: moduleOf(await loader.native()), name: "native" };
    } catch (error) {
      failures.push(error);
    }
  }
  if (choice !== "native") {
    try {
      const runtime = moduleOf(await loader.wasm());
      // One thread: tiles are small, and workers would need cross-origin isolation in browsers.
      if (runtime.env?.wasm) runtime.env.wasm.numThreads = 1;
      return { runtime, name: "wasm" };
    } catch (error) {
      failures.push(error);
    }
  }
  throw new NnrpUnsupportedError(
    choice === "native"
      ? 'ONNX Runtime (native) is not there: install the package "onnxruntime-node" (npm install onnxruntime-node; ' +
        'on Deno: deno add npm:onnxruntime-node), or choose the runtime "wasm"'
      : 'ONNX Runtime is not there: install the package "onnxruntime-web" (npm install onnxruntime-web@1.30.0; on ' +
        "Deno: deno add npm:onnxruntime-web@1.30.0)",
    { cause: failures.length === 1 ? failures[0] : new AggregateError(failures) },
  );
}

/** The runtime inside an imported module: CommonJS arrives as `default` in some runtimes. */
function moduleOf(module: unknown): OnnxRuntime {
  const candidate = module as Partial<OnnxRuntime> & { default?: Partial<OnnxRuntime> };
  for (const m of [candidate, candidate.default]) {
    if (m?.InferenceSession && m.Tensor) return m as OnnxRuntime;
  }
  throw new TypeError("the module exports no InferenceSession and Tensor");
}
