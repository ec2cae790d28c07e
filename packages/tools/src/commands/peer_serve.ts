/**
 * `nnrp peer serve`: a scripted server with the flags and the output of the reference interop peer.
 *
 * @module
 */
import type { Command } from "../command.ts";
import { idleFlags, readServeFlags, SERVE_OPTIONS } from "../peer/serve_flags.ts";

/** The command. */
export const peerServeCommand: Command = {
  name: "peer serve",
  summary: "scripted server for interop tests of NNRP clients",
  description:
    "Echoes every frame unless a flag says otherwise. The first line of output tells the bound port, then follow one " +
    "JSON object per event and, at the end of each session, its counters. Ends on SIGTERM, after --sessions sessions " +
    "or after --lifetime seconds.",
  options: SERVE_OPTIONS,
  examples: ["peer serve --transport tcp --port 4433 --drop-every 3", "peer serve --cache --verbose"],
  async run(input) {
    const flags = readServeFlags(input.options);
    for (const name of idleFlags(input.options)) {
      input.warn(`--${name} has no effect yet: migration and slow probes are not scripted here`);
    }
    const { servePeer } = await import("../peer/serve.ts");
    return await servePeer(flags, input);
  },
};
