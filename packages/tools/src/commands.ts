/**
 * The table of all commands: help, completion and docs are made from it. Each entry loads its code when it is run.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { demoCommand } from "./commands/demo.ts";
import { peerDriveCommand } from "./commands/peer_drive.ts";
import { peerServeCommand } from "./commands/peer_serve.ts";
import { serveCommand } from "./commands/serve.ts";
import { submitCommand } from "./commands/submit.ts";
import { vectorsCheckCommand } from "./commands/vectors.ts";

/** All commands, in the order of the help text. */
export const COMMANDS: readonly Command[] = [
  serveCommand,
  submitCommand,
  demoCommand,
  vectorsCheckCommand,
  peerServeCommand,
  peerDriveCommand,
];
