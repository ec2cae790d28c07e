/**
 * A loaded model with one float32 input and one float32 output: the thin layer between backends and ONNX Runtime.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";
import { readModel } from "./model_file.ts";
import {
  loadOnnxRuntime,
  type OnnxInferenceSession,
  type OnnxRuntime,
  type OnnxRuntimeChoice,
} from "./runtime.ts";

/** Options of {@linkcode OnnxSession.open}. */
export interface OnnxSessionOpenOptions {
  /** Which runtime, or a runtime of the program's own. Default `"auto"`. */
  readonly runtime?: OnnxRuntimeChoice | OnnxRuntime;
  /** Threads inside one operator, native runtime only. Default: the runtime's own choice. */
  readonly threads?: number;
}

/** What one inference gives. */
export interface OnnxOutput {
  /** Elements, row-major; valid until the next run. */
  readonly data: Float32Array;
  /** Shape. */
  readonly dims: readonly number[];
}

/** A model in memory, ready to run. */
export class OnnxSession {
  /** Which runtime runs it. */
  readonly runtimeName: "native" | "wasm" | "given";
  readonly #runtime: OnnxRuntime;
  readonly #session: OnnxInferenceSession;
  readonly #input: string;
  readonly #output: string;

  private constructor(
    name: "native" | "wasm" | "given",
    runtime: OnnxRuntime,
    session: OnnxInferenceSession,
  ) {
    this.runtimeName = name;
    this.#runtime = runtime;
    this.#session = session;
    this.#input = session.inputNames[0];
    this.#output = session.outputNames[0];
  }

  /**
   * Loads a model.
   *
   * @param model Its bytes or where they are.
   * @param options Which runtime.
   * @throws NnrpValueError (field `model`) if the model cannot be read or is none; NnrpUnsupportedError without a runtime.
   */
  static async open(model: URL | Uint8Array, options: OnnxSessionOpenOptions = {}): Promise<OnnxSession> {
    const bytes = await readModel(model);
    const { runtime, name } = await loadOnnxRuntime(options.runtime);
    let session: OnnxInferenceSession;
    try {
      session = await runtime.InferenceSession.create(bytes, {
        graphOptimizationLevel: "all",
        ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
      });
    } catch (cause) {
      const what = model instanceof URL ? model.href : `given as ${bytes.length} bytes`;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new NnrpValueError(`the model ${what} is not one that ONNX Runtime takes: ${why}`, {
        field: "model",
        cause,
      });
    }
    if (session.inputNames.length !== 1 || session.outputNames.length !== 1) {
      const found = `${session.inputNames.length} inputs, ${session.outputNames.length} outputs`;
      await session.release();
      throw new NnrpValueError("the model has another interface", {
        field: "model",
        expected: "1 input, 1 output",
        actual: found,
      });
    }
    return new OnnxSession(name, runtime, session);
  }

  /**
   * One inference.
   *
   * @param data Elements of the input, row-major; free again when the promise resolved.
   * @param dims Shape of the input.
   */
  async run(data: Float32Array, dims: readonly number[]): Promise<OnnxOutput> {
    const input = new this.#runtime.Tensor("float32", data, dims);
    const outputs = await this.#session.run({ [this.#input]: input });
    const output = outputs[this.#output];
    input.dispose?.();
    return { data: output.data as Float32Array, dims: output.dims };
  }

  /** Gives back what the model holds. */
  async close(): Promise<void> {
    await this.#session.release();
  }
}
