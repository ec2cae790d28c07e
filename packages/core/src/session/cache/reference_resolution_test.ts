import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { decodeFrameSubmitBody, encodeFrameSubmit } from "../../body/frame_submit.ts";
import type { ObjectReference } from "../../body/object_references.ts";
import type { TensorSectionData } from "../../body/section_writer.ts";
import type { SubmitRequest } from "../../body/submit_request.ts";
import { encodeTensorBody } from "../../body/tensor_body.ts";
import { encodeTileIndex } from "../../body/tile_index.ts";
import { CacheObjectKind, SubmitMode, TensorDType, TileIndexMode } from "../../wire/enums.ts";
import { decodeFrameSubmitMetadata, type FrameSubmitMetadata } from "../../wire/metadata/frame_submit.ts";
import { PacketBuffer } from "../../wire/outbox.ts";
import { CacheDirectory } from "./cache.ts";
import { referenceName, type ReferenceResolution, resolveReferences } from "./reference_resolution.ts";

const { CAMERA_BLOCK, TILE_INDEX_BLOCK, TENSOR_SECTION_TABLE } = CacheObjectKind;
const { DENSE_RANGE, RAW_U16, DELTA_U16, BITSET } = TileIndexMode;
const camera = new TextEncoder().encode("camera!!x");
const tileIds = [5, 6, 9];

const ref = (objectKind: number, cacheKeyLo = 7): ObjectReference => ({
  objectKind,
  cacheNamespace: 3,
  cacheKeyHi: 1,
  cacheKeyLo,
});

function sectionsOf(tiles: number, roles: readonly number[] = [1, 100]): TensorSectionData[] {
  return roles.map((roleId) => ({
    roleId,
    dtypeId: TensorDType.UINT8,
    tilePayloads: Array.from({ length: tiles }, (_, i) => new Uint8Array(i + 1).fill(roleId + i)),
  }));
}

function table(sections: readonly TensorSectionData[]): Uint8Array {
  const out = new PacketBuffer();
  const tiles = Array.from({ length: sections[0]?.tilePayloads.length ?? 0 }, (_, i) => i);
  encodeTensorBody(out, { tileIds: tiles, sections, tileIndexMode: DENSE_RANGE });
  return out.toBytes();
}

function cacheWith(objects: readonly [number, Uint8Array][]): CacheDirectory {
  const cache = new CacheDirectory();
  for (const [kind, data] of objects) cache.put({ ...ref(kind), data, ttlMs: 0, flags: 0 }, 0);
  return cache;
}

/** Sends the request through the codec and resolves it. */
function resolve(
  request: Partial<SubmitRequest>,
  cache: CacheDirectory,
  change: Partial<FrameSubmitMetadata> = {},
): ReferenceResolution {
  const mask = (request.cameraReference ? 1 : 0) | (request.tileIndexReference ? 2 : 0) |
    (request.tensorSectionTableReference ? 4 : 0);
  const out = new PacketBuffer();
  encodeFrameSubmit(out, 1, { frameId: 1, submitMode: SubmitMode.MIXED, objectRefMask: mask, ...request });
  const metadata = { ...decodeFrameSubmitMetadata(out.view, 40, 72), ...change };
  const body = decodeFrameSubmitBody(metadata, out.toBytes().subarray(112));
  return resolveReferences(body, metadata, cache, 0);
}

/** What a resolution holds, in plain values. */
function values(resolution: ReferenceResolution): unknown {
  assert(resolution.kind === "resolved", "diagnostic" in resolution ? resolution.diagnostic : "");
  const { cameraBlock, tileIds, sections } = resolution.body;
  return {
    camera: cameraBlock === null ? null : [...cameraBlock],
    tileIds,
    sections: sections!.map((s) => [s.roleId, s.tilePayloads.map((tile) => [...tile])]),
  };
}

function expected(ids: readonly number[] = tileIds): unknown {
  const sections = sectionsOf(ids.length).map((s) => [s.roleId, s.tilePayloads.map((tile) => [...tile])]);
  return { camera: [...camera], tileIds: ids, sections };
}

const all: [number, Uint8Array][] = [
  [CAMERA_BLOCK, camera],
  [TILE_INDEX_BLOCK, encodeTileIndex(RAW_U16, tileIds)],
  [TENSOR_SECTION_TABLE, table(sectionsOf(3))],
];
const references = {
  cameraReference: ref(CAMERA_BLOCK),
  tileIndexReference: ref(TILE_INDEX_BLOCK),
  tensorSectionTableReference: ref(TENSOR_SECTION_TABLE),
};
const given = { tileIds, sections: sectionsOf(3), cameraBlock: camera };

test("every choice of referenced and carried objects gives the same frame", () => {
  for (let mask = 1; mask < 8; mask++) {
    const request: Partial<SubmitRequest> = {
      ...given,
      cameraReference: mask & 1 ? references.cameraReference : null,
      tileIndexReference: mask & 2 ? references.tileIndexReference : null,
      tensorSectionTableReference: mask & 4 ? references.tensorSectionTableReference : null,
    };
    assertEquals(values(resolve(request, cacheWith(all))), expected(), `mask ${mask}`);
  }
});

