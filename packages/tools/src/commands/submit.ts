/**
 * `nnrp submit PICTURE`: enlarges a picture through a server.
 *
 * @module
 */
import { type Command, CommandError } from "../command.ts";
import { readTrust, serverAddress, TRUST_OPTIONS } from "../reach/server_options.ts";

/** The command. */
export const submitCommand: Command = {
  name: "submit",
  summary: "send a picture to a server and write the enlarged answer",
  description:
    "Reads a PNG (gray, RGB, palette, with or without opacity; 16 bits are read as 8), sends its luma as tiles to a " +
    "super-resolution server, enlarges colour and opacity by bicubic interpolation, and writes a PNG. With --budget the " +
    "network gets only so much time; tiles it did not answer in time stay bicubic, and the counts say so.",
  args: [{ name: "PICTURE", help: "a PNG file" }],
  options: [
    {
      name: "out",
      short: "o",
      type: "string",
      placeholder: "FILE",
      help: "where to write the PNG",
      required: true,
    },
    {
      name: "server",
      short: "s",
      type: "string",
      placeholder: "ADDRESS",
      help: "server to use",
      default: "nnrp://127.0.0.1:4433",
    },
    { name: "scale", type: "number", placeholder: "2|4", help: "how many times larger", default: 2 },
    { name: "budget", type: "number", placeholder: "MS", help: "most time for the network; default: none" },
    ...TRUST_OPTIONS,
    { name: "json", type: "boolean", help: "print the report as one JSON object" },
  ],
  examples: [
    "submit picture.png --out big.png",
    "submit picture.png -o big.png --scale 4 --budget 200",
    "submit picture.png -o big.png --server nnrps://render-7.lan --ca ca.pem",
  ],
  demonstrations: [
    {
      line: "submit picture.png --out big.png --server nnrp://127.0.0.1:9",
      about: "Nobody there:",
      exitCode: 1,
    },
    { line: "submit dump.txt --out big.png --server ADDRESS", about: "No picture:", exitCode: 1 },
  ],
  async run(input) {
    const { server, scale, budget, out } = input.options;
    if (scale !== 2 && scale !== 4) throw new CommandError(`--scale must be 2 or 4, not ${scale}`, 2);
    if (budget !== undefined && !(Number(budget) >= 1)) {
      throw new CommandError(`--budget must be at least 1 ms, not ${budget}`, 2);
    }
    const { submitPicture } = await import("../picture/submit_picture.ts");
    return await submitPicture({
      path: input.args[0],
      out: String(out),
      server: serverAddress(String(server)),
      dial: await readTrust(input.options),
      doublings: scale / 2,
      budgetMs: budget === undefined ? undefined : Number(budget),
      json: input.options["json"] === true,
    }, input);
  },
};
