/**
 * The header as a table, for tools and docs, and for the test that holds the straight-line code of `header.ts` against it
 * (wire spec §2).
 *
 * @module
 */
import { MessageType, WireFormat } from "../enums.ts";
import { HeaderFlags } from "../flags.ts";
import { HEADER_SIZE, type PacketHeader } from "../header.ts";
import { closedEnum, type FieldRule, openFlags, u16, u32, u64, u8 } from "./fields.ts";
import { defineRecord, type WireRecord } from "./record.ts";

/** A header says how long it is, and there is one length. */
const OWN_LENGTH: FieldRule = closedEnum({ HEADER_SIZE });

/** The header as a table. */
export const HEADER_RECORD: WireRecord<PacketHeader> = defineRecord<PacketHeader>({
  name: "header",
  size: HEADER_SIZE,
  stage: "framing",
  magic: "NNRP",
  fields: {
    versionMajor: u8(4),
    wireFormat: u8(5, closedEnum(WireFormat)),
    msgType: u8(6, closedEnum(MessageType)),
    headerLen: u8(7, OWN_LENGTH, "bytes"),
    flags: u32(8, openFlags(HeaderFlags)),
    metaLen: u32(12, undefined, "bytes"),
    bodyLen: u32(16, undefined, "bytes"),
    sessionId: u32(20),
    frameId: u32(24),
    viewId: u16(28),
    routeId: u16(30),
    traceId: u64(32),
  },
});
