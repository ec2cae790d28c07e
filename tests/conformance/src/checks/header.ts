/**
 * The 40-byte header: all fields frozen, unknown flags and versions kept, all else refused (wire spec §2, §3).
 *
 * @module
 */
import { HEADER_SIZE, MessageType } from "@nnrp/core";
import { changed, type Check, exactLength, must, refused, refusedBytes, survives } from "../check.ts";
import { goldenBytes, matchesGolden } from "../golden.ts";
import { type Fields, recordOf } from "../record_codecs.ts";

const GOLDEN = "current.header.frame_submit_ack_required_keyframe";
const VERSION = 4;
const WIRE_FORMAT = 5;
const MSG_TYPE = 6;
const HEADER_LEN = 7;

/** The golden header. */
export const fixedHeader: Check = () => matchesGolden(GOLDEN);

/** Every message type, every flag; no other type, format or length. */
export const headerRules: Check = () => {
  const header = goldenBytes(GOLDEN);
  const known = new Set<number>(Object.values(MessageType));
  must(known.size === 21, "there are 21 messages");
  for (let type = 0; type < 256; type++) {
    const bytes = changed(header, MSG_TYPE, type);
    if (known.has(type)) survives("header", bytes, `message type ${type}`);
    else refusedBytes("header", bytes, `message type ${type}`);
  }
  for (const version of [0, 1, 9, 255]) {
    survives("header", changed(header, VERSION, version), `version ${version}`);
  }
  survives("header", changed(header, 8, ...new Array<number>(32).fill(0xff)), "all fields at their greatest");
  for (const format of [1, 255]) {
    refusedBytes("header", changed(header, WIRE_FORMAT, format), `wire format ${format}`);
  }
  for (const length of [0, 39, 41]) {
    refusedBytes("header", changed(header, HEADER_LEN, length), `header length ${length}`);
  }
  for (let at = 0; at < 4; at++) refusedBytes("header", changed(header, at, 0), "another magic");
  exactLength("header", header);
  const { decode, encode } = recordOf("header");
  const fields = decode(header);
  must(fields.headerLen === HEADER_SIZE, "a header says its length");
  const wrong: readonly Fields[] = [{ headerLen: 41 }, { wireFormat: 1 }, { msgType: 0 }, { sessionId: -1 }, {
    traceId: 1n << 64n,
  }];
  for (const change of wrong) {
    refused(() => encode({ ...fields, ...change }), `writing ${Object.keys(change)[0]} out of range`);
  }
};
