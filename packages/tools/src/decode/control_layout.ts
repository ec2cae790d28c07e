/**
 * Bodies of control messages as nodes: extensions with auth block or model name, profile blocks, words, objects (wire spec §3,
 * §4, §5).
 *
 * @module
 */
import {
  type AnyRecord,
  CONTROL_EXTENSION_HEADER_SIZE,
  ControlExtensionFlags,
  ControlExtensionType,
  enumName,
  flagNames,
  KNOWN_EXTENSION_RECORDS,
  type RecordValues,
  TENSOR_PROFILE_PATCH_ACK_RECORD,
  TENSOR_PROFILE_PATCH_RECORD,
} from "@nnrp/core";
import type { GrowingNode } from "./nodes.ts";
import { BrokenRule, type Walk } from "./walk.ts";

/** Adds the body of a hello: extensions, then the rest under a name of its own. */
export function layHello(
  walk: Walk,
  body: GrowingNode,
  start: number,
  end: number,
  extensionBytes: number,
  rest: "auth_block" | "model_name",
): void {
  const split = start + extensionBytes;
  if (split > end) { // the codec tells which length is wrong
    walk.bytesAt(body, "bytes", start, end - start, { secret: true });
    return;
  }
  if (split > start) layExtensions(walk, body, start, split);
  if (end > split) {
    walk.bytesAt(body, rest, split, end - split, { text: true, secret: rest === "auth_block" });
  }
}

function layExtensions(walk: Walk, body: GrowingNode, start: number, end: number): void {
  const block = walk.group(body, "control extensions", start, end - start);
  let at = start;
  walk.items(block, (into, index) => {
    if (at >= end) return false;
    const payload = at + CONTROL_EXTENSION_HEADER_SIZE;
    if (into === null) {
      at = payload + Math.ceil(walk.view.getUint32(at + 4, true) / 8) * 8;
      return true;
    }
    if (payload > end) {
      walk.bytesAt(into, "cut header", at, end - at, { secret: true }); // may be of an auth block, its length is wrong
      walk.fail("control_extension.header", at, "cut", CONTROL_EXTENSION_HEADER_SIZE, end - at);
    }
    const entry = walk.group(into, `extension ${index + 1}`, at, end - at);
    walk.need(at, CONTROL_EXTENSION_HEADER_SIZE);
    const type = walk.view.getUint16(at, true);
    const name = (Object.values(ControlExtensionType) as number[]).includes(type)
      ? enumName(ControlExtensionType, type)
      : "unknown";
    entry.meaning = name;
    walk.number(entry, "ext_type", at, "u16", { meaning: `0x${type.toString(16).padStart(4, "0")}` });
    const flags = walk.view.getUint16(at + 2, true);
    walk.number(entry, "ext_flags", at + 2, "u16", { flags: flagNames(ControlExtensionFlags, flags) });
    if (name === "unknown" && (flags & ControlExtensionFlags.CRITICAL) !== 0) {
      entry.note = "unknown and CRITICAL: sessions refuse the hello (behaviour spec §6)";
    }
    const length = walk.number(entry, "ext_len", at + 4, "u32", { unit: "bytes" });
    const next = payload + Math.ceil(length / 8) * 8;
    if (next > end) {
      const part = payload + length > end ? "payload" : "padding";
      walk.fail(`control_extension.${part}`, at + 4, `${part} cut`, next - payload, end - payload);
    }
    entry.length = next - at;
    layExtensionPayload(walk, entry, type, payload, length);
    walk.padding(entry, payload + length, next, "control_extension.padding");
    at = next;
    return true;
  });
}

/** Adds what an entry holds. The hello is read even if the extension's own reader refuses: that is a note. */
function layExtensionPayload(
  walk: Walk,
  entry: GrowingNode,
  type: number,
  offset: number,
  length: number,
): void {
  const record = KNOWN_EXTENSION_RECORDS.get(type);
  if (record === undefined) {
    const text = type === ControlExtensionType.REQUESTED_MODEL;
    const token = type === ControlExtensionType.MIGRATION_TOKEN;
    const name = text ? "model" : token ? "token" : "payload";
    // Where the lengths of the hello are wrong, anything may be a piece of the auth block.
    if (length > 0) walk.bytesAt(entry, name, offset, length, { text, secret: token || !walk.accepted });
    return;
  }
  if (length !== record.size) {
    entry.note = `its reader refuses it: has a fixed length (expected ${record.size}, got ${length})`;
    walk.bytesAt(entry, "payload", offset, length, { secret: !walk.accepted });
    return;
  }
  const before = entry.children!.length;
  try {
    walk.record(entry, record, offset);
  } catch (stop) {
    if (!(stop instanceof BrokenRule)) throw stop;
    entry.note = `its reader refuses it: ${stop.problem.field} ${stop.problem.rule}`;
    entry.children!.length = before;
    walk.bytesAt(entry, "payload", offset, length, { secret: !walk.accepted });
  }
}

/** Adds the body of a patch or its ack. */
export function layProfile(walk: Walk, body: GrowingNode, start: number, end: number, ack: boolean): void {
  const record: AnyRecord = ack ? TENSOR_PROFILE_PATCH_ACK_RECORD : TENSOR_PROFILE_PATCH_RECORD;
  if (end - start !== record.size) {
    if (end > start) walk.bytesAt(body, "bytes", start, end - start);
    return;
  }
  walk.record(walk.group(body, "tensor profile", start, record.size), record, start);
}

/** Lengths of bodies that metadata tells and readers do not compare. */
const STATED: Readonly<Record<string, readonly [key: string, name: string]>> = {
  error: ["diagnosticBytes", "diagnostic_bytes"],
  cache_put: ["objectBytes", "object_bytes"],
};

/** What is odd about the length of a body, if anything. */
export function lengthNote(message: string, metadata: RecordValues, bodyBytes: number): string | undefined {
  const stated = STATED[message];
  if (stated === undefined || Number(metadata[stated[0]]) === bodyBytes) return undefined;
  return `${stated[1]} says ${metadata[stated[0]]}, the body has ${bodyBytes} bytes`;
}
