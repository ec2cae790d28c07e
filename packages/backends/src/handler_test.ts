import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { ResultHintReason } from "@nnrp/core";
import type { Backend, BackendFrame, BackendOutput, BackendRunOptions } from "./backend.ts";
import { backendHandler, type QueuedFrame } from "./handler.ts";

function backend(output: BackendOutput): Backend & { calls: BackendRunOptions[] } {
  const calls: BackendRunOptions[] = [];
  return {
    calls,
    name: "fake",
    ready: () => Promise.resolve(),
    run: (_frame: BackendFrame, options?: BackendRunOptions) => {
      calls.push(options ?? {});
      return Promise.resolve(output);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const metadata = {
  srcWidth: 1,
  srcHeight: 1,
  tileWidth: 1,
  tileHeight: 1,
  latencyBudgetMs: 0,
  budgetPolicy: 0,
};
const frame: QueuedFrame = {
  frameId: 1,
  viewId: 0,
  metadata,
  tileIds: [],
  sections: [],
  receivedAtMs: 10,
  startedAtMs: 14,
};

test("the handler hands on signal, waiting time and session, and returns the result", async () => {
  const fake = backend({ statusCode: 7 });
  const session = {};
  const signal = new AbortController().signal;
  const answer = await backendHandler(fake, () => "drop" as const)({ ...frame, signal }, { session });
  assertEquals(answer, { statusCode: 7 });
  assertEquals(fake.calls, [{ signal, queueMs: 4, session }]);
});

test("a backend's drop becomes the server's drop, with the reason where there is one for the wire", async () => {
  const drop = (reason?: number) => ({ dropped: reason });
  const late = backendHandler(backend({ drop: true, reason: "budget" }), drop);
  assertEquals(await late(frame, { session: {} }), { dropped: ResultHintReason.BUDGET_EXCEEDED });
  const cancelled = backendHandler(backend({ drop: true, reason: "cancelled" }), drop);
  assertEquals(await cancelled(frame, { session: {} }), { dropped: undefined });
});
