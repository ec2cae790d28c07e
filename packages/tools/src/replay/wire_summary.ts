/**
 * What a frame's packet is made of, in numbers and on one line (behaviour spec §15, "Summary").
 *
 * @module
 */
import {
  type BodyRegions,
  CacheObjectKind,
  decodeBodyRegions,
  decodeFrameSubmitMetadata,
  decodeResultPushMetadata,
  decodeTensorBody,
  encodePacket,
  enumName,
  flagNames,
  MessageType,
  type NnrpPacket,
  NnrpUnexpectedMessageError,
  NnrpWireError,
  ResultFlags,
} from "@nnrp/core";

/** Sizes and counts of a FRAME_SUBMIT or RESULT_PUSH. */
export interface WireSummary {
  /** What it is about: `"frame_submit"`, `"result_push"` or the caller's word. */
  readonly subject: string;
  /** MessageType. */
  readonly messageType: number;
  /** Length of the packet, bytes. */
  readonly wireBytes: number;
  /** Length of the metadata, bytes. */
  readonly metadataBytes: number;
  /** Length of the body, bytes. */
  readonly bodyBytes: number;
  /** Tiles that the metadata states. */
  readonly tileCount: number;
  /** Tensor sections that the metadata states. */
  readonly sectionCount: number;
  /** Length of the tile index, bytes. */
  readonly tileIndexBytes: number;
  /** Roles of the sections that the body carries. */
  readonly roleIds: readonly number[];
  /** Length of the camera block, bytes; 0 for results. */
  readonly cameraBytes: number;
  /** ResultFlags; 0 for submits. */
  readonly resultFlags: number;
}

/** Length of a block that starts on a multiple of 8. */
const aligned = (length: number) => Math.ceil(length / 8) * 8;

/**
 * Counts what a packet is made of. The body is read as a composed one first, then as a plain one.
 *
 * @param packet A FRAME_SUBMIT or RESULT_PUSH.
 * @param subject What it is about. Default: the name of the message in small letters.
 * @throws NnrpUnexpectedMessageError for other messages, NnrpWireError if metadata or body break a rule.
 */
export function summarizeWirePacket(packet: NnrpPacket, subject?: string): WireSummary {
  const { header, metadata, body } = packet;
  const isSubmit = header.msgType === MessageType.FRAME_SUBMIT;
  if (!isSubmit && header.msgType !== MessageType.RESULT_PUSH) {
    throw new NnrpUnexpectedMessageError(
      "FRAME_SUBMIT or RESULT_PUSH",
      enumName(MessageType, header.msgType),
    );
  }
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength);
  const fields = isSubmit
    ? { resultFlags: 0, ...decodeFrameSubmitMetadata(view, 0, metadata.length) }
    : { cameraBytes: 0, ...decodeResultPushMetadata(view, 0, metadata.length) };
  const { tileCount, sectionCount, tileIndexBytes, cameraBytes, resultFlags } = fields;
  const regions = composed(body);
  const roleIds = regions === null
    ? rolesOf(body.subarray(aligned(cameraBytes)), tileIndexBytes, sectionCount, tileCount)
    : inlineRoles(regions, sectionCount, tileCount);
  return {
    subject: subject || (isSubmit ? "frame_submit" : "result_push"),
    messageType: header.msgType,
    wireBytes: encodePacket(packet).length,
    metadataBytes: metadata.length,
    bodyBytes: body.length,
    tileCount,
    sectionCount,
    tileIndexBytes,
    roleIds,
    cameraBytes,
    resultFlags,
  };
}

/** A summary on one line of `key=value` pairs. */
export function renderWireSummary(summary: WireSummary): string {
  const isResult = summary.messageType === MessageType.RESULT_PUSH;
  return [
    `subject=${summary.subject}`,
    `msg=${enumName(MessageType, summary.messageType)}`,
    `wire=${summary.wireBytes}`,
    `meta=${summary.metadataBytes}`,
    `body=${summary.bodyBytes}`,
    `tiles=${summary.tileCount}`,
    `sections=${summary.sectionCount}`,
    `tile_index=${summary.tileIndexBytes}`,
    `camera=${summary.cameraBytes}`,
    `roles=${summary.roleIds.join(",") || "-"}`,
    ...isResult ? [`result_flags=${flagNames(ResultFlags, summary.resultFlags).join("|") || "NONE"}`] : [],
  ].join(" ");
}

function composed(body: Uint8Array): BodyRegions | null {
  try {
    return decodeBodyRegions(body);
  } catch (error) {
    if (error instanceof NnrpWireError) return null;
    throw error;
  }
}

/** Roles in the section table that a composed body carries; none if it only refers to one. */
function inlineRoles(regions: BodyRegions, sectionCount: number, tileCount: number): number[] {
  if (sectionCount === 0) return [];
  const table = regions.inlineObjects.find(({ objectKind }) =>
    objectKind === CacheObjectKind.TENSOR_SECTION_TABLE
  );
  return table === undefined ? [] : rolesOf(table.payload, 0, sectionCount, tileCount);
}

function rolesOf(
  bytes: Uint8Array,
  tileIndexBytes: number,
  sectionCount: number,
  tileCount: number,
): number[] {
  return decodeTensorBody(bytes, { tileIndexBytes, sectionCount, tileCount })
    .sections.map(({ roleId }) => roleId);
}
