/**
 * Tools of the JavaScript world that the tests of packed packages need, pinned: npm and the
 * TypeScript compiler.
 *
 * @module
 */
import { npmFolder } from "./npm_folder.ts";

/** Programs, to be run by Node. */
export interface NpmTools {
  /** `npm-cli.js`. */
  readonly npm: string;
  /** The TypeScript compiler's script. */
  readonly tsc: string;
}

/** Fetches npm and the TypeScript compiler, once. */
export async function ensureNpmTools(): Promise<NpmTools> {
  const modules = await npmFolder("tools", { npm: "11.19.1", typescript: "7.0.2" });
  return {
    npm: new URL("npm/bin/npm-cli.js", modules).pathname,
    tsc: new URL("typescript/bin/tsc", modules).pathname,
  };
}