test("a frame of references alone is filled in, counts of 0 meaning as many as there are", () => {
  const modes: [number, number[]][] = [[RAW_U16, [9, 5, 5]], [DELTA_U16, [5, 6, 9]], [BITSET, [0, 8, 17]]];
  for (const [tileIndexMode, ids] of modes) {
    const objects = all.slice();
    objects[1] = [TILE_INDEX_BLOCK, encodeTileIndex(tileIndexMode, ids)];
    const frame = resolve(
      { ...references, submitMode: SubmitMode.REFERENCE, tileIndexMode },
      cacheWith(objects),
    );
    assertEquals(values(frame), expected(ids), `mode ${tileIndexMode}`);
  }
});

test("a dense run takes its length from the metadata, or else from the sections", () => {
  const objects = all.slice();
  objects[1] = [TILE_INDEX_BLOCK, new Uint8Array(0)];
  const request = {
    ...references,
    submitMode: SubmitMode.REFERENCE,
    tileIndexMode: DENSE_RANGE,
    tileBaseId: 40,
  };
  assertEquals(values(resolve(request, cacheWith(objects))), expected([40, 41, 42]));
  assertEquals(
    values(resolve(request, cacheWith(objects), { tileCount: 3, sectionCount: 2 })),
    expected([40, 41, 42]),
  );
});

test("a missing object is a miss that names all missing references", () => {
  for (let there = 0; there < 7; there++) {
    const cache = cacheWith(all.filter((_, i) => there >> i & 1));
    const frame = resolve({ ...references, submitMode: SubmitMode.REFERENCE }, cache);
    assert(frame.kind === "miss");
    const missing = Object.values(references).filter((_, i) => (there >> i & 1) === 0);
    assertEquals(frame.missing.map(referenceName), missing.map(referenceName));
    for (const reference of missing) assert(frame.diagnostic.includes(referenceName(reference)));
  }
  assertEquals(referenceName(ref(TILE_INDEX_BLOCK, 0xdeadbeef)), "TILE_INDEX_BLOCK 3/00000001deadbeef");
});

test("an expired object is a miss", () => {
  const cache = new CacheDirectory();
  cache.put({ ...ref(CAMERA_BLOCK), data: camera, ttlMs: 5, flags: 0 }, -5);
  assertEquals(resolve({ cameraReference: ref(CAMERA_BLOCK) }, cache).kind, "miss");
});

test("a cached object that does not fit the frame is malformed", () => {
  const stated = { ...given, ...references };
  const index = (bytes: Uint8Array): [number, Uint8Array][] => [all[0], [TILE_INDEX_BLOCK, bytes], all[2]];
  const tables = (
    bytes: Uint8Array,
  ): [number, Uint8Array][] => [all[0], all[1], [TENSOR_SECTION_TABLE, bytes]];
  const good = all[2][1];
  const counted: [string, [number, Uint8Array][]][] = [
    ["index too short", index(new Uint8Array(4))],
    ["index too long", index(new Uint8Array(8))],
    ["table cut", tables(good.subarray(0, good.length - 1))],
    ["bytes after the table", tables(Uint8Array.of(...good, 0))],
    ["one section too few", tables(table(sectionsOf(3, [1])))],
    ["one section too many", tables(table(sectionsOf(3, [1, 2, 3])))],
    ["other number of tiles", tables(table(sectionsOf(2)))],
    ["not a table", tables(new Uint8Array(64).fill(0xff))],
  ];
  for (const [name, objects] of counted) {
    const frame = resolve(stated, cacheWith(objects));
    assert(frame.kind === "malformed", name);
    assert(frame.diagnostic.includes(frame.error.message), name);
  }
  const uncounted: [string, [number, Uint8Array][]][] = [
    ["odd index", index(new Uint8Array(5))],
    ["index longer than a frame", index(new Uint8Array(2 * 65536))],
    ["other number of tiles", tables(table(sectionsOf(2)))],
    ["table cut", tables(good.subarray(0, good.length - 1))],
    ["table of 8 bytes", tables(new Uint8Array(8))],
  ];
  for (const [name, objects] of uncounted) {
    const frame = resolve({ ...references, submitMode: SubmitMode.REFERENCE }, cacheWith(objects));
    assertEquals(frame.kind, "malformed", name);
  }
});

test("sections that were carried must fit a referenced index", () => {
  const objects: [number, Uint8Array][] = [[TILE_INDEX_BLOCK, encodeTileIndex(RAW_U16, [1, 2])]];
  const request = { ...given, cameraBlock: undefined, tileIndexReference: ref(TILE_INDEX_BLOCK) };
  assertEquals(resolve(request, cacheWith(objects)).kind, "malformed");
});

test("arbitrary bytes in the cache never throw", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const mode = fc.constantFrom(DENSE_RANGE, RAW_U16, DELTA_U16, BITSET);
  const count = fc.constantFrom(0, 1, 3, 65535);
  fc.assert(
    fc.property(
      bytes,
      bytes,
      mode,
      count,
      count,
      (index, sections, tileIndexMode, tileCount, sectionCount) => {
        const cache = cacheWith([[CAMERA_BLOCK, index], [TILE_INDEX_BLOCK, index], [
          TENSOR_SECTION_TABLE,
          sections,
        ]]);
        const request = { ...references, submitMode: SubmitMode.REFERENCE, tileIndexMode };
        const frame = resolve(request, cache, { tileCount, sectionCount });
        if (frame.kind !== "resolved") return assertEquals(frame.kind, "malformed");
        assert(frame.body.tileIds!.length <= 65535);
        for (const section of frame.body.sections!) {
          assertEquals(
            section.tileCount,
            frame.body.tileIds!.length,
          );
        }
      },
    ),
  );
});
