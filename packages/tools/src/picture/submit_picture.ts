/**
 * From a picture's file through a server to the enlarged picture's file.
 *
 * @module
 */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type DialOptions, shownAddress } from "@nnrp/client";
import { CommandError, type CommandInput } from "../command.ts";
import { connect } from "../connect.ts";
import { enlargePicture } from "./enlarge.ts";
import { MAX_PIXELS, readPng, writePng } from "./png.ts";

/** Options of {@linkcode submitPicture}. */
export interface SubmitPictureOptions {
  /** The small picture. */
  readonly path: string;
  /** Where the large one goes. */
  readonly out: string;
  /** Address of the server. */
  readonly server: string;
  /** How its certificate is trusted. */
  readonly dial: Pick<DialOptions, "tls">;
  /** 1 = ×2, 2 = ×4. */
  readonly doublings: number;
  /** Time for the network, ms; undefined = as long as it takes. */
  readonly budgetMs: number | undefined;
  /** Whether to print JSON. */
  readonly json: boolean;
}

/**
 * Enlarges a file.
 *
 * @returns 0; whatever goes wrong is thrown.
 * @throws CommandError for files and addresses that cannot be used.
 */
export async function submitPicture(
  options: SubmitPictureOptions,
  input: Pick<CommandInput, "print" | "signal">,
): Promise<number> {
  const { path, out, server, dial, doublings, budgetMs, json } = options;
  const { picture: small, facts } = await readPng(path);
  // The input of the last doubling must itself be a picture that can be sent.
  if (small.width * small.height * 4 ** (doublings - 1) > MAX_PIXELS) {
    throw new CommandError(`${path} is too large for this --scale; give a smaller picture`);
  }
  await checkFolder(out);
  const session = await connect(server, { ...dial, signal: input.signal });
  try {
    const { picture: large, report } = await enlargePicture(session, small, {
      doublings,
      budgetMs,
      signal: input.signal,
    });
    await writePng(out, large);
    const { tiles, answered, frames, results, networkMs } = report;
    if (json) {
      input.print(JSON.stringify({
        input: { path, width: small.width, height: small.height, kind: facts.kind, depth: facts.depth },
        output: { path: out, width: large.width, height: large.height },
        server: shownAddress(server),
        model: session.modelName,
        tiles,
        answered,
        frames,
        results,
        networkMs: Math.round(networkMs * 10) / 10,
      }));
      return 0;
    }
    input.print(`${path}  ${small.width}x${small.height}, ${facts.kind}, ${facts.depth} bits`);
    input.print(
      `${shownAddress(server)}  ${answered} of ${tiles} tiles by the network in ${
        networkMs.toFixed(0)
      } ms, ` +
        `${frames} frame${frames === 1 ? "" : "s"}: ${results}`,
    );
    if (answered < tiles) {
      input.print(`${tiles - answered} tiles did not fit into the budget and are bicubic`);
    }
    input.print(`${out}  ${large.width}x${large.height}`);
    return 0;
  } catch (error) {
    if (input.signal.aborted) throw new CommandError("stopped", 130);
    throw error;
  } finally {
    await session.close();
  }
}

/** Before the work rather than after it. */
async function checkFolder(out: string): Promise<void> {
  const folder = dirname(out);
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new CommandError(`cannot write ${out}: there is no folder ${folder}; make it first`);
  }
}
