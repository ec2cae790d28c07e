/**
 * A RESULT_PUSH that refers to the client's cache and promises nothing but tensors. No session sends one, for no peer reads
 * it (behaviour spec §8.3); the reference's export writes it, and so does ours. Coverage is not judged, as there.
 *
 * @module
 */
import {
  CacheObjectKind,
  compareObjectReferences,
  decodePacket,
  encodeBodyRegions,
  encodePacket,
  encodeTensorBody,
  encodeTileIndex,
  type InlineObjectData,
  makePacket,
  MessageType,
  type NnrpPacket,
  type ObjectReference,
  PacketBuffer,
  PayloadKind,
  RESULT_PUSH_RECORD,
  type ResultPushOptions,
  type TensorSectionData,
  TileIndexMode,
} from "@nnrp/core";

/** Fields of a result that are all there. */
export interface ReferencedResultFields extends ResultPushOptions {
  /** Ids of the tiles. */
  readonly tileIds: readonly number[];
  /** Sections, one payload per tile each. */
  readonly sections: readonly TensorSectionData[];
}

/**
 * Writes the packet.
 *
 * @param fields What is counted, and carried where no reference stands for it.
 * @param tileIndex Stands for the tile index.
 * @param sectionTable Stands for the sections.
 * @throws NnrpValueError naming the field at fault.
 */
export function buildReferencedResult(
  fields: ReferencedResultFields,
  tileIndex: ObjectReference | undefined,
  sectionTable: ObjectReference | undefined,
): NnrpPacket {
  const { tileIds, sections } = fields;
  const index = encodeTileIndex(TileIndexMode.RAW_U16, tileIds);
  const carriesIndex = tileIndex === undefined && index.length > 0;
  const inlineObjects: InlineObjectData[] = [];
  if (carriesIndex) inlineObjects.push({ objectKind: CacheObjectKind.TILE_INDEX_BLOCK, payload: index });
  if (sectionTable === undefined && sections.length > 0) {
    inlineObjects.push({
      objectKind: CacheObjectKind.TENSOR_SECTION_TABLE,
      payload: encodeSectionTable(sections, tileIds.length),
    });
  }
  const objectReferences = [tileIndex, sectionTable]
    .filter((reference) => reference !== undefined)
    .sort(compareObjectReferences);
  const body = new PacketBuffer();
  encodeBodyRegions(body, { inlineObjects, objectReferences });
  const metadata = new Uint8Array(RESULT_PUSH_RECORD.size);
  RESULT_PUSH_RECORD.encode(
    {
      statusCode: 0,
      resultFlags: fields.resultFlags ?? 0,
      sectionCount: sections.length,
      tileCount: tileIds.length,
      activeProfileId: fields.activeProfileId ?? 0,
      inferenceMs: fields.inferenceMs ?? 0,
      queueMs: fields.queueMs ?? 0,
      serverTotalMs: fields.serverTotalMs ?? 0,
      tileBaseId: 0,
      tileIndexBytes: carriesIndex ? index.length : 0,
      resultClass: fields.resultClass ?? 0,
      appliedBudgetPolicy: fields.appliedBudgetPolicy ?? 0,
      reusedFrameId: fields.reusedFrameId ?? 0,
      coveredTileCount: fields.coveredTileCount ?? tileIds.length,
      droppedTileCount: fields.droppedTileCount ?? 0,
      payloadKindBitmap: PayloadKind.TENSOR,
      payloadFrameCount: 0,
    },
    new DataView(metadata.buffer),
    0,
  );
  const { sessionId, frameId, viewId, routeId, traceId, flags } = fields;
  const ids = { sessionId, frameId, viewId, routeId, traceId, flags };
  const packet = makePacket({ msgType: MessageType.RESULT_PUSH, ...ids, metadata, body: body.toBytes() });
  return decodePacket(encodePacket(packet)); // writing it checks the ids
}

/** The sections without a tile index: a dense range takes no bytes. */
function encodeSectionTable(sections: readonly TensorSectionData[], tileCount: number): Uint8Array {
  const out = new PacketBuffer();
  const tileIds = Array.from({ length: tileCount }, (_, i) => i);
  encodeTensorBody(out, { tileIds, sections, tileIndexMode: TileIndexMode.DENSE_RANGE });
  return out.toBytes();
}
