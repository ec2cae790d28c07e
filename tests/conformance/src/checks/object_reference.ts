/**
 * Object references: the block, and where references may stand in submits and results (wire spec §8.2, §8.4, §8.5).
 *
 * @module
 */
import {
  buildFrameSubmitPacket,
  buildResultPushPacket,
  CacheObjectKind,
  decodeResultPushBody,
  decodeResultPushMetadata,
  encodePacket,
  type NnrpPacket,
  SubmitMode,
} from "@nnrp/core";
import { changed, type Check, equal, exactLength, refused, refusedBytes, survives } from "../check.ts";
import { goldenBytes, matchesGolden } from "../golden.ts";
import { viewOf } from "../hex.ts";
import { recordOf } from "../record_codecs.ts";
import { PAYLOADS, readSubmit, REFERENCES, referenceTo, TENSOR_SUBMIT } from "./submit_samples.ts";

const GOLDEN = "current.object_reference.tile_index_block";
const KIND = "object_reference_block";

/** The golden block. */
export const goldenReference: Check = () => matchesGolden(GOLDEN);

/** Every kind there is; references in submits and results. */
export const referenceRules: Check = () => {
  const golden = goldenBytes(GOLDEN);
  exactLength(KIND, golden);
  for (const kind of Object.values(CacheObjectKind)) survives(KIND, changed(golden, 0, kind), `kind ${kind}`);
  for (const kind of [0, 10, 255]) refusedBytes(KIND, changed(golden, 0, kind), `kind ${kind}`);
  refusedBytes(KIND, changed(golden, 1, 1), "kind 258");
  for (const at of [2, 3]) refusedBytes(KIND, changed(golden, at, 1), "flags");
  survives(KIND, changed(golden, 4, ...new Array<number>(12).fill(0xff)), "the greatest namespace and key");
  const { decode, encode } = recordOf(KIND);
  refused(() => encode({ ...decode(golden), refFlags: 1 }), "writing flags");
  refused(() => encode({ ...decode(golden), objectKind: 10 }), "writing kind 10");

  const submit = buildFrameSubmitPacket({
    ...TENSOR_SUBMIT,
    submitMode: SubmitMode.REFERENCE,
    ...REFERENCES,
  });
  survives("frame_submit_packet", encodePacket(submit), "a submit of references");
  equal(readSubmit(submit).body.references, Object.values(REFERENCES), "references of a submit");

  const references = [referenceTo(4, 1), referenceTo(4, 2), referenceTo(5, 0)];
  const result = buildResultPushPacket({
    sessionId: 1,
    frameId: 2,
    typedPayloads: PAYLOADS,
    references: [references[2], references[0], references[1]],
  });
  equal(resultReferences(result), references, "references of a result, ascending");
  const descending = { ...result, body: changed(result.body, 32 + 12, 3) };
  refused(() => resultReferences(descending), "references that do not ascend");
  refusedBytes("result_push_packet", encodePacket(result), "a reference that leads to no object");
};

function resultReferences({ metadata, body }: NnrpPacket): unknown {
  return decodeResultPushBody(decodeResultPushMetadata(viewOf(metadata), 0, metadata.length), body)
    .references;
}
