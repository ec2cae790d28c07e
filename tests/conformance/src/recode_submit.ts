/**
 * FRAME_SUBMIT through the logical model: what the server's submit reader makes of it is written again.
 *
 * @module
 */
import {
  buildFrameSubmitPacket,
  decodeFrameSubmitBody,
  decodeFrameSubmitMetadata,
  encodeFrameSubmitMetadata,
  encodePacket,
  FRAME_SUBMIT_METADATA_SIZE,
  type FrameSubmitBody,
  type FrameSubmitMetadata,
  makePacket,
  MessageType,
  type PacketHeader,
  toSubmitRequest,
} from "@nnrp/core";
import { viewOf } from "./hex.ts";
import { packetOfType } from "./packet_of_type.ts";
import { rebuildComposed, writableIndex } from "./rebuilt_body.ts";

/**
 * Reads a submit; the function that is returned builds it anew.
 *
 * @throws NnrpWireError if the reader refuses it.
 */
export function readFrameSubmit(bytes: Uint8Array): () => Uint8Array {
  const packet = packetOfType(bytes, MessageType.FRAME_SUBMIT);
  const metadata = decodeFrameSubmitMetadata(viewOf(packet.metadata), 0, packet.metadata.length);
  const body = decodeFrameSubmitBody(metadata, packet.body);
  return () => {
    const { header } = packet;
    const parts = body.regions === null ? plainParts(header, metadata, body) : composedParts(metadata, body);
    const rebuilt = makePacket({ ...header, ...parts });
    return encodePacket({ ...rebuilt, header: { ...rebuilt.header, versionMajor: header.versionMajor } });
  };
}

/** As a session would write it. */
function plainParts(header: PacketHeader, metadata: FrameSubmitMetadata, body: FrameSubmitBody) {
  const { tileIndexMode, tileBaseId } = metadata;
  const built = buildFrameSubmitPacket({
    ...toSubmitRequest(header, metadata, body),
    ...writableIndex({ tileIds: body.tileIds ?? [], tileIndexMode, tileBaseId }),
    sessionId: header.sessionId,
  });
  const fields = decodeFrameSubmitMetadata(viewOf(built.metadata), 0, built.metadata.length);
  return { metadata: metadataBytes({ ...fields, tileIndexMode, tileBaseId }), body: built.body };
}

/** Whatever a composed body may hold, more than sessions write: other objects, extension frames. */
function composedParts(metadata: FrameSubmitMetadata, { regions, tileIds, sections }: FrameSubmitBody) {
  const { tileIndexMode, tileBaseId } = metadata;
  const { body, tileIndexBytes } = rebuildComposed(regions!, {
    tileIds,
    sections,
    tileIndexMode,
    tileBaseId,
  });
  const stated = { ...metadata, tileIndexBytes: tileIndexBytes ?? metadata.tileIndexBytes };
  return { metadata: metadataBytes(stated), body };
}

function metadataBytes(fields: FrameSubmitMetadata): Uint8Array {
  const bytes = new Uint8Array(FRAME_SUBMIT_METADATA_SIZE);
  encodeFrameSubmitMetadata(fields, viewOf(bytes), 0);
  return bytes;
}
