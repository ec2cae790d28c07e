/**
 * RESULT_PUSH through the logical model: what the client's result reader makes of it is written again.
 *
 * @module
 */
import {
  buildResultPushPacket,
  decodeResultPushBody,
  decodeResultPushMetadata,
  encodePacket,
  encodeResultPushMetadata,
  makePacket,
  MessageType,
  NnrpWireError,
  type PacketHeader,
  RESULT_PUSH_METADATA_SIZE,
  type ResultPushBody,
  type ResultPushMetadata,
  TileIndexMode,
} from "@nnrp/core";
import { viewOf } from "./hex.ts";
import { packetOfType } from "./packet_of_type.ts";
import { rebuildComposed, writableIndex } from "./rebuilt_body.ts";

/**
 * Reads a result; the function that is returned builds it anew. There is no cache here, so a reference in a result leads nowhere: it is refused.
 *
 * @throws NnrpWireError if the reader refuses it.
 */
export function readResultPush(bytes: Uint8Array): () => Uint8Array {
  const packet = packetOfType(bytes, MessageType.RESULT_PUSH);
  const metadata = decodeResultPushMetadata(viewOf(packet.metadata), 0, packet.metadata.length);
  const body = decodeResultPushBody(metadata, packet.body);
  if (body.references.length > 0) {
    throw new NnrpWireError("leads to no object", {
      field: "object_references",
      expected: "none",
      actual: body.references.length,
    });
  }
  return () => {
    const { header } = packet;
    const parts = body.regions === null ? plainParts(header, metadata, body) : composedParts(metadata, body);
    const rebuilt = makePacket({ ...header, ...parts });
    return encodePacket({ ...rebuilt, header: { ...rebuilt.header, versionMajor: header.versionMajor } });
  };
}

/** As a session would write it. */
function plainParts(header: PacketHeader, metadata: ResultPushMetadata, body: ResultPushBody) {
  // Counts and lengths are not handed on: they are made anew.
  const { sectionCount: _sections, tileCount: _tiles, tileIndexBytes: _index, ...fields } = metadata;
  const index = writableIndex({ tileIds: body.tileIds ?? [], ...indexForm(metadata) });
  const built = buildResultPushPacket({
    ...fields,
    ...index,
    sessionId: header.sessionId,
    frameId: header.frameId,
    sections: body.sections ?? [],
  });
  const written = decodeResultPushMetadata(viewOf(built.metadata), 0, built.metadata.length);
  return {
    metadata: metadataBytes({ ...written, tileBaseId: metadata.tileBaseId }),
    body: built.body,
  };
}

/** Whatever a composed body may hold, more than sessions write: other objects, extension frames. */
function composedParts(metadata: ResultPushMetadata, { regions, tileIds, sections }: ResultPushBody) {
  const { body } = rebuildComposed(regions!, { tileIds, sections, ...indexForm(metadata) });
  return { metadata: metadataBytes(metadata), body };
}

/** No field tells the form of the index: it follows from its length (wire spec §7). */
function indexForm({ tileIndexBytes, tileBaseId }: ResultPushMetadata) {
  const tileIndexMode = tileIndexBytes === 0 ? TileIndexMode.DENSE_RANGE : TileIndexMode.RAW_U16;
  return { tileIndexMode, tileBaseId };
}

function metadataBytes(fields: ResultPushMetadata): Uint8Array {
  const bytes = new Uint8Array(RESULT_PUSH_METADATA_SIZE);
  encodeResultPushMetadata(fields, viewOf(bytes), 0);
  return bytes;
}
