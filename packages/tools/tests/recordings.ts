/**
 * Random recordings for the comparison with the reference: mostly good ones, some broken in one place.
 *
 * @module
 */
import fc from "fast-check";
import type {
  EnhanceResultOptions,
  FrameFeaturesOptions,
  RecordedEnhanceResult,
  RecordedFrameFeatures,
} from "../mod.ts";

/** A few bytes, sometimes none. */
const payload = fc.uint8Array({ maxLength: 9 });
const compression = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom("none", "lz4", "LZ4", " none ", "", null) },
  { weight: 1, arbitrary: fc.constant("zstd") },
);
const u32 = fc.oneof(fc.nat(9), fc.nat(0xffff_ffff));
const u16 = fc.oneof(fc.nat(9), fc.nat(0xffff));
/** Fits in most cases. */
const almost = (good: fc.Arbitrary<number>) =>
  fc.oneof({ weight: 60, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom(-1, 2 ** 16, 2 ** 32) });
const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: "grapheme", maxLength: 4 }),
  fc.nat(),
  fc.constantFrom("", "session-1", 0, 7n, 2n ** 64n),
);
const trace = fc.option(text, { nil: null });
const float = fc.oneof(
  { weight: 20, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Infinity, -Infinity, NaN, 3.4e38, 1e-46) },
  { weight: 1, arbitrary: fc.constantFrom(1e39, -3.5e38) },
);
const camera = fc.option(
  fc.record({
    view: fc.array(float, { maxLength: 3 }),
    proj: fc.array(float, { maxLength: 3 }),
    prevViewProj: fc.array(float, { maxLength: 2 }),
    jitterX: float,
    jitterY: float,
  }, { requiredKeys: [] }),
  { nil: null },
);

/** A key, or at times a whole reference of a kind that may be the wrong one. */
const reference = (kind: number) =>
  fc.oneof(
    { weight: 5, arbitrary: fc.constant(null) },
    {
      weight: 3,
      arbitrary: fc.record({ cacheNamespace: u32, cacheKeyHi: u32, cacheKeyLo: almost(u32) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        objectKind: fc.oneof({ weight: 4, arbitrary: fc.constant(kind) }, {
          weight: 1,
          arbitrary: fc.constant(4),
        }),
        cacheNamespace: u32,
        cacheKeyHi: u32,
        cacheKeyLo: u32,
      }),
    },
  );

/** Positions without repetition, as tiles lie in a frame. */
const positions = fc.uniqueArray(fc.tuple(fc.nat(5), fc.nat(4)), {
  maxLength: 6,
  selector: ([x, y]) => `${x}/${y}`,
});

/** Tiles at positions, with `coord` or with two numbers. */
function tiles<T>(content: fc.Arbitrary<T>): fc.Arbitrary<(T & object)[]> {
  return positions.chain((at) =>
    fc.tuple(
      ...at.map(([x, y]) =>
        fc.tuple(fc.boolean(), content).map(([coord, rest]) =>
          coord ? { coord: { x, y }, ...rest } : { tileX: x, tileY: y, ...rest }
        )
      ),
    ) as fc.Arbitrary<(T & object)[]>
  );
}

const ids = { sessionId: almost(u32), viewId: almost(u16), traceId: fc.bigInt(0n, 2n ** 64n - 1n) };

/** Frames. */
export const recordedFeatures: fc.Arbitrary<RecordedFrameFeatures> = fc.record({
  sessionId: text,
  frameId: almost(u32),
  srcWidth: almost(fc.constantFrom(0, 1, 63, 64, 65, 192)),
  srcHeight: almost(u16),
  tileSize: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(32, 16, 1, 65535) }, {
    weight: 1,
    arbitrary: fc.constantFrom(0, -1),
  }),
  tiles: fc.option(
    tiles(fc.record({
      depthFp16: payload,
      normalOct: payload,
      motionI16: payload,
      roughMetal: payload,
      lumaHint: payload,
      compressionAlgorithm: compression,
    }, { requiredKeys: [] })),
    { nil: null },
  ),
  camera,
  inputProfile: fc.constantFrom(
    "changed_tiles_luma",
    "Dense_Luma_Frame",
    " dense_luma_frame\n",
    "other",
    "",
    null,
  ),
  latencyBudgetMs: almost(u16),
  clientTraceId: trace,
  allowStaleReuse: fc.boolean(),
  cameraReference: reference(1),
  tileIndexReference: reference(2),
  tensorSectionTableReference: reference(3),
}, { requiredKeys: ["sessionId", "frameId", "srcWidth", "srcHeight", "tileSize"] });

