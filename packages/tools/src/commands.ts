/**
 * The table of all commands: help, completion and docs are made from it. Each entry loads its code when it is run.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { certCommand } from "./commands/cert.ts";
import { completionCommand } from "./commands/completion.ts";
import { decodeCommand } from "./commands/decode.ts";
import { demoCommand } from "./commands/demo.ts";
import { goldenCheckCommand, goldenExportCommand } from "./commands/golden.ts";
import { infoCommand } from "./commands/info.ts";
import { peerDriveCommand } from "./commands/peer_drive.ts";
import { peerServeCommand } from "./commands/peer_serve.ts";
import { pingCommand } from "./commands/ping.ts";
import { probeCommand } from "./commands/probe.ts";
import { serveCommand } from "./commands/serve.ts";
import { smokeClientCommand, smokeServerOnceCommand } from "./commands/smoke.ts";
import { submitCommand } from "./commands/submit.ts";
import { vectorsCheckCommand } from "./commands/vectors.ts";

/** All commands, in the order of the help text. */
export const COMMANDS: readonly Command[] = [
  serveCommand,
  submitCommand,
  demoCommand,
  pingCommand,
  probeCommand,
  infoCommand,
  decodeCommand,
  certCommand,
  smokeClientCommand,
  smokeServerOnceCommand,
  goldenExportCommand,
  goldenCheckCommand,
  vectorsCheckCommand,
  peerServeCommand,
  peerDriveCommand,
  completionCommand(() => COMMANDS),
];
