import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { InputProfile, NnrpValueError } from "@nnrp/core";
import { type Plane, plane } from "./plane.ts";
import { LUMA_ROLE, SUPER_RESOLUTION_ROLE } from "./super_resolution_frame.ts";
import {
  allTiles,
  answerPlane,
  changedTiles,
  cutTile,
  pasteAnswer,
  pasteTile,
  type TileGrid,
  tileGrid,
  tileSubmit,
} from "./super_resolution_tiles.ts";

/** A plane whose pixels tell where they are. */
function numbered(width: number, height: number): Plane {
  return plane(
    width,
    height,
    Uint8Array.from({ length: width * height }, (_, i) => (i * 7 + (i / width | 0) * 13) & 255),
  );
}

const at = (p: Plane, x: number, y: number) =>
  p.data[Math.min(p.height - 1, Math.max(0, y)) * p.width + Math.min(p.width - 1, Math.max(0, x))];

/** Each pixel four times: what a model that only repeats pixels would answer to a tile. */
function repeated(grid: TileGrid, tile: Uint8Array): Uint8Array {
  const side = grid.tileSize + 2 * grid.halo;
  const answer = new Uint8Array(4 * grid.tileSize ** 2);
  for (let i = 0; i < answer.length; i++) {
    const x = i % (2 * grid.tileSize) >> 1;
    const y = Math.floor(i / (2 * grid.tileSize)) >> 1;
    answer[i] = tile[(y + grid.halo) * side + x + grid.halo];
  }
  return answer;
}

const geometries = fc.record({
  width: fc.integer({ min: 1, max: 50 }),
  height: fc.integer({ min: 1, max: 50 }),
  tileSize: fc.integer({ min: 1, max: 20 }),
  halo: fc.integer({ min: 0, max: 6 }),
});

test("a tile holds its pixels and their surroundings, edges repeated", () => {
  fc.assert(
    fc.property(geometries, ({ width, height, tileSize, halo }) => {
      const picture = numbered(width, height);
      const grid = tileGrid(width, height, tileSize, halo);
      const side = tileSize + 2 * halo;
      for (const id of allTiles(grid)) {
        const tile = cutTile(picture, grid, id);
        const left = id % grid.columns * tileSize - halo;
        const top = Math.floor(id / grid.columns) * tileSize - halo;
        assertEquals(
          tile,
          Uint8Array.from(
            { length: side * side },
            (_, i) => at(picture, left + i % side, top + Math.floor(i / side)),
          ),
        );
      }
    }),
    { numRuns: 50 },
  );
});

test("pasting all answers fills the large picture without gaps or shifts", () => {
  fc.assert(
    fc.property(geometries, ({ width, height, tileSize, halo }) => {
      const picture = numbered(width, height);
      const grid = tileGrid(width, height, tileSize, halo);
      const target = answerPlane(grid);
      for (const id of allTiles(grid)) {
        pasteTile(target, grid, id, repeated(grid, cutTile(picture, grid, id)));
      }
      assertEquals(
        target.data,
        Uint8Array.from(
          target.data,
          (_, i) => at(picture, i % target.width >> 1, Math.floor(i / target.width) >> 1),
        ),
      );
    }),
    { numRuns: 50 },
  );
});

test("a changed pixel changes exactly the tiles that see it", () => {
  const grid = tileGrid(96, 64, 32, 4);
  const before = numbered(96, 64);
  const changeAt = (x: number, y: number, by = 1) => {
    const after = plane(96, 64, before.data.slice());
    after.data[y * 96 + x] += by;
    return after;
  };
  assertEquals(changedTiles(before, before, grid), []);
  assertEquals(changedTiles(before, changeAt(16, 16), grid), [0]);
  assertEquals(changedTiles(before, changeAt(35, 16), grid), [0, 1]); // in the halo of tile 0
  assertEquals(changedTiles(before, changeAt(36, 16), grid), [1]);
  assertEquals(changedTiles(before, changeAt(33, 30), grid), [0, 1, 3, 4]);
  assertEquals(changedTiles(before, changeAt(95, 63), grid), [5]);
  const flat = plane(96, 64);
  const bump = plane(96, 64);
  bump.data[0] = 3;
  assertEquals([changedTiles(flat, bump, grid, 3), changedTiles(flat, bump, grid, 2)], [[], [0]]);
});

test("a submit names its tiles and says whether it is the whole picture", () => {
  const picture = numbered(70, 40);
  const grid = tileGrid(70, 40);
  const whole = tileSubmit(picture, grid);
  assertEquals([whole.srcWidth, whole.srcHeight, whole.tileWidth, whole.tileHeight], [70, 40, 32, 32]);
  assertEquals(whole.tileIds, [0, 1, 2, 3, 4, 5]);
  assertEquals(whole.inputProfile, InputProfile.DENSE_LUMA_FRAME);
  const some = tileSubmit(picture, grid, [4, 1]);
  assertEquals([some.tileIds, some.inputProfile], [[4, 1], InputProfile.CHANGED_TILES_LUMA]);
  const section = some.sections[0];
  assertEquals([section.roleId, section.dtypeId, section.tilePayloads.length], [LUMA_ROLE, 5, 2]);
  assertEquals(section.tilePayloads[1], cutTile(picture, grid, 1));
});

test("pasting an answer keeps the place of dropped tiles and names them", () => {
  const grid = tileGrid(4, 2, 2, 0);
  const target = answerPlane(grid);
  target.data.fill(9);
  const missing = pasteAnswer(target, grid, {
    tileIds: [1, 0],
    sections: [{
      roleId: SUPER_RESOLUTION_ROLE,
      tilePayloads: [new Uint8Array(16).fill(5), new Uint8Array(0)],
    }],
  });
  assertEquals(missing, [0]);
  assertEquals([...target.data.subarray(0, 8)], [9, 9, 9, 9, 5, 5, 5, 5]);
});

test("sizes that do not fit are refused", () => {
  const grid = tileGrid(64, 64);
  assertThrows(() => tileGrid(65536, 1), NnrpValueError, "width");
  assertThrows(() => tileGrid(10, 10, 0), NnrpValueError, "tileSize");
  assertThrows(() => tileGrid(65535, 65535, 32), NnrpValueError, "at most 65535 tiles");
  assertThrows(() => cutTile(numbered(64, 64), grid, 4), NnrpValueError, "tile id");
  assertThrows(() => cutTile(numbered(63, 64), grid, 0), NnrpValueError, "64x64");
  assertThrows(() => pasteTile(answerPlane(grid), grid, 0, new Uint8Array(5)), NnrpValueError, "4096");
});
