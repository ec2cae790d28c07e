/**
 * What client, server and carriers share of the runtime they run on: the {@linkcode Host} of a real machine, and waiting with a
 * time limit and a signal. Applications do not import it.
 *
 * @module
 */
export { systemHost } from "./src/system_host.ts";
export { waitFor, type WaitOptions } from "./src/wait.ts";

// Types that the declarations above name.
export type { CancelTimer, Host } from "@nnrp/core";
