/**
 * What decoding gives: packets as trees of plain data, each node with its place in the input. `JSON.stringify` of it is what
 * `nnrp decode --json` prints; renderers, captures and inspectors read the same tree.
 *
 * @module
 */
import type { FieldType, FieldUnit } from "@nnrp/core";

/** A rule that bytes break. */
export interface DecodeProblem {
  /** Offset of the wrong byte in the input. */
  readonly offset: number;
  /** The field or structure, in the names of the wire spec, for example `"client_hello.auth_bytes"`. */
  readonly field: string;
  /** The broken rule in words. */
  readonly rule: string;
  /** Where the rule is written, for example `"wire spec §4.1"`. */
  readonly spec: string;
  /** What the rule asks for, if it can be said shortly. */
  readonly expected?: string;
  /** What the bytes say. */
  readonly actual?: string;
}

/** What a node is: a structure, a number, bytes that mean something to somebody else, or zero bytes that fill a gap. */
export type DecodedKind = "group" | "field" | "bytes" | "padding";

/** A piece of a packet. */
export interface DecodedNode {
  /** What it is. */
  readonly kind: DecodedKind;
  /** Name, for fields that of the wire spec. */
  readonly name: string;
  /** Where it begins in the input, bytes. */
  readonly offset: number;
  /** Its length, bytes. */
  readonly length: number;
  /** Width, of fields. */
  readonly type?: FieldType | "f32" | "ascii";
  /** The number, of fields; u64 as decimal text, since JSON has no such numbers. */
  readonly value?: number | string;
  /** What the number counts. */
  readonly unit?: FieldUnit;
  /** The value in words: name of an enumeration's value, frames per second, tile ids, … */
  readonly meaning?: string;
  /** Names of the bits that are set, of flag fields; undefined bits as `"0x80"`. */
  readonly flags?: readonly string[];
  /** The beginning of bytes that read as text. */
  readonly text?: string;
  /** The bytes in hex, of all but groups and secrets; long ones are cut, see {@linkcode DecodeOptions.maxHexBytes}. */
  readonly hex?: string;
  /** True for a secret (auth block, migration token) whose bytes and text were left out, see {@linkcode DecodeOptions.showSecrets}. */
  readonly hidden?: true;
  /** What is legal but odd about it. */
  readonly note?: string;
  /** What is wrong with it. */
  readonly problem?: DecodeProblem;
  /** Its parts, of groups. */
  readonly children?: readonly DecodedNode[];
  /** Parts that were left out, see {@linkcode DecodeOptions.maxItems}. */
  readonly hiddenItems?: number;
}

/** A packet, as far as it could be read. */
export interface DecodedPacket {
  /** Its place among the packets of the input, from 0. */
  readonly index: number;
  /** Where it begins in the input, bytes. */
  readonly offset: number;
  /** Bytes of it that are there. */
  readonly length: number;
  /** Bytes that its header asks for; null if the header is not whole or broken. */
  readonly statedLength: number | null;
  /** Name of its message, for example `"FRAME_SUBMIT"`; null if the header does not tell. */
  readonly message: string | null;
  /** Who sends such messages; null if the header does not tell. */
  readonly direction: "client" | "server" | "both" | null;
  /** Header, metadata, body: those that are there. */
  readonly children: readonly DecodedNode[];
  /** What is wrong with it, also found at the node that is wrong; null = nothing. */
  readonly problem: DecodeProblem | null;
  /** Whether the input ends before the packet does. */
  readonly incomplete: boolean;
}

/** Why the bytes behind the last packet were not read. */
export interface UnreadRest {
  /** Where they begin in the input. */
  readonly offset: number;
  /** How many they are. */
  readonly length: number;
  /** Where the magic of a packet stands behind the broken header's begin, so that decoding could go on there; null = nowhere. */
  readonly nextMagic: number | null;
}

/** A whole input. */
export interface DecodedInput {
  /** Its length, bytes. */
  readonly length: number;
  /** All packets, a broken or incomplete one included. */
  readonly packets: readonly DecodedPacket[];
  /** What lies behind a broken header, where no packet can be found any more; null = nothing. */
  readonly unread: UnreadRest | null;
}

/** How much of long things is kept in the tree. */
export interface DecodeOptions {
  /** Items of a list (tiles, objects, references, payloads, extensions) that become nodes. Default 8. */
  readonly maxItems?: number;
  /** Bytes of a node that are given in hex. Default 64. */
  readonly maxHexBytes?: number;
  /** Characters of a text that are given. Default 200. */
  readonly maxTextLength?: number;
  /** Whether auth blocks and migration tokens are given; else only their lengths. Default false. */
  readonly showSecrets?: boolean;
  /** Where in the input decoding begins, bytes. Default 0. */
  readonly offset?: number;
}

/** Everything of everything but secrets: for `--full`. */
export const FULL: Required<Omit<DecodeOptions, "offset" | "showSecrets">> = {
  maxItems: Infinity,
  maxHexBytes: Infinity,
  maxTextLength: Infinity,
};
