/**
 * `nnrp peer drive`: a client that plays the scenarios of the reference interop peer against a server.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { type Command, CommandError } from "../command.ts";

/** The command. */
export const peerDriveCommand: Command = {
  name: "peer drive",
  summary: "play interop scenarios against an NNRP server",
  description:
    "Prints one verdict per scenario as a JSON line, then a summary. The server must run with the flags its scenario " +
    "expects; 'plain' means every scenario that needs none. Exit code 0: all ok, 1: a failure, 2: unknown scenario.",
  options: [
    { name: "transport", type: "string", placeholder: "tcp|quic", help: "carrier to use", default: "tcp" },
    { name: "host", type: "string", placeholder: "HOST", help: "server", default: "127.0.0.1" },
    { name: "port", type: "number", placeholder: "PORT", help: "port of the chosen carrier", default: 0 },
    { name: "tcp-port", type: "number", placeholder: "PORT", help: "TCP port, 0 = none", default: 0 },
    { name: "quic-port", type: "number", placeholder: "PORT", help: "QUIC port, 0 = none", default: 0 },
    { name: "cafile", type: "string", placeholder: "FILE", help: "certificate authority of the QUIC server" },
    {
      name: "scenario",
      type: "string",
      placeholder: "NAME[,NAME]|plain|all",
      help: "what to play",
      default: "plain",
    },
    { name: "timeout", type: "number", placeholder: "S", help: "seconds per wait", default: 5 },
    { name: "limit", type: "number", placeholder: "S", help: "seconds per scenario", default: 30 },
  ],
  examples: ["peer drive --port 4433", "peer drive --port 4433 --scenario echo-tensor,ping"],
  demonstrations: [{
    about: "A server in one terminal, the scenarios in another:",
    server: "peer serve --transport tcp --port PORT --sessions 2",
    line: "peer drive --port PORT --scenario echo-tensor,ping",
    changing: true,
  }],
  async run(input) {
    const { options } = input;
    const transport = options["transport"];
    if (transport !== "tcp" && transport !== "quic") {
      throw new CommandError(`--transport must be tcp or quic, not ${transport}`, 2);
    }
    const { drivePeer } = await import("../peer/drive.ts");
    const cafile = options["cafile"];
    const port = Number(options["port"]);
    return await drivePeer({
      transport,
      host: String(options["host"]),
      tcpPort: Number(options["tcp-port"]) || (transport === "tcp" ? port : 0),
      quicPort: Number(options["quic-port"]) || (transport === "quic" ? port : 0),
      ca: cafile === undefined ? undefined : await readFile(String(cafile), "utf8"),
      scenario: String(options["scenario"]),
      timeoutMs: Number(options["timeout"]) * 1000,
      limitMs: Number(options["limit"]) * 1000,
    }, input);
  },
};
