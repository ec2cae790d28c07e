/**
 * What `nnrp serve --model …` can serve: the packaged super-resolution network, an ONNX file of the same interface, or an
 * echo.
 *
 * @module
 */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { backendHandler, type OnnxRuntimeChoice, superResolution } from "@nnrp/backends";
import { drop, type Handler, NnrpValueError } from "@nnrp/server";
import { CommandError } from "../command.ts";

/** A model that is loaded and warm. */
export interface ServedModel {
  /** Name for the handshake. */
  readonly name: string;
  /** What runs it, for people: `"wasm"`, `"native"`; undefined for the echo. */
  readonly runtime: string | undefined;
  /** Handlers that make sense at once. */
  readonly concurrency: number;
  /** Answers frames. */
  readonly handler: Handler;
  /** Gives back what it holds. */
  close(): Promise<void>;
}

/** How a model is to be loaded. */
export interface ModelOptions {
  /** ONNX Runtime to use. */
  readonly runtime: OnnxRuntimeChoice;
  /** Receptive field radius of an ONNX file, pixels; undefined = that of the packaged one. */
  readonly halo: number | undefined;
}

/**
 * Loads a model.
 *
 * @param spec `"super-resolution"`, `"echo"`, or the path of an ONNX file.
 * @param options How.
 * @throws CommandError for a name that is none and a file that is not there; NnrpError for a file that is no such model.
 */
export async function openModel(spec: string, options: ModelOptions): Promise<ServedModel> {
  if (spec === "echo") return echo();
  const packaged = spec === "super-resolution";
  if (!packaged) await checkFile(spec);
  const backend = superResolution({
    runtime: options.runtime,
    halo: options.halo,
    model: packaged ? undefined : pathToFileURL(resolve(spec)),
  });
  try {
    await backend.ready();
  } catch (error) {
    await backend[Symbol.asyncDispose]();
    if (packaged || !(error instanceof NnrpValueError)) throw error;
    throw new CommandError(
      `${spec} cannot be served (${error.message}); give an ONNX file that enlarges luma tiles, or --model super-resolution`,
    );
  }
  return {
    name: packaged ? "super-resolution" : spec.split(/[/\\]/).pop()!,
    runtime: await backend.runtimeName(),
    // One after the other: a model that fills the machine gains nothing from a second frame.
    concurrency: 1,
    handler: backendHandler(backend, drop),
    close: () => backend[Symbol.asyncDispose](),
  };
}

/** Answers every frame with what it brought. */
function echo(): ServedModel {
  return {
    name: "echo",
    runtime: undefined,
    concurrency: 64,
    handler: ({ tileIds, sections, typedPayloads }) => ({ tileIds, sections, typedPayloads }),
    close: () => Promise.resolve(),
  };
}

async function checkFile(path: string): Promise<void> {
  let isFile = false;
  try {
    isFile = (await stat(path)).isFile();
  } catch {
    // Told below: for a person "not there" and "not to be looked at" have the same cure.
  }
  if (isFile) return;
  throw new CommandError(
    `cannot read the model file ${path}: there is no such file; give an ONNX file, or --model super-resolution (packaged), ` +
      "or --model echo",
  );
}
