/** The backend behind a real server, frames and results as packets: client → server → model and back. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { dialClient } from "@nnrp/client";
import { BudgetPolicy, memoryNetwork, ResultClass } from "@nnrp/core";
import { drop, serve } from "@nnrp/server";
import { FakeModel } from "../tests/fake_model.ts";
import { backendHandler } from "./handler.ts";
import { plane } from "./plane.ts";
import { type SuperResolution, superResolution } from "./super_resolution.ts";
import { answerPlane, pasteAnswer, tileGrid, tileSubmit } from "./super_resolution_tiles.ts";

type Session = Awaited<ReturnType<typeof dialClient>>;

/** Runs a client against a server with this backend. */
async function connected(backend: SuperResolution, work: (session: Session) => Promise<void>): Promise<void> {
  const network = memoryNetwork();
  const server = await serve({ listen: [network] }, backendHandler(backend, drop));
  const session = await dialClient("127.0.0.1", server.port, { carriers: [network] });
  try {
    await work(session);
  } finally {
    await session.close();
    await server.close();
    await backend[Symbol.asyncDispose]();
  }
}

/** Two rows of three tiles, the last ones reaching beyond the picture; each tile has a level of its own. */
const grid = tileGrid(80, 50);
const picture = plane(
  80,
  50,
  Uint8Array.from({ length: 4000 }, (_, i) => 10 * (i % 80 >> 5) + 50 * (i / 80 >> 5)),
);

test("a picture travels to the model and comes back twice as large", async () => {
  await connected(superResolution(), async (session) => {
    const result = await session.submit(tileSubmit(picture, grid));
    assertEquals(result.resultClass, ResultClass.COMPLETE);
    const large = answerPlane(grid);
    assertEquals(pasteAnswer(large, grid, result), []);
    for (const [x, y, level] of [[20, 20, 0], [90, 20, 10], [150, 20, 20], [20, 90, 50], [90, 90, 60]]) {
      const difference = Math.abs(large.data[y * 160 + x] - level);
      assert(difference <= 2, `${large.data[y * 160 + x]} at ${x}, ${y}, expected about ${level}`);
    }
  });
});

test("partial, stale and dropped frames pass both ends' checks of coverage", async () => {
  const model = new FakeModel();
  const backend = superResolution({ runtime: model, model: new Uint8Array(1), clock: () => model.now });
  await backend.ready();
  await connected(backend, async (session) => {
    const { ALLOW_PARTIAL, ALLOW_STALE_REUSE } = BudgetPolicy;
    // Virtual time in the model, so the real time in the queue must not matter: budgets of tens of seconds.
    const submit = { ...tileSubmit(picture, grid), latencyBudgetMs: 30_000 };
    model.msPerTile = 1;
    const whole = await session.submit({ ...submit, frameId: 1, budgetPolicy: ALLOW_PARTIAL });
    assertEquals([whole.resultClass, whole.tensorCoveredTileCount, whole.tensorDroppedTileCount], [0, 6, 0]);

    model.msPerTile = 20_000;
    const slow = {
      ...submit,
      budgetPolicy: ALLOW_PARTIAL,
      tileIds: [0],
      sections: tileSubmit(picture, grid, [0]).sections,
    };
    for (let i = 0; i < 30; i++) await session.submit({ ...slow, frameId: 2 + i, budgetPolicy: 0 });
    const part = await session.submit({ ...submit, frameId: 50, budgetPolicy: ALLOW_PARTIAL });
    assertEquals([part.resultClass, part.tensorCoveredTileCount, part.tensorDroppedTileCount], [
      ResultClass.PARTIAL,
      1,
      5,
    ]);
    assertEquals(pasteAnswer(answerPlane(grid), grid, part), [1, 2, 3, 4, 5]);

    const stale = await session.submit({
      ...submit,
      frameId: 51,
      latencyBudgetMs: 10_000,
      budgetPolicy: ALLOW_STALE_REUSE,
    });
    assertEquals([stale.resultClass, stale.metadata?.reusedFrameId], [ResultClass.STALE_REUSE, 50]);
    assertEquals([stale.tensorCoveredTileCount, stale.tensorDroppedTileCount], [1, 5]);

    const none = await session.submit({
      ...submit,
      frameId: 52,
      latencyBudgetMs: 10_000,
      budgetPolicy: BudgetPolicy.ALLOW_DROP,
    });
    assert(none.isDrop);
  });
});
