/**
 * An input as packets, one after the other (wire spec §2): the last one may be cut, and nothing can be found behind a broken
 * header.
 *
 * @module
 */
import { HEADER_SIZE } from "@nnrp/core";
import { decodePacketTree } from "./packet.ts";
import type { DecodedInput, DecodedPacket, DecodeOptions, UnreadRest } from "./tree.ts";

/**
 * Decodes packet after packet, lazily: for long inputs. Never throws, whatever the bytes are.
 *
 * @param bytes The input.
 * @param options Where to begin, and how much of long things is kept.
 * @returns What lies behind a broken header; null = nothing.
 */
export function* decodePackets(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Generator<DecodedPacket, UnreadRest | null, undefined> {
  let offset = options.offset ?? 0;
  for (let index = 0; offset < bytes.length; index++) {
    const packet = decodePacketTree(bytes, { ...options, offset }, index);
    yield packet;
    if (packet.statedLength === null) return packet.problem === null ? null : unreadRest(bytes, packet);
    offset += packet.length;
  }
  return null;
}

/**
 * Decodes an input. Never throws, whatever the bytes are.
 *
 * @param bytes Packets back to back, as they are on a byte stream.
 * @param options Where to begin, and how much of long things is kept.
 *
 * @example
 * ```ts
 * import { decodeInput, renderPacket } from "@nnrp/tools";
 *
 * const { packets } = decodeInput(bytes);
 * for (const packet of packets) {
 *   if (packet.problem !== null) console.log(packet.problem.spec, packet.problem.rule, packet.problem.offset);
 *   console.log(renderPacket(packet).join("\n"));
 * }
 * ```
 */
export function decodeInput(bytes: Uint8Array, options: DecodeOptions = {}): DecodedInput {
  const packets: DecodedPacket[] = [];
  const walk = decodePackets(bytes, options);
  let step = walk.next();
  for (; !step.done; step = walk.next()) packets.push(step.value);
  return { length: bytes.length, packets, unread: step.value };
}

/** What lies behind a broken header, and where in it a packet may begin. */
function unreadRest(bytes: Uint8Array, broken: DecodedPacket): UnreadRest | null {
  const offset = broken.offset + headerBytes(broken);
  if (offset >= bytes.length) return null;
  return { offset, length: bytes.length - offset, nextMagic: findMagic(bytes, broken.offset + 1) };
}

/** Where `NNRP` stands at or behind `from`; null = nowhere. */
export function findMagic(bytes: Uint8Array, from: number): number | null {
  for (let at = from; at + 4 <= bytes.length; at++) {
    if (bytes[at] === 0x4e && bytes[at + 1] === 0x4e && bytes[at + 2] === 0x52 && bytes[at + 3] === 0x50) {
      return at;
    }
  }
  return null;
}

/** How much of a broken header was read. */
function headerBytes(packet: DecodedPacket): number {
  const last = packet.children.at(-1)?.children?.at(-1);
  return last === undefined
    ? Math.min(HEADER_SIZE, packet.length)
    : last.offset + last.length - packet.offset;
}
