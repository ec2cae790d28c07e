/**
 * The prelude of composed bodies and the six regions it measures (wire spec §8.2).
 *
 * @module
 */
import {
  BODY_PRELUDE_SIZE,
  BodyRegions,
  type BodyRegionsData,
  CacheObjectKind,
  encodeBodyRegions,
  PacketBuffer,
} from "@nnrp/core";
import { changed, type Check, equal, exactLength, must, refused, refusedBytes, survives } from "../check.ts";
import { goldenBytes, matchesGolden } from "../golden.ts";
import { viewOf } from "../hex.ts";
import { recordOf } from "../record_codecs.ts";
import { PAYLOADS, referenceTo } from "./submit_samples.ts";

const GOLDEN = "current.body_region.prelude";
const KIND = "body_region_prelude";

/** The golden prelude. */
export const goldenPrelude: Check = () => matchesGolden(GOLDEN);

const DATA: BodyRegionsData = {
  inlineObjects: [
    { objectKind: CacheObjectKind.TENSOR_SECTION_TABLE, payload: Uint8Array.of(1, 2, 3), profileId: 9 },
    { objectKind: CacheObjectKind.STRUCTURED_EVENT_SCHEMA, payload: new Uint8Array(0) },
  ],
  objectReferences: [referenceTo(CacheObjectKind.PROMPT_SEGMENT), referenceTo(CacheObjectKind.TOOL_SCHEMA)],
  typedPayloads: PAYLOADS,
  extensionFrames: [{ extensionKind: 0xbeef, extensionFlags: 1, profileId: 3, payload: Uint8Array.of(7) }],
};

/** A body with all six regions is cut where it was joined; lengths that do not add up are refused. */
export const preludeRules: Check = () => {
  const golden = goldenBytes(GOLDEN);
  exactLength(KIND, golden);
  survives(KIND, new Uint8Array(32), "six empty regions");
  survives(KIND, changed(golden, 0, 0xff, 0xff, 0xff, 0xff), "a region of 4 GiB");
  const { decode, encode } = recordOf(KIND);
  for (const at of [8, 16]) {
    refusedBytes(KIND, changed(golden, at, 17), `descriptors of 17 bytes at ${at}`);
    survives(KIND, changed(golden, at, 0xf0, 0xff, 0xff, 0xff), `descriptors of 4 GiB at ${at}`);
  }
  for (let at = 24; at < 32; at++) refusedBytes(KIND, changed(golden, at, 1), `reserved byte ${at}`);
  refused(() => encode({ ...decode(golden), bodyFlags: 1 }), "writing body flags");
  refused(() => encode({ ...decode(golden), typedPayloadDescriptorBytes: 8 }), "writing half a descriptor");

  const out = new PacketBuffer();
  encodeBodyRegions(out, DATA);
  const body = out.toBytes();
  const regions = new BodyRegions(body);
  equal(
    Object.values(decode(body.subarray(0, BODY_PRELUDE_SIZE))),
    [24 + 16, 32, 96, 14, 16, 1, 0, 0],
    "lengths of the regions",
  );
  const again = new PacketBuffer();
  encodeBodyRegions(again, regions);
  equal(again.toBytes(), body, "regions, cut and joined again");
  equal(regions.typedPayloads, DATA.typedPayloads, "typed payloads");
  equal(regions.objectReferences, DATA.objectReferences, "references");
  must(regions.inlineObjects[0].profileId === 9, "profile of an inline object");

  for (let field = 0; field < 6; field++) {
    for (const by of [-16, 16]) {
      const wrong = body.slice();
      const view = viewOf(wrong);
      view.setUint32(4 * field, Math.max(0, view.getUint32(4 * field, true) + by), true);
      refused(() => new BodyRegions(wrong), `region ${field} ${by} bytes`);
    }
  }
  refused(() => new BodyRegions(body.subarray(0, -1)), "a body that is cut");
  refused(() => new BodyRegions(Uint8Array.of(...body, 0)), "a body with a byte after it");
  refused(() => new BodyRegions(changed(body, 32, 10)), "an inline object of an unknown kind");
  refused(() => new BodyRegions(changed(body, 34, 1)), "an inline object with flags");
  refused(() => new BodyRegions(changed(body, 32 + 16 + 3, 1)), "padding that is not 0");
};
