/**
 * Generators of submits, results and the packets made of them, for property tests (wire spec §8–§10).
 *
 * @module
 */
import fc from "fast-check";
import type { ObjectReference } from "../src/body/object_references.ts";
import type { ResultFields, ResultTarget } from "../src/body/result_fields.ts";
import type { TensorSectionData } from "../src/body/section_writer.ts";
import type { SubmitRequest } from "../src/body/submit_request.ts";
import type { TypedPayload } from "../src/body/typed_payloads.ts";
import { CacheObjectKind, TileIndexMode } from "../src/wire/enums.ts";

const u8: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xff });
const u16: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffff });
const u32: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffffffff });
const u64: fc.Arbitrary<bigint> = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 24 });

/** Tile ids with a mode that can write them. */
interface Tiles {
  readonly tileIds: number[];
  readonly tileIndexMode: number;
  readonly tileBaseId: number;
}

function tiles(modes: readonly number[]): fc.Arbitrary<Tiles> {
  return fc.constantFrom(...modes).chain((tileIndexMode): fc.Arbitrary<Tiles> => {
    if (tileIndexMode === TileIndexMode.DENSE_RANGE) {
      return fc.tuple(fc.integer({ min: 0, max: 65000 }), fc.integer({ min: 0, max: 5 })).map((
        [base, count],
      ) => ({
        tileIds: Array.from({ length: count }, (_, i) => base + i),
        tileIndexMode,
        tileBaseId: base,
      }));
    }
    const ids = tileIndexMode === TileIndexMode.RAW_U16
      ? fc.array(u16, { maxLength: 5 })
      : fc.uniqueArray(u16, { maxLength: 5 }).map((list) => list.sort((a, b) => a - b));
    return fc.record({ tileIds: ids, tileIndexMode: fc.constant(tileIndexMode), tileBaseId: u32 });
  });
}

function section(roleId: number, tileCount: number): fc.Arbitrary<TensorSectionData> {
  const one = { minLength: tileCount, maxLength: tileCount };
  return fc.record({
    roleId: fc.constant(roleId),
    dtypeId: fc.integer({ min: 0, max: 7 }),
    tilePayloads: fc.array(bytes, one),
    defaultCodecId: u8,
    codecIds: fc.oneof(fc.constant([]), fc.array(u8, one)),
    layoutId: fc.constantFrom(0, 1),
    scalePolicy: fc.integer({ min: 0, max: 2 }),
    payloadStrideBytes: fc.constantFrom(0, 24, 31),
    elementCountPerTile: u32,
  });
}

function sections(tileCount: number): fc.Arbitrary<TensorSectionData[]> {
  return fc.uniqueArray(u16, { maxLength: 3 }).chain((roles) =>
    fc.tuple(...roles.sort((a, b) => a - b).map((role) => section(role, tileCount)))
  );
}

const typedPayloads: fc.Arbitrary<TypedPayload[]> = fc.array(
  fc.record({
    payloadKind: fc.constantFrom(2, 4, 8, 16, 32, 64),
    payload: bytes,
    profileId: u16,
    descriptorFlags: fc.constant(0),
  }),
  { minLength: 1, maxLength: 4 },
);

function reference(objectKind: number): fc.Arbitrary<ObjectReference> {
  return fc.record({
    objectKind: fc.constant(objectKind),
    refFlags: fc.constant(0),
    cacheNamespace: u32,
    cacheKeyHi: u32,
    cacheKeyLo: u32,
  });
}

const submitNumbers: fc.Arbitrary<SubmitRequest> = fc.record({
  frameId: u32,
  viewId: u16,
  routeId: u16,
  traceId: u64,
  flags: u32,
  frameClass: u8,
  latencyBudgetMs: u16,
  targetFpsX100: u16,
  retryOfFrame: u32,
  budgetPolicy: fc.integer({ min: 0, max: 15 }),
  dependencyFrameId: u32,
  lossTolerancePolicy: fc.constantFrom(0, 1, 2, 3, 0xff),
});

const tensorContent: fc.Arbitrary<Partial<SubmitRequest>> = tiles([0, 1, 2, 3]).chain((index) =>
  fc.record({
    srcWidth: u16,
    srcHeight: u16,
    tileWidth: u16,
    tileHeight: u16,
    cameraBlock: bytes,
    inputProfile: fc.integer({ min: 0, max: 2 }),
    sections: sections(index.tileIds.length),
  }).map((rest) => ({ ...index, ...rest }))
);

/** Submits whose tensors, if any, are all in the packet and which have no typed payloads. */
export const plainSubmits: fc.Arbitrary<SubmitRequest> = fc.tuple(submitNumbers, tensorContent)
  .map(([numbers, content]) => ({ ...numbers, ...content }));

/** Submits with typed payloads alone. */
export const typedSubmits: fc.Arbitrary<SubmitRequest> = fc.tuple(submitNumbers, typedPayloads)
  .map(([numbers, payloads]) => ({ ...numbers, typedPayloads: payloads }));

/** Submits with tensors and typed payloads. */
export const mixedSubmits: fc.Arbitrary<SubmitRequest> = fc.tuple(plainSubmits, typedPayloads)
  .map(([plain, payloads]) => ({ ...plain, typedPayloads: payloads }));

