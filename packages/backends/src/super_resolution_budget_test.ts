/** What a frame gets when time is short, in virtual time: the fake model below costs exactly what the test says. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  BudgetPolicy,
  NnrpProtocolError,
  NnrpStateError,
  ResultClass,
  type ResultFields,
  ResultFlags,
} from "@nnrp/core";
import { type BackendFrame, type BackendOutput, isBackendDrop } from "./backend.ts";
import { type SuperResolution, superResolution, type SuperResolutionOptions } from "./super_resolution.ts";
import { LUMA_ROLE, SUPER_RESOLUTION_HALO as HALO, SUPER_RESOLUTION_ROLE } from "./super_resolution_frame.ts";
import { FakeModel } from "../tests/fake_model.ts";

const { ALLOW_PARTIAL, ALLOW_STALE_REUSE, ALLOW_DROP } = BudgetPolicy;
const SIDE = 32 + 2 * HALO;
const GRID = 8; // tiles in a row and in a column

/** A warm backend on a fake model that costs 1 ms per tile, and runs four tiles at once. */
async function warm(
  options: SuperResolutionOptions = {},
): Promise<{ model: FakeModel; backend: SuperResolution }> {
  const model = new FakeModel();
  const backend = superResolution({
    runtime: model,
    model: new Uint8Array(1),
    clock: () => model.now,
    reserveMs: 0,
    maxBatchPixels: 4 * SIDE * SIDE,
    ...options,
  });
  await backend.ready();
  model.batches = [];
  return { model, backend };
}

interface FrameOptions {
  frameId?: number;
  viewId?: number;
  latencyBudgetMs?: number;
  budgetPolicy?: number;
  ids?: number[];
  value?: number;
  tileBytes?: number;
  roleId?: number;
  dtypeId?: number;
  signal?: AbortSignal;
}

function frame(o: FrameOptions = {}): BackendFrame {
  const tileIds = o.ids ?? Array.from({ length: 10 }, (_, i) => i);
  return {
    frameId: o.frameId ?? 1,
    viewId: o.viewId ?? 0,
    metadata: {
      srcWidth: 32 * GRID,
      srcHeight: 32 * GRID,
      tileWidth: 32,
      tileHeight: 32,
      latencyBudgetMs: o.latencyBudgetMs ?? 0,
      budgetPolicy: o.budgetPolicy ?? 0,
    },
    tileIds,
    sections: [{
      roleId: o.roleId ?? LUMA_ROLE,
      dtypeId: o.dtypeId ?? 5,
      codecId: 0,
      tilePayloads: tileIds.map((id) => new Uint8Array(o.tileBytes ?? SIDE * SIDE).fill(o.value ?? id)),
    }],
    signal: o.signal,
  };
}

function result(output: BackendOutput): ResultFields {
  assert(!isBackendDrop(output), "a drop instead of a result");
  return output;
}

const payloads = (output: BackendOutput): readonly Uint8Array[] => result(output).sections![0].tilePayloads;
/** First byte of each tile, -1 for an empty one. */
const levels = (output: BackendOutput): number[] => payloads(output).map((p) => p.length === 0 ? -1 : p[0]);

