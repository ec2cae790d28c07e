/**
 * What `nnrp decode` does: reads a file or standard input, decodes it and prints trees, lines or JSON.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { readStandardInput } from "../standard_input.ts";
import { CommandError, type CommandInput } from "../command.ts";
import { gatedStyleOf } from "../output_gate.ts";
import { NO_TERMINAL, type Style } from "../terminal_style.ts";
import { foreignInput } from "./foreign.ts";
import { HexTextError, parseHexText } from "./hex_text.ts";
import { packetTitle, renderPacket } from "./render.ts";
import { count } from "./render_values.ts";
import { decodePackets } from "./stream.ts";
import { type DecodedInput, type DecodedPacket, FULL, type UnreadRest } from "./tree.ts";

/** What to decode and how to show it. */
export interface ExplainOptions {
  /** File; `-` = standard input. */
  readonly path: string;
  /** Whether it is hex text. */
  readonly hex: boolean;
  /** Whether long things are shown in full. */
  readonly full: boolean;
  /** Whether fields that are 0 are left out. */
  readonly brief: boolean;
  /** One line per packet. */
  readonly list: boolean;
  /** The only packet to show, from 0; null = all. */
  readonly packet: number | null;
  /** Where to begin, bytes. */
  readonly skip: number;
  /** Whether auth blocks and tokens are shown. */
  readonly showSecrets: boolean;
  /** JSON. */
  readonly json: boolean;
}

/**
 * Explains a file.
 *
 * @returns 0 if all packets are whole and valid, else 1.
 * @throws CommandError if there is nothing to decode.
 */
export async function explainFile(options: ExplainOptions, input: CommandInput): Promise<number> {
  const { path, skip, json } = options;
  const name = path === "-" ? "standard input" : path;
  const bytes = await readInput(path, name, options.hex);
  if (bytes.length === 0) throw new CommandError(`${name} is empty; give bytes of NNRP packets`);
  if (skip >= bytes.length) {
    throw new CommandError(`${name} has ${count(bytes.length, "byte")}; --skip ${skip} leaves none`);
  }
  const packets = decodePackets(bytes, {
    ...(options.full ? FULL : {}),
    showSecrets: options.showSecrets,
    offset: skip,
  });
  const found: DecodedPacket[] = [];
  const tally: Tally = { packets: 0, broken: 0, incomplete: 0, shortened: false };
  let step = packets.next();
  if (!step.done && step.value.problem?.field === "header.magic") {
    const call = `nnrp decode ${path}${options.hex ? " --hex" : ""}`;
    const [what, todo] = foreignInput(bytes, name, skip, call);
    throw new CommandError(what, 1, todo);
  }
  for (; !step.done; step = packets.next()) {
    const packet = step.value;
    tally.packets++;
    if (packet.problem !== null) tally.broken++;
    if (packet.incomplete) tally.incomplete++;
    if (options.packet !== null && packet.index !== options.packet) continue;
    if (json) found.push(packet);
    else show(packet, options, tally, input);
  }
  if (options.packet !== null && options.packet >= tally.packets) {
    throw new CommandError(
      `there is no packet ${options.packet + 1}: ${name} has ${count(tally.packets, "packet")}`,
    );
  }
  const unread = step.value;
  if (json) {
    const decoded: DecodedInput = { length: bytes.length, packets: found, unread };
    input.print(JSON.stringify(decoded));
  } else summarise(tally, bytes.length - skip, unread, path, input);
  return tally.broken + tally.incomplete > 0 ? 1 : 0;
}

/** What stands where something was left out for its length. */
const SHORTENED = /… \d+ more/;

interface Tally {
  packets: number;
  broken: number;
  incomplete: number;
  /** Whether something was shown in part only. */
  shortened: boolean;
}

async function readInput(path: string, name: string, hex: boolean): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = path === "-" ? await readStandardInput() : await readFile(path);
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "ENOENT") {
      throw new CommandError(`there is no file ${path}; give a file with packets, or - for standard input`);
    }
    if (code === "EISDIR") throw new CommandError(`${path} is a folder; give one file`);
    throw new CommandError(`cannot read ${name}: ${error instanceof Error ? error.message : error}`);
  }
  if (!hex) return bytes;
  try {
    return parseHexText(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof HexTextError) throw new CommandError(`${name}: ${error.message}`);
    throw error;
  }
}

function show(packet: DecodedPacket, options: ExplainOptions, tally: Tally, input: CommandInput): void {
  const terminal = input.terminal ?? NO_TERMINAL;
  const style = gatedStyleOf(terminal);
  if (options.list) return input.print(listLine(packet, style));
  if (packet.index > 0 && options.packet === null) input.print("");
  const maxRows = options.full ? Infinity : undefined;
  const { brief } = options;
  for (const line of renderPacket(packet, { style, columns: terminal.columns, maxRows, brief })) {
    input.print(line);
    tally.shortened ||= SHORTENED.test(line);
  }
}

function listLine(packet: DecodedPacket, style: Style): string {
  const place = style.faint(packet.offset.toString(16).padStart(8, "0"));
  const { problem } = packet;
  const verdict = problem !== null
    ? style.problem(`✗ ${problem.field}: ${problem.rule} (${problem.spec}, byte ${problem.offset})`)
    : packet.incomplete
    ? style.problem("✂ cut")
    : "";
  return `${place}  ${packetTitle(packet)}${verdict === "" ? "" : `  ${verdict}`}`;
}

function summarise(
  tally: Tally,
  length: number,
  unread: UnreadRest | null,
  path: string,
  input: CommandInput,
): void {
  const style = gatedStyleOf(input.terminal ?? NO_TERMINAL);
  if (unread !== null) {
    const again = unread.nextMagic === null
      ? ""
      : `; a packet may begin at byte ${unread.nextMagic}: nnrp decode ${path} --skip ${unread.nextMagic}`;
    input.print(style.faint(`    ${count(unread.length, "byte")} behind the broken header not read${again}`));
  }
  const wrong = [
    ...(tally.broken > 0 ? [`${tally.broken} broken`] : []),
    ...(tally.incomplete > 0 ? [`${tally.incomplete} cut`] : []),
  ];
  const verdict = wrong.length > 0 ? style.problem(wrong.join(", ")) : style.good("all whole and valid");
  input.print("");
  input.print(`${count(tally.packets, "packet")}, ${count(length, "byte")}: ${verdict}`);
  if (tally.shortened) input.print(style.faint("long parts are shortened: --full shows them"));
}
