/**
 * Reads a model's bytes from where they are: memory, the file system, or the network (a package loaded from JSR lies
 * behind https).
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";

/**
 * The bytes of a model.
 *
 * @param source The bytes themselves, a `file:` URL, or any URL that `fetch` takes.
 * @throws NnrpValueError (field `model`) if there is nothing to read.
 */
export async function readModel(source: URL | Uint8Array): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  try {
    if (source.protocol === "file:") {
      const { readFile } = await import("node:fs/promises");
      return new Uint8Array(await readFile(source));
    }
    const response = await fetch(source);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NnrpValueError(`cannot read the model file ${source.href}: ${why}`, { field: "model", cause });
  }
}