test("a frame without a budget is answered whole, in batches", async () => {
  const { model, backend } = await warm();
  const answer = result(await backend.run(frame(), { queueMs: 3 }));
  assertEquals(model.batches, [4, 4, 2]);
  assertEquals(answer.resultClass, ResultClass.COMPLETE);
  assertEquals([answer.coveredTileCount, answer.droppedTileCount], [10, 0]);
  assertEquals([answer.inferenceMs, answer.queueMs, answer.serverTotalMs], [10, 3, 13]);
  assertEquals(answer.sections![0].roleId, SUPER_RESOLUTION_ROLE);
  assertEquals(payloads(answer).map((p) => p.length), new Array(10).fill(64 * 64));
  assertEquals(levels(answer), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("a budget that suffices gives a whole answer", async () => {
  const { backend } = await warm();
  const answer = result(
    await backend.run(frame({ latencyBudgetMs: 10, budgetPolicy: ALLOW_PARTIAL | ALLOW_DROP })),
  );
  assertEquals([answer.resultClass, answer.resultFlags], [ResultClass.COMPLETE, 0]);
});

test("a short budget gives the first tiles and says how many are missing", async () => {
  const { model, backend } = await warm();
  const output = await backend.run(frame({ latencyBudgetMs: 6, budgetPolicy: ALLOW_PARTIAL }));
  const answer = result(output);
  assertEquals(answer.resultClass, ResultClass.PARTIAL);
  assertEquals(answer.resultFlags, ResultFlags.PARTIAL);
  assertEquals(answer.appliedBudgetPolicy, ALLOW_PARTIAL);
  assertEquals(answer.tileIds, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(levels(output), [0, 1, 2, 3, 4, 5, -1, -1, -1, -1]);
  assertEquals([answer.coveredTileCount, answer.droppedTileCount], [6, 4]);
  assertEquals(model.batches, [4, 2]);
  assertEquals(backend.stats.partial, 1);
});

test("time in the queue counts against the budget", async () => {
  const { backend } = await warm();
  const policy = { latencyBudgetMs: 10, budgetPolicy: ALLOW_PARTIAL };
  assertEquals(result(await backend.run(frame(policy), { queueMs: 7 })).coveredTileCount, 3);
});

test("time waited for another frame of the backend counts against the budget", async () => {
  const { backend } = await warm();
  const policy = { latencyBudgetMs: 12, budgetPolicy: ALLOW_PARTIAL };
  const [first, second] = await Promise.all([backend.run(frame()), backend.run(frame(policy))]);
  assertEquals(result(first).coveredTileCount, 10);
  assertEquals(result(second).coveredTileCount, 2);
  assertEquals(result(second).queueMs, 10);
});

test("a model that turns slow in the middle of a frame is noticed between batches", async () => {
  const { model, backend } = await warm();
  model.beforeRun = () => model.msPerTile = 3;
  const policy = { latencyBudgetMs: 14, budgetPolicy: ALLOW_PARTIAL };
  const answer = result(await backend.run(frame(policy)));
  // Four tiles took 12 ms; the estimate rose above the 2 ms that were left.
  assertEquals(model.batches, [4, 1]);
  assertEquals(answer.coveredTileCount, 5);
  assert(backend.stats.msPerMegapixel > 1e6 / (SIDE * SIDE));
});

test("without the permission for parts nothing is begun that cannot be finished", async () => {
  const { model, backend } = await warm();
  const output = await backend.run(frame({ latencyBudgetMs: 6, budgetPolicy: ALLOW_DROP }));
  assertEquals(output, { drop: true, reason: "budget" });
  assertEquals(model.batches, []);
  assertEquals(backend.stats.dropped, 1);
});

test("a budget without a policy asks for the whole answer, however late", async () => {
  const { backend } = await warm();
  assertEquals(result(await backend.run(frame({ latencyBudgetMs: 1 }))).coveredTileCount, 10);
});

test("with no time at all the tiles of the last frame are handed out again", async () => {
  const { backend } = await warm();
  const session = {};
  await backend.run(frame({ frameId: 7, value: 70 }), { session });
  const short = frame({
    frameId: 8,
    ids: [3, 4],
    latencyBudgetMs: 5,
    budgetPolicy: ALLOW_STALE_REUSE | ALLOW_PARTIAL,
  });
  const output = await backend.run(short, { session, queueMs: 5 });
  const answer = result(output);
  assertEquals(answer.resultClass, ResultClass.STALE_REUSE);
  assertEquals(answer.resultFlags, ResultFlags.STALE);
  assertEquals(answer.appliedBudgetPolicy, ALLOW_STALE_REUSE);
  assertEquals(answer.reusedFrameId, 7);
  assertEquals([answer.tileIds, levels(output)], [[3, 4], [70, 70]]);
  assertEquals([answer.coveredTileCount, answer.droppedTileCount], [2, 0]);
  assertEquals(backend.stats.stale, 1);
});

test("a stale answer counts tiles it never had as dropped", async () => {
  const { backend } = await warm();
  const session = {};
  await backend.run(frame({ frameId: 7, ids: [1, 2], value: 9 }), { session });
  const short = frame({ frameId: 8, ids: [2, 3], latencyBudgetMs: 5, budgetPolicy: ALLOW_STALE_REUSE });
  const output = await backend.run(short, { session, queueMs: 5 });
  assertEquals(levels(output), [9, -1]);
  const answer = result(output);
  assertEquals([answer.coveredTileCount, answer.droppedTileCount], [1, 1]);
  assertEquals(answer.resultFlags, ResultFlags.STALE | ResultFlags.PARTIAL);
});

test("a tile that a partial answer left out is not handed out as if it were of that frame", async () => {
  const { backend } = await warm();
  const session = {};
  await backend.run(frame({ frameId: 1, ids: [0, 1], value: 1 }), { session });
  await backend.run(
    frame({ frameId: 2, ids: [0, 1], value: 2, latencyBudgetMs: 1, budgetPolicy: ALLOW_PARTIAL }),
    { session },
  );
  const short = frame({ frameId: 3, ids: [0, 1], latencyBudgetMs: 5, budgetPolicy: ALLOW_STALE_REUSE });
  const output = await backend.run(short, { session, queueMs: 5 });
  assertEquals([result(output).reusedFrameId, levels(output)], [2, [2, -1]]);
});

test("old tiles never cross sessions, views or geometries", async () => {
  const { backend } = await warm();
  const session = {};
  await backend.run(frame({ frameId: 1 }), { session });
  const late = { latencyBudgetMs: 5, budgetPolicy: ALLOW_STALE_REUSE };
  assert(isBackendDrop(await backend.run(frame(late), { session: {}, queueMs: 5 })));
  assert(isBackendDrop(await backend.run(frame({ ...late, viewId: 1 }), { session, queueMs: 5 })));
  assert(isBackendDrop(await backend.run(frame(late), { queueMs: 5 })));
  const other = frame(late);
  const wider = { ...other, metadata: { ...other.metadata, srcWidth: 32 * GRID + 1 } };
  assert(isBackendDrop(await backend.run(wider, { session, queueMs: 5 })));
  assert(!isBackendDrop(await backend.run(frame(late), { session, queueMs: 5 })));
});

test("nothing old to hand out means a drop", async () => {
  const { backend } = await warm();
  const late = frame({ latencyBudgetMs: 5, budgetPolicy: ALLOW_STALE_REUSE | ALLOW_PARTIAL | ALLOW_DROP });
  assertEquals(await backend.run(late, { session: {}, queueMs: 9 }), { drop: true, reason: "budget" });
});

test("a cancelled frame stops between batches", async () => {
  const { model, backend } = await warm();
  const abort = new AbortController();
  const ids = Array.from({ length: 60 }, (_, i) => i);
  model.beforeRun = () => {
    if (model.batches.length === 1) abort.abort();
  };
  assertEquals(await backend.run(frame({ ids, signal: abort.signal })), { drop: true, reason: "cancelled" });
  assertEquals(model.batches, [4, 4]);
  assertEquals(backend.stats.cancelled, 1);
});

test("an abort that comes by a timer is seen, because the event loop turns between batches", async () => {
  const { model, backend } = await warm();
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 0);
  model.beforeRun = () => {
    const until = performance.now() + 2;
    while (performance.now() < until);
  };
  const output = await backend.run(frame({ ids: new Array(2000).fill(0), signal: abort.signal }));
  assertEquals(output, { drop: true, reason: "cancelled" });
});

test("an aborted frame in the queue never reaches the model", async () => {
  const { model, backend } = await warm();
  const output = await backend.run(frame(), { signal: AbortSignal.abort() });
  assertEquals(output, { drop: true, reason: "cancelled" });
  assertEquals(model.batches, []);
});

test("a frame that breaks the convention is an error of that frame alone", async () => {
  const { backend } = await warm({ maxFramePixels: 20 * SIDE * SIDE });
  const cases: [BackendFrame, string][] = [
    [frame({ tileBytes: 32 * 32 }), "MALFORMED_BODY"],
    [frame({ roleId: 6 }), "MALFORMED_BODY"],
    [frame({ dtypeId: 1 }), "UNSUPPORTED_CAPABILITY"],
    [frame({ ids: [GRID * GRID] }), "MALFORMED_BODY"],
    [frame({ ids: new Array(21).fill(0) }), "LIMIT_EXCEEDED"],
    [{ ...frame(), tileIds: [1] }, "MALFORMED_BODY"],
    [{ ...frame(), metadata: { ...frame().metadata, tileWidth: 0 } }, "MALFORMED_BODY"],
  ];
  for (const [bad, codeName] of cases) {
    const error = await assertRejects(() => backend.run(bad), NnrpProtocolError);
    assertEquals([error.codeName, error.errorScope, error.relatedFrameId], [codeName, 2, 1]);
  }
  assertEquals(result(await backend.run(frame())).coveredTileCount, 10);
});

test("a failing inference fails its frame, and the next one runs", async () => {
  const { model, backend } = await warm();
  model.beforeRun = () => {
    model.beforeRun = () => {};
    throw new Error("out of memory");
  };
  await assertRejects(() => backend.run(frame()), Error, "out of memory");
  assertEquals(result(await backend.run(frame())).coveredTileCount, 10);
});

test("closing waits for the run under way, gives the model back and refuses what comes later", async () => {
  const { model, backend } = await warm();
  const running = backend.run(frame());
  await backend[Symbol.asyncDispose]();
  assertEquals(result(await running).coveredTileCount, 10);
  assertEquals(model.released, 1);
  await assertRejects(() => backend.run(frame()), NnrpStateError);
});
