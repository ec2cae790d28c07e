/**
 * The `nnrp` command.
 *
 * @module
 */
import process from "node:process";
import { runCli } from "./src/cli.ts";

process.exitCode = await runCli(process.argv.slice(2));
