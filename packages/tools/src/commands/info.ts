/**
 * `nnrp info SERVER`: what a server says about itself.
 *
 * @module
 */
import type { Command } from "../command.ts";
import { readServerChoice, SERVER_HELP, SERVER_OPTIONS } from "../reach/server_options.ts";

/** The command. */
export const infoCommand: Command = {
  name: "info",
  summary: "show what a server answers in its handshake",
  description:
    "Opens a session, shows model, limits, capabilities by name, cache, control extensions, transport and encryption as the " +
    "server told them, and leaves. Exit code 0: the server answered, 1: no server, or it refused the session.",
  args: [{ name: "SERVER", help: SERVER_HELP }],
  options: SERVER_OPTIONS,
  examples: ["info localhost", "info nnrps://render-7.lan --ca ca.pem --json"],
  demonstrations: [
    { line: "info ADDRESS", changing: true },
    { line: "info nrnp://localhost", about: "A slip of the finger:", exitCode: 2 },
  ],
  async run(input) {
    const choice = await readServerChoice(input);
    const { info } = await import("../reach/info.ts");
    return await info({ ...choice, json: input.options["json"] === true }, input);
  },
};
