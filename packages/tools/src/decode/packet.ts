/**
 * One packet as a tree: header, metadata, body (wire spec §2–§9), as far as its bytes go and its rules hold.
 *
 * @module
 */
import {
  decodeBodyRegions,
  decodeHeader,
  decodeResultPushBodyLenient,
  HEADER_RECORD,
  HEADER_SIZE,
  type MessageInfo,
  messageInfo,
  type PacketHeader,
  PayloadKind,
  type RecordValues,
  SubmitMode,
  TileIndexMode,
} from "@nnrp/core";
import { layComposed } from "./composed_layout.ts";
import { layHello, layProfile, lengthNote } from "./control_layout.ts";
import type { GrowingNode } from "./nodes.ts";
import { markProblem } from "./problem_mark.ts";
import { layCamera, layTensorBody, type TileFacts } from "./tensor_layout.ts";
import type { DecodedPacket, DecodeOptions, DecodeProblem } from "./tree.ts";
import { codecRefusal, locate } from "./verdict.ts";
import { BrokenRule, CutShort, Walk } from "./walk.ts";

/** What is kept of long things unless told otherwise. */
const USUAL = { maxItems: 8, maxHexBytes: 64, maxTextLength: 200, showSecrets: false };

/**
 * Decodes one packet. Never throws, whatever the bytes are.
 *
 * @param bytes The input.
 * @param options Where the packet begins, and how much of long things is kept.
 * @param index Its place among the packets of the input.
 */
export function decodePacketTree(bytes: Uint8Array, options: DecodeOptions = {}, index = 0): DecodedPacket {
  const { offset = 0, ...limits } = options;
  const walk = new Walk(bytes, { ...USUAL, ...limits });
  const root: GrowingNode = { kind: "group", name: "packet", offset, length: 0, children: [] };
  const reading: Reading = { walk, root, offset, header: null, info: undefined, bodyStart: bytes.length };
  let problem: DecodeProblem | null = null;
  let incomplete = false;
  try {
    readPacket(reading);
  } catch (stop) {
    if (stop instanceof BrokenRule) problem = stop.problem;
    else if (stop instanceof CutShort) incomplete = true;
    else throw stop;
  }
  const statedLength = reading.header === null
    ? null
    : HEADER_SIZE + reading.header.metaLen + reading.header.bodyLen;
  const there = Math.min(statedLength ?? bytes.length - offset, bytes.length - offset);
  if (problem !== null) markProblem(root, problem, walk, reading.bodyStart, offset + there);
  else if (statedLength !== null && statedLength > there) incomplete = true;
  return {
    index,
    offset,
    length: there,
    statedLength,
    message: reading.info?.name ?? null,
    direction: reading.info?.direction ?? null,
    children: root.children!,
    problem,
    incomplete,
  };
}

/** A packet that is being read. */
interface Reading {
  readonly walk: Walk;
  readonly root: GrowingNode;
  readonly offset: number;
  header: PacketHeader | null;
  info: MessageInfo | undefined;
  bodyStart: number;
}

function readPacket(reading: Reading): void {
  const { walk, root, offset } = reading;
  const head = walk.group(root, "header", offset, Math.min(HEADER_SIZE, walk.bytes.length - offset));
  walk.record(head, HEADER_RECORD, offset);
  const header = decodeHeader(walk.view, offset);
  const info = messageInfo(header.msgType)!; // the record took the type
  reading.header = header;
  reading.info = info;
  walk.message = info.record?.name ?? info.name.toLowerCase();
  const metadataStart = offset + HEADER_SIZE;
  const bodyStart = metadataStart + header.metaLen;
  const end = bodyStart + header.bodyLen;
  if (info.record !== null && header.metaLen !== info.record.size) {
    walk.fail(
      info.record.name,
      offset + 12,
      `the metadata of ${info.name} has a fixed length`,
      info.record.size,
      header.metaLen,
      "metadata",
    );
  }
  reading.bodyStart = bodyStart;
  const refusal = end > walk.bytes.length ? null : codecRefusal(header, walk.bytes.subarray(offset, end));
  walk.accepted = end <= walk.bytes.length && refusal === null;
  const metadata = readMetadata(reading, info, header.metaLen);
  try {
    readBody(reading, info, metadata, end);
  } catch (stop) {
    // Rules inside one record are found by the walk, with the right place; all others are the codec's to tell.
    if (!(stop instanceof BrokenRule) || refusal === null || stop.problem.field === refusal.field) throw stop;
    throw new BrokenRule(isRecordRule(stop, walk) ? stop.problem : locate(walk, refusal, bodyStart));
  }
  if (refusal !== null) throw new BrokenRule(locate(walk, refusal, bodyStart));
}

/** Whether a stop comes from a record: then its field is one of it. */
function isRecordRule({ problem }: BrokenRule, walk: Walk): boolean {
  const [name, field] = problem.field.split(".");
  return walk.places.get(name)?.record.fields.some(({ wireName }) => wireName === field) ?? false;
}

function readMetadata({ walk, root, offset }: Reading, info: MessageInfo, length: number): RecordValues {
  const start = offset + HEADER_SIZE;
  if (length === 0) return {};
  const group = walk.group(root, "metadata", start, Math.max(0, Math.min(length, walk.bytes.length - start)));
  if (info.record !== null) return walk.record(group, info.record, start);
  walk.bytesAt(group, "bytes", start, length, {
    note: `${info.name} has no metadata; no reader looks at it`,
  });
  return {};
}