/** Submits that refer to cached objects, with some or no tensors of their own. */
export const referencedSubmits: fc.Arbitrary<SubmitRequest> = fc.tuple(
  plainSubmits,
  fc.integer({ min: 1, max: 7 }),
  fc.tuple(reference(1), reference(2), reference(3)),
  fc.boolean(),
  fc.constantFrom(1, 3, 0x7f),
).map(([plain, mask, [camera, index, table], all, payloadKindBitmap]) => ({
  ...plain,
  ...(all && mask !== 7 ? NOTHING_INLINE : {}),
  submitMode: all ? 1 : 2,
  objectRefMask: mask,
  payloadKindBitmap,
  cameraReference: mask & 1 ? camera : null,
  tileIndexReference: mask & 2 ? index : null,
  tensorSectionTableReference: mask & 4 ? table : null,
}));

const NOTHING_INLINE = { tileIds: [], sections: [], cameraBlock: new Uint8Array(0) };

/** Submits of every kind. */
export const submits: fc.Arbitrary<SubmitRequest> = fc.oneof(
  plainSubmits,
  typedSubmits,
  mixedSubmits,
  referencedSubmits,
);

/** Numbers of a result's header. */
export const resultTargets: fc.Arbitrary<ResultTarget> = fc.record({
  frameId: u32,
  viewId: u16,
  routeId: u16,
  traceId: u64,
});

const resultNumbers: fc.Arbitrary<ResultFields> = fc.record({
  flags: u32,
  resultFlags: fc.constantFrom(0, 1, 2, 3),
  activeProfileId: u16,
  inferenceMs: u16,
  queueMs: u16,
  serverTotalMs: u16,
  statusCode: u16,
  resultClass: fc.constantFrom(0, 2, 3),
  appliedBudgetPolicy: fc.integer({ min: 0, max: 15 }),
  reusedFrameId: u32,
});

const resultTensors: fc.Arbitrary<ResultFields> = tiles([0, 1]).chain((index) => {
  const count = index.tileIds.length;
  return fc.tuple(sections(count), fc.integer({ min: 0, max: count })).map(([list, dropped]) => ({
    ...index,
    sections: list,
    coveredTileCount: count - dropped,
    droppedTileCount: dropped,
  }));
});

const otherReferences: fc.Arbitrary<ObjectReference[]> = fc.uniqueArray(
  fc.constantFrom(CacheObjectKind.CAMERA_BLOCK, CacheObjectKind.CODEC_TABLE, CacheObjectKind.TOOL_SCHEMA)
    .chain((kind) => reference(kind)),
  { maxLength: 3, selector: (r) => `${r.objectKind}/${r.cacheNamespace}/${r.cacheKeyHi}/${r.cacheKeyLo}` },
);

/** Results of metadata alone. */
export const bareResults: fc.Arbitrary<ResultFields> = fc.tuple(resultNumbers, fc.constantFrom(0, 2, 0x7e))
  .map(([numbers, payloadKindBitmap]) => ({ ...numbers, payloadKindBitmap }));

/** Results with tensors alone. */
export const plainResults: fc.Arbitrary<ResultFields> = fc.tuple(resultNumbers, resultTensors)
  .map(([numbers, tensors]) => ({ ...numbers, ...tensors }));

/** Results with typed payloads alone. */
export const typedResults: fc.Arbitrary<ResultFields> = fc.tuple(resultNumbers, typedPayloads)
  .map(([numbers, payloads]) => ({ ...numbers, typedPayloads: payloads }));

/** Results with tensors, typed payloads and perhaps references. */
export const composedResults: fc.Arbitrary<ResultFields> = fc.tuple(
  plainResults,
  typedPayloads,
  otherReferences,
  fc.option(reference(2), { nil: null }),
  fc.option(reference(3), { nil: null }),
).map(([plain, payloads, references, tileIndexReference, tensorSectionTableReference]) => ({
  ...plain,
  typedPayloads: payloads,
  references,
  tileIndexReference,
  tensorSectionTableReference,
}));

/** Results of every kind. */
export const results: fc.Arbitrary<ResultFields> = fc.oneof(
  bareResults,
  plainResults,
  typedResults,
  composedResults,
);

/** What is done to a packet to break it: bytes set, a tail cut off or zeroes added. */
export interface Damage {
  /** Places (as a fraction of the length) and the bytes to set there. */
  readonly bytes: readonly (readonly [number, number])[];
  /** Bytes to cut off (negative) or to add. */
  readonly growth: number;
}

/** Damages, from none to some. */
export const damages: fc.Arbitrary<Damage> = fc.record({
  bytes: fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), u8), {
    maxLength: 3,
  }),
  growth: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -40, max: 20 })),
});

/** A damaged copy. */
export function damage(whole: Uint8Array, { bytes: changes, growth }: Damage): Uint8Array {
  const copy = new Uint8Array(Math.max(0, whole.length + growth));
  copy.set(whole.subarray(0, copy.length));
  for (const [place, value] of changes) {
    if (copy.length > 0) copy[Math.floor(place * copy.length)] = value;
  }
  return copy;
}
