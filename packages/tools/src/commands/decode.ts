/**
 * `nnrp decode FILE`: packets explained.
 *
 * @module
 */
import { type Command, CommandError } from "../command.ts";

/** The command. */
export const decodeCommand: Command = {
  name: "decode",
  summary: "explain the bytes of NNRP packets",
  description:
    "Reads packets as they are on a connection, back to back, and shows every byte with its offset, name and meaning: header, " +
    "metadata, and what is in the body. A broken packet is shown up to the byte that is wrong, with the rule it breaks and the " +
    "section of the wire spec. Exit code 0: all packets are whole and valid, 1: something is broken, cut or no NNRP.",
  args: [{ name: "FILE", help: "file with packets; - = standard input" }],
  options: [
    {
      name: "hex",
      type: "boolean",
      help: "FILE is hex text: digits, 0x and separators, or a dump of xxd or hexdump -C",
    },
    { name: "brief", short: "b", type: "boolean", help: "leave out fields that are 0" },
    { name: "full", type: "boolean", help: "show long lists, texts and bytes in full" },
    {
      name: "show-secrets",
      type: "boolean",
      help: "show auth blocks and migration tokens, not just their lengths",
    },
    { name: "list", short: "l", type: "boolean", help: "one line per packet" },
    { name: "packet", type: "number", placeholder: "N", help: "show the N-th packet only, 1 = the first" },
    { name: "skip", type: "number", placeholder: "BYTES", help: "begin so far into FILE", default: 0 },
    { name: "json", type: "boolean", help: "the same as data: one JSON object" },
  ],
  examples: [
    "decode capture.bin",
    "decode capture.bin --list",
    "decode --hex - < dump.txt",
    "decode capture.bin --packet 3 --json",
  ],
  demonstrations: [
    { line: "decode submit.bin", about: "A FRAME_SUBMIT with two tiles:" },
    { line: "decode session.bin --list", about: "A whole session, one line per packet:" },
    { line: "decode session.bin --packet 4 --brief", about: "One of its packets, without what is 0:" },
    {
      line: "decode broken.bin --brief",
      about: "A packet that breaks a rule is shown up to the byte that is wrong:",
      exitCode: 1,
    },
    { line: "decode cut.bin --brief", about: "A packet that is cut, as far as it goes:", exitCode: 1 },
    { line: "decode --hex dump.txt --list", about: "Hex text, here a dump of `xxd`:" },
    { line: "decode picture.png", about: "Something else:", exitCode: 1 },
    { line: "decode ping.bin --json", about: "As data:" },
  ],
  async run(input) {
    const { packet, skip } = input.options;
    if (packet !== undefined && !(Number.isInteger(packet) && Number(packet) >= 1)) {
      throw new CommandError(`--packet must be 1 or more, not ${packet}`, 2);
    }
    if (!(Number.isInteger(skip) && Number(skip) >= 0)) {
      throw new CommandError(`--skip must be a number of bytes, not ${skip}`, 2);
    }
    const { explainFile } = await import("../decode/explain_file.ts");
    return await explainFile({
      path: input.args[0],
      hex: input.options["hex"] === true,
      full: input.options["full"] === true,
      brief: input.options["brief"] === true,
      showSecrets: input.options["show-secrets"] === true,
      list: input.options["list"] === true,
      packet: packet === undefined ? null : Number(packet) - 1,
      skip: Number(skip),
      json: input.options["json"] === true,
    }, input);
  },
};