/** What a frame does not tell. */
export const featuresOptions: fc.Arbitrary<FrameFeaturesOptions> = fc.record({
  ...ids,
  frameClass: almost(fc.nat(255)),
}, { requiredKeys: [] });

const resultTiles = tiles(fc.record({
  srResidual: payload,
  srResidualCompression: compression,
  detailResidual: payload,
  detailResidualCompression: compression,
}, { requiredKeys: [] }));

const resultParts = fc.record({
  srcWidth: fc.constantFrom(64, 192, 256, 1, null),
  tileSize: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(32, 64, null) }, {
    weight: 1,
    arbitrary: fc.constantFrom(0, -8),
  }),
  stale: fc.boolean(),
  degraded: fc.boolean(),
  reusedFrameId: fc.option(almost(u32), { nil: null }),
  resultFlags: fc.option(
    fc.oneof({ weight: 9, arbitrary: fc.nat(7) }, { weight: 1, arbitrary: fc.nat(99) }),
    {
      nil: null,
      freq: 2,
    },
  ),
  resultClass: fc.option(fc.nat(4), { nil: null, freq: 2 }),
  appliedBudgetPolicy: fc.option(fc.nat(17), { nil: null, freq: 2 }),
  inferenceMs: almost(u16),
  queueMs: almost(u16),
  roundTripMs: almost(u16),
  requestId: trace,
  clientTraceId: trace,
  tileIndexReference: reference(2),
  tensorSectionTableReference: reference(3),
}, { requiredKeys: [] });

/** Results; most of them ask for a few more tiles than came and count them well. */
export const recordedResult: fc.Arbitrary<RecordedEnhanceResult> = fc.tuple(
  fc.record({ sessionId: text, frameId: almost(u32), tiles: fc.option(resultTiles, { nil: null, freq: 9 }) }),
  resultParts,
  fc.nat(3),
  fc.constantFrom("good", "good", "good", "plain", "counts", "dropped"),
  fc.nat(9),
).map(([head, parts, more, plan, odd]) => {
  const base: RecordedEnhanceResult = { ...head, ...parts };
  if (plan === "plain") return base;
  if (plan === "counts") return { ...base, coveredTileCount: odd, droppedTileCount: more };
  const size = parts.tileSize || 1;
  const positions = (head.tiles ?? []) as {
    coord?: { x: number; y: number };
    tileX?: number;
    tileY?: number;
  }[];
  const columns = positions.map((tile) => tile.coord?.x ?? tile.tileX!);
  const width = parts.srcWidth ?? (Math.max(-1, ...columns) + 1 || 1) * size;
  const perRow = Math.max(1, Math.ceil(width / size));
  const delivered = [
    ...new Set(positions.map((tile, i) => (tile.coord?.y ?? tile.tileY!) * perRow + columns[i])),
  ];
  const extra = Array.from({ length: more }, (_, i) => 40_000 + i);
  return {
    ...base,
    requestedTileIds: plan === "dropped" && odd === 0 ? extra : [...extra.reverse(), ...delivered],
    coveredTileCount: plan === "dropped" ? undefined : delivered.length,
    droppedTileCount: more === 0 && odd > 5 ? null : more,
  };
});

/** What a result does not tell. */
export const resultOptions: fc.Arbitrary<EnhanceResultOptions> = fc.record({
  ...ids,
  activeProfileId: almost(u16),
}, { requiredKeys: [] });