function readBody(
  { walk, root, bodyStart }: Reading,
  info: MessageInfo,
  metadata: RecordValues,
  end: number,
): void {
  if (end === bodyStart && !(info.bodyKind === "frame_submit" || info.bodyKind === "result_push")) return;
  if (bodyStart > walk.bytes.length) throw new CutShort();
  const there = Math.min(end, walk.bytes.length) - bodyStart;
  const body = walk.group(root, "body", bodyStart, there);
  const note = lengthNote(walk.message, metadata, end - bodyStart);
  if (note !== undefined) body.note = note;
  switch (info.bodyKind) {
    case "client_hello": {
      const auth = Number(metadata.authBytes);
      layHello(walk, body, bodyStart, end, Math.max(0, end - bodyStart - auth), "auth_block");
      return;
    }
    case "server_hello_ack":
      layHello(walk, body, bodyStart, end, Number(metadata.controlExtensionBytes), "model_name");
      return;
    case "profile_patch":
      layProfile(walk, body, bodyStart, end, walk.message === "session_patch_ack");
      return;
    case "frame_submit":
      readSubmitBody(walk, body, bodyStart, end, metadata);
      return;
    case "result_push":
      readResultBody(walk, body, bodyStart, end, metadata);
      return;
    case "none":
      body.note = `${info.name} has no body; no reader looks at it`;
      walk.bytesAt(body, "bytes", bodyStart, end - bodyStart);
      return;
    default:
      walk.bytesAt(body, BODY_NAMES[info.bodyKind], bodyStart, end - bodyStart, {
        text: true,
        secret: info.bodyKind === "opaque", // of moving sessions: token or auth block, and the next token
      });
  }
}

const BODY_NAMES = { text: "text", object: "object", probe: "probe_payload", opaque: "opaque" } as const;

function readSubmitBody(
  walk: Walk,
  body: GrowingNode,
  start: number,
  end: number,
  fields: RecordValues,
): void {
  const facts: TileFacts = {
    mode: Number(fields.tileIndexMode),
    count: Number(fields.tileCount),
    base: Number(fields.tileBaseId),
    sectionCount: Number(fields.sectionCount),
  };
  const plain = fields.submitMode === SubmitMode.INLINE && fields.objectRefMask === 0 &&
    fields.payloadFrameCount === 0 && fields.payloadKindBitmap === PayloadKind.TENSOR;
  body.meaning = plain ? "plain" : "composed";
  if (!plain) return layComposed(walk, body, start, end, facts);
  const camera = Number(fields.cameraBytes);
  const cameraEnd = Math.min(start + camera, end);
  if (cameraEnd > start) {
    layCamera(walk, body, start, cameraEnd - start);
    if (cameraEnd < start + camera) body.note = `camera_bytes says ${camera}, the body is shorter`;
  }
  const tensor = Math.min(start + Math.ceil(camera / 8) * 8, end);
  if (tensor > cameraEnd) walk.bytesAt(body, "padding", cameraEnd, tensor - cameraEnd, { kind: "padding" });
  layTensorBody(walk, body, tensor, end, Number(fields.tileIndexBytes), facts, null);
}

function readResultBody(
  walk: Walk,
  body: GrowingNode,
  start: number,
  end: number,
  fields: RecordValues,
): void {
  const indexBytes = Number(fields.tileIndexBytes);
  const facts: TileFacts = {
    mode: indexBytes === 0 ? TileIndexMode.DENSE_RANGE : TileIndexMode.RAW_U16,
    count: Number(fields.tileCount),
    base: Number(fields.tileBaseId),
    sectionCount: Number(fields.sectionCount),
  };
  const bitmap = Number(fields.payloadKindBitmap);
  const tensor = (bitmap & PayloadKind.TENSOR) !== 0;
  if (fields.payloadFrameCount === 0 && (bitmap === 0 || (!tensor && end === start))) {
    body.meaning = "none";
    if (end > start) {
      walk.bytesAt(body, "bytes", start, end - start, { note: "metadata only: no reader looks at it" });
    }
    return;
  }
  if (
    fields.payloadFrameCount === 0 && bitmap === PayloadKind.TENSOR &&
    !looksComposed(walk, start, end, fields)
  ) {
    body.meaning = "plain";
    return layTensorBody(walk, body, start, end, indexBytes, facts, null);
  }
  body.meaning = "composed";
  if (fields.payloadFrameCount === 0 && bitmap === PayloadKind.TENSOR) {
    body.note = "looks plain by its metadata; sessions read it as composed (behaviour spec §8.3)";
  }
  layComposed(walk, body, start, end, facts);
}

/** Whether a result that looks plain by its metadata is read as a composed one (behaviour spec §8.3). */
function looksComposed(walk: Walk, start: number, end: number, fields: RecordValues): boolean {
  if (end > walk.bytes.length) return false;
  const body = walk.bytes.subarray(start, end);
  try {
    return decodeResultPushBodyLenient(fields as never, body).layout === "composed";
  } catch {
    try {
      decodeBodyRegions(body);
      return true; // then the codec's words are about a composed body
    } catch {
      return false;
    }
  }
}
