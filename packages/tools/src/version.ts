/**
 * The version that `nnrp --version` prints.
 *
 * @module
 */

/** Version of this package, as its `deno.json` and `package.json` say (a test compares). */
export const VERSION = "0.1.0";
