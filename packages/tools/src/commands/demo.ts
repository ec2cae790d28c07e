/**
 * `nnrp demo`: a server, a client, a moving view over a photograph, and a report of what happened.
 *
 * @module
 */
import { type Command, CommandError } from "../command.ts";

/** The command. */
export const demoCommand: Command = {
  name: "demo",
  summary: "stream a moving picture through super-resolution and report what happened",
  description:
    "Starts a server in a process of its own and streams a moving view of a photograph through it: only tiles that changed, " +
    "with a latency budget for every frame. Then the same with so little time that the server has to cut: partial results, " +
    "and old tiles used again. Writes a picture (bicubic, network, original side by side) and a report, and prints where.",
  options: [
    { name: "seconds", type: "number", placeholder: "S", help: "how long to stream, in all", default: 12 },
    { name: "budget", type: "number", placeholder: "MS", help: "latency budget of a frame", default: 33 },
    { name: "fps", type: "number", placeholder: "N", help: "frames per second of the view", default: 30 },
    {
      name: "out",
      short: "o",
      type: "string",
      placeholder: "DIR",
      help: "folder to write to",
      default: "out/demo",
    },
    {
      name: "runtime",
      type: "string",
      placeholder: "auto|native|wasm",
      help: "ONNX Runtime of the server",
      default: "auto",
    },
    {
      name: "no-open",
      type: "boolean",
      help: "do not open the report; without a terminal it is never opened",
    },
  ],
  examples: ["demo", "demo --seconds 6 --budget 16 --fps 60 --out /tmp/demo"],
  async run(input) {
    const { seconds, budget, fps, out, runtime } = input.options;
    check("seconds", seconds, 1, 600);
    check("budget", budget, 2, 60_000);
    check("fps", fps, 1, 240);
    if (runtime !== "auto" && runtime !== "native" && runtime !== "wasm") {
      throw new CommandError(`--runtime must be auto, native or wasm, not ${runtime}`, 2);
    }
    const { runDemo } = await import("../demo/run.ts");
    return await runDemo({
      seconds: Number(seconds),
      budgetMs: Math.round(Number(budget)),
      fps: Number(fps),
      out: String(out),
      runtime,
      open: input.options["no-open"] !== true,
    }, input);
  },
};

function check(name: string, value: unknown, least: number, most: number): void {
  if (Number(value) >= least && Number(value) <= most) return;
  throw new CommandError(`--${name} must be ${least} to ${most}, not ${value}`, 2);
}
