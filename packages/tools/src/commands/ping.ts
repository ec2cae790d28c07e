/**
 * `nnrp ping SERVER`: round trip times.
 *
 * @module
 */
import { type Command, CommandError } from "../command.ts";
import { readServerChoice, SERVER_HELP, SERVER_OPTIONS } from "../reach/server_options.ts";

/** The command. */
export const pingCommand: Command = {
  name: "ping",
  summary: "measure round trips to a server",
  description:
    "Opens a session and sends PINGs, one after the other, each after the answer to the one before. Prints each round trip and " +
    "their minimum, mean, median, 99th percentile and maximum; Ctrl-C sums up what was measured. Exit code 0: all answered, " +
    "1: no server, or an answer is missing.",
  args: [{ name: "SERVER", help: SERVER_HELP }],
  options: [
    { name: "count", short: "c", type: "number", placeholder: "N", help: "how many", default: 5 },
    {
      name: "interval",
      short: "i",
      type: "number",
      placeholder: "MS",
      help: "from one to the next",
      default: 200,
    },
    ...SERVER_OPTIONS,
  ],
  examples: ["ping localhost", "ping nnrps://render-7.lan --ca ca.pem --count 100 --interval 10"],
  demonstrations: [
    { line: "ping ADDRESS --count 3", changing: true },
    { line: "ping ADDRESS --count 2 --json", changing: true },
    { line: "ping 127.0.0.1:9", about: "Nobody there:", exitCode: 1 },
  ],
  async run(input) {
    const { count, interval, json } = input.options;
    if (!(Number.isInteger(count) && Number(count) >= 1)) {
      throw new CommandError(`--count must be 1 or more, not ${count}`, 2);
    }
    if (!(Number(interval) >= 0)) {
      throw new CommandError(`--interval must be 0 ms or more, not ${interval}`, 2);
    }
    const choice = await readServerChoice(input);
    const { ping } = await import("../reach/ping.ts");
    return await ping(
      { ...choice, count: Number(count), intervalMs: Number(interval), json: json === true },
      input,
    );
  },
};
