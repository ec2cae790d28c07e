/** Whole pictures through a server: cut to its limits, put together again, honest about what is missing. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { bicubicX2, LUMA_ROLE, plane, SUPER_RESOLUTION_ROLE } from "@nnrp/backends";
import { BudgetPolicy } from "@nnrp/client";
import { drop, NnrpProtocolError, type ReceivedSubmit, ResultClass, TensorDType } from "@nnrp/server";
import { CommandError } from "../command.ts";
import { withServer } from "../../tests/memory_server.ts";
import { enlargePicture } from "./enlarge.ts";
import type { Picture } from "./picture.ts";

const HALO = 4;

/** Each pixel four times. */
const doubling = (frame: ReceivedSubmit) => {
  const side = frame.metadata.tileWidth;
  const tiles = frame.sections.find((s) => s.roleId === LUMA_ROLE)!.tilePayloads.map((tile) => {
    const answer = new Uint8Array(4 * side * side);
    for (let y = 0; y < 2 * side; y++) {
      for (let x = 0; x < 2 * side; x++) {
        answer[y * 2 * side + x] = tile[((y >> 1) + HALO) * (side + 2 * HALO) + (x >> 1) + HALO];
      }
    }
    return answer;
  });
  return {
    tileIds: frame.tileIds,
    sections: [{ roleId: SUPER_RESOLUTION_ROLE, dtypeId: TensorDType.UINT8, tilePayloads: tiles }],
  };
};

function noise(width: number, height: number, gray: boolean): Picture {
  const level = (i: number) => (Math.imul(i + 1, 2654435761) >>> 13) & 255;
  const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => level(gray ? Math.floor(i / 3) : i));
  return { width, height, rgb, alpha: null, gray };
}

test("every tile lands in its place, whatever does not fill the last row and column", () =>
  withServer(doubling, async (session) => {
    const small = noise(70, 41, true);
    const { picture, report } = await enlargePicture(session, small);
    assertEquals([picture.width, picture.height, picture.gray, picture.alpha], [140, 82, true, null]);
    for (const [x, y] of [[0, 0], [139, 81], [64, 63], [63, 64], [77, 5]]) {
      assertEquals(
        picture.rgb[3 * (y * 140 + x)],
        small.rgb[3 * ((y >> 1) * 70 + (x >> 1))],
        `pixel ${x}, ${y}`,
      );
    }
    assertEquals([report.tiles, report.answered, report.frames], [6, 6, 1]);
    assertEquals(report.results.toJSON(), { COMPLETE: 1 });
  }));

test("a server with a small limit gets several frames", () =>
  withServer(doubling, async (session) => {
    const { report } = await enlargePicture(session, noise(96, 96, false));
    assertEquals([report.tiles, report.answered], [9, 9]);
    assert(report.frames >= 3, `${report.frames} frames`);
  }, { profile: { maxBodyBytes: 6000 } }));

test("a server that takes not even one tile is one clear error", () =>
  withServer(doubling, async (session) => {
    await assertRejects(
      () => enlargePicture(session, noise(32, 32, true)),
      CommandError,
      "not even one tile fits",
    );
  }, { profile: { maxBodyBytes: 1500 } }));

test("two doublings make it four times as large", () =>
  withServer(doubling, async (session) => {
    const { picture, report } = await enlargePicture(session, noise(33, 20, true), { doublings: 2 });
    assertEquals([picture.width, picture.height, report.tiles], [132, 80, 2 + 6]);
  }));

test("opacity is enlarged too", () =>
  withServer(doubling, async (session) => {
    const alpha = plane(16, 16, Uint8Array.from({ length: 256 }, (_, i) => i));
    const { picture } = await enlargePicture(session, { ...noise(16, 16, false), alpha: alpha.data });
    assertEquals(picture.alpha, bicubicX2(alpha).data);
  }));

test("dropped tiles are bicubic and counted, and the budget is told to the server", () => {
  const budgets: number[] = [];
  return withServer((frame) => {
    budgets.push(frame.metadata.latencyBudgetMs);
    assertEquals(frame.metadata.budgetPolicy, BudgetPolicy.ALLOW_PARTIAL);
    const whole = doubling(frame);
    whole.sections[0].tilePayloads[1] = new Uint8Array(0);
    return { ...whole, resultClass: ResultClass.PARTIAL, coveredTileCount: 1, droppedTileCount: 1 };
  }, async (session) => {
    const small = noise(64, 32, true);
    const { picture, report } = await enlargePicture(session, small, { budgetMs: 60_000 });
    const luma = plane(64, 32, small.rgb.filter((_, i) => i % 3 === 0));
    assertEquals(picture.rgb[3 * 127], bicubicX2(luma).data[127]);
    assertEquals(picture.rgb[0], small.rgb[0]);
    assertEquals([report.answered, report.tiles], [1, 2]);
    assertEquals(report.results.toJSON(), { PARTIAL: 1 });
    assert(budgets[0] > 0 && budgets[0] <= 60_000);
  });
});

test("a frame that is dropped altogether leaves a bicubic picture", () =>
  withServer(() => drop(), async (session) => {
    const { picture, report } = await enlargePicture(session, noise(32, 32, true), { budgetMs: 1000 });
    assertEquals([report.answered, picture.width], [0, 64]);
    assertEquals(report.results.toJSON(), { DROP: 1 });
  }));

test("a server of another kind is one clear error that says what to start", () =>
  withServer(({ tileIds, sections }) => ({ tileIds, sections }), async (session) => {
    const error = await assertRejects(() => enlargePicture(session, noise(8, 8, true)), CommandError);
    assertEquals(
      error.message,
      'the server answered, but not with enlarged tiles (its model is "echo"); start one with nnrp serve --model super-resolution',
    );
  }, { profile: { modelName: "echo" } }));

test("a refusal of the server is told in its words", () =>
  withServer(() => {
    throw new NnrpProtocolError({
      errorCode: 6,
      codeName: "LIMIT_EXCEEDED",
      errorScope: 2,
      diagnostic: "too many tiles",
    });
  }, async (session) => {
    await assertRejects(() => enlargePicture(session, noise(8, 8, true)), CommandError, "too many tiles");
  }));
