/**
 * The `nnrp` command.
 *
 * @module
 */
import process from "node:process";
import { runCli } from "./src/cli.ts";

// `nnrp decode … | head` is no failure: nobody reads on, so nothing is left to do.
process.stdout.on("error", (error: Error & { readonly code?: string }) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
process.exitCode = await runCli(process.argv.slice(2));
// A command that is done ends, whatever a runtime still keeps open (Deno: UDP sockets of QUIC); but first all must be written.
process.stdout.write("", () => process.stderr.write("", () => process.exit()));
