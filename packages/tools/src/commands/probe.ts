/**
 * `nnrp probe SERVER`: which transport is best.
 *
 * @module
 */
import { type Command, CommandError } from "../command.ts";
import { readServerChoice, SERVER_HELP, SERVER_OPTIONS } from "../reach/server_options.ts";

/** The command. */
export const probeCommand: Command = {
  name: "probe",
  summary: "measure QUIC and TCP to a server and say which is better",
  description:
    "Sends TRANSPORT_PROBEs over fresh connections of every transport that has a carrier here, and shows how many were " +
    "answered, how long they took and what throughput that makes. The best is the one a client would take. A server of nnrp-py " +
    "1.0.0rc2 ends at a probe. Exit code 0: something was answered, 1: nothing.",
  args: [{ name: "SERVER", help: SERVER_HELP }],
  options: [
    {
      name: "samples",
      short: "n",
      type: "number",
      placeholder: "N",
      help: "probes for each transport",
      default: 3,
    },
    { name: "bytes", short: "b", type: "number", placeholder: "N", help: "bytes of a probe", default: 32768 },
    { name: "warmup", type: "boolean", help: "send one more ahead that does not count" },
    ...SERVER_OPTIONS,
  ],
  examples: ["probe localhost", "probe nnrps://render-7.lan --ca ca.pem --samples 10 --warmup"],
  demonstrations: [{ line: "probe ADDRESS --samples 3", changing: true }, {
    line: "probe ADDRESS --samples 2 --json",
    changing: true,
  }],
  async run(input) {
    const { samples, bytes, warmup, json } = input.options;
    for (const [name, value] of [["samples", samples], ["bytes", bytes]]) {
      if (!(Number.isInteger(value) && Number(value) >= 1)) {
        throw new CommandError(`--${name} must be 1 or more, not ${value}`, 2);
      }
    }
    const choice = await readServerChoice(input);
    const { probe } = await import("../reach/probe.ts");
    return await probe({
      ...choice,
      sampleCount: Number(samples),
      payloadBytes: Number(bytes),
      warmup: warmup === true,
      json: json === true,
    }, input);
  },
};
