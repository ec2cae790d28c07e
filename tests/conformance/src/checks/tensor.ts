/**
 * Tensor payloads: sections and the four forms of the tile index, in submits and results (wire spec §8.1, §9, §10).
 *
 * @module
 */
import {
  buildFrameSubmitPacket,
  buildResultPushPacket,
  encodePacket,
  type FrameSubmitOptions,
  TensorDType,
  TensorLayout,
  type TensorSectionData,
  TileIndexMode,
} from "@nnrp/core";
import { changed, type Check, equal, exactLength, hex, refused, refusedBytes, survives } from "../check.ts";
import { matchesGolden } from "../golden.ts";
import { readSubmit, SECTIONS, sectionShapes, TENSOR_SUBMIT, TILE_IDS } from "./submit_samples.ts";

const SUBMIT = "frame_submit_packet";
const BODY = 40 + 72;
/** The camera of the samples has 8 bytes, three raw ids 6, then zeroes up to the next multiple of 8. */
const FIRST_SECTION = BODY + 16;

/** One section of two tiles, written down byte by byte: raw index, descriptor, length table, payloads. */
const FIXED_BODY = hex(
  "0100 ff00 00000000" +
    "0500 00 05 00 00 0000 02000000 00000000 08000000 03000000 00000000 00000000" +
    "02000000 01000000 aabbcc",
);

/** The golden metadata, and the fixed bytes of a body. */
export const fixedTensor: Check = () => {
  matchesGolden("current.metadata.frame_submit");
  const section = {
    roleId: 5,
    dtypeId: TensorDType.UINT8,
    elementCountPerTile: 2,
    tilePayloads: [hex("aabb"), hex("cc")],
  };
  const options = { sessionId: 1, frameId: 2, tileIds: [1, 255], sections: [section] };
  for (const packet of [buildFrameSubmitPacket(options), buildResultPushPacket(options)]) {
    equal(packet.body, FIXED_BODY, "tensor body");
  }
  const { body } = readSubmit(buildFrameSubmitPacket(options));
  equal([body.tileIds, sectionShapes(body.sections)], [[1, 255], sectionShapes([section])], "what was read");
};

/** Every dtype, layout, stride and index survives; tables that contradict each other do not. */
export const tensorRules: Check = () => {
  survivesBothWays(TENSOR_SUBMIT, "all kinds of sections");
  survivesBothWays({ ...TENSOR_SUBMIT, tileIds: [], sections: [], cameraBlock: undefined }, "no tiles");
  for (const dtypeId of Object.values(TensorDType)) {
    for (const layoutId of Object.values(TensorLayout)) {
      const sections = SECTIONS.map((section) => ({ ...section, dtypeId, layoutId }));
      survivesBothWays({ ...TENSOR_SUBMIT, sections }, `dtype ${dtypeId}, layout ${layoutId}`);
    }
  }
  const indices: readonly (readonly [number, readonly number[], number])[] = [
    [TileIndexMode.DENSE_RANGE, [65533, 65534, 65535], 65533],
    [TileIndexMode.RAW_U16, [9, 9, 0], 0],
    [TileIndexMode.DELTA_U16, [0, 1, 65535], 0],
    [TileIndexMode.BITSET, [7, 8, 65535], 0],
  ];
  for (const [tileIndexMode, tileIds, tileBaseId] of indices) {
    survivesBothWays({ ...TENSOR_SUBMIT, tileIndexMode, tileIds, tileBaseId }, `index mode ${tileIndexMode}`);
  }
  refusedWriting();
  refusedReading();
};

function survivesBothWays(options: FrameSubmitOptions, what: string): void {
  const submit = buildFrameSubmitPacket(options);
  survives(SUBMIT, encodePacket(submit), what);
  const { body } = readSubmit(submit);
  equal(body.tileIds, options.tileIds, `tile ids with ${what}`);
  equal(sectionShapes(body.sections), sectionShapes(options.sections!), `sections with ${what}`);
  const { sessionId, frameId, tileIds, sections, tileIndexMode, tileBaseId } = options;
  if (tileIndexMode! > TileIndexMode.RAW_U16) return; // results cannot tell these modes
  const result = { sessionId, frameId, tileIds, sections, tileIndexMode, tileBaseId };
  survives("result_push_packet", encodePacket(buildResultPushPacket(result)), `result with ${what}`);
}

function refusedWriting(): void {
  const build = (change: Partial<FrameSubmitOptions>, what: string) =>
    refused(() => encodePacket(buildFrameSubmitPacket({ ...TENSOR_SUBMIT, ...change })), what);
  const section = (change: Partial<TensorSectionData>, what: string) =>
    build({ sections: [{ ...SECTIONS[0], ...change }] }, what);
  build({ sections: [SECTIONS[1], SECTIONS[0]] }, "roles that descend");
  build({ sections: [SECTIONS[0], SECTIONS[0]] }, "a role twice");
  build({ tileIds: TILE_IDS.slice(1) }, "a payload more than tiles");
  build({ tileIds: [3, 9, 65536] }, "a tile id beyond 65535");
  build({ tileIndexMode: TileIndexMode.DELTA_U16, tileIds: [3, 3, 4] }, "a delta of 0");
  build({ tileIndexMode: TileIndexMode.DENSE_RANGE }, "a range with gaps");
  build({ tileIndexMode: 4 }, "index mode 4");
  section({ dtypeId: 8 }, "dtype 8");
  section({ layoutId: 2 }, "layout 2");
  section({ scalePolicy: 3 }, "scale policy 3");
  section({ payloadStrideBytes: 2 }, "a tile longer than the stride");
  section({ codecIds: [1] }, "fewer codecs than tiles");
}

function refusedReading(): void {
  const submit = encodePacket(buildFrameSubmitPacket(TENSOR_SUBMIT));
  exactLength(SUBMIT, submit);
  const at = FIRST_SECTION;
  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ["padding that is not 0", changed(submit, at - 1, 1)],
    ["role 5 twice", changed(submit, at, 5)],
    ["dtype 8", changed(submit, at + 3, 8)],
    ["layout 2", changed(submit, at + 4, 2)],
    ["scale policy 3", changed(submit, at + 5, 3)],
    ["a codec table that is not there", changed(submit, at + 6, 1)],
    ["a stride that is not there", changed(submit, at + 6, 2)],
    ["a length table of two tiles", changed(submit, at + 16, 8)],
    ["a length table beyond the body", changed(submit, at + 18, 1)],
    ["a payload of another length", changed(submit, at + 20, 5)],
    ["a tile of another length", changed(submit, at + 32, 2)],
    ["a section beyond the body", submit.subarray(0, at + 16)],
  ];
  for (const [what, bytes] of wrong) refusedBytes(SUBMIT, bytes, what);
  const strided = at + 32 + 12 + 4 + 32 + 12; // behind the first section, its padding, the second one's tables
  refusedBytes(SUBMIT, changed(submit, strided + 5, 1), "bytes between a tile and its stride");
}
