import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { PacketBuffer } from "../wire/outbox.ts";
import { encodeFrameSubmit } from "./frame_submit.ts";
import { encodeResultPush } from "./result_push.ts";
import { isTypedOnlyRequest, isTypedOnlyResult, TypedResultHead, TypedSubmitHead } from "./typed_heads.ts";
import type { TypedPayload } from "./typed_payloads.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const payloads = fc.array(
  fc.record<TypedPayload>({
    payloadKind: fc.constantFrom(2, 4, 8, 16, 32, 64),
    payload: fc.uint8Array({ maxLength: 80 }),
    profileId: u16,
  }),
  { minLength: 1, maxLength: 4 },
);

/** What an encoder writes into memory that was used before. */
function written(write: (out: PacketBuffer) => void): Uint8Array {
  const out = new PacketBuffer();
  out.bytes.fill(0xa5);
  write(out);
  return out.toBytes();
}

test("the short way to a submit writes the same bytes as the long one", () => {
  fc.assert(
    fc.property(
      u32,
      u32,
      payloads,
      u16,
      fc.integer({ min: 0, max: 15 }),
      (session, frameId, typed, budget, policy) => {
        const request = { frameId, typedPayloads: typed, latencyBudgetMs: budget, budgetPolicy: policy };
        assert(isTypedOnlyRequest(request));
        assertEquals(
          written((out) => new TypedSubmitHead(session).write(out, request, frameId, 0xffffffff)),
          written((out) => encodeFrameSubmit(out, session, request, frameId)),
        );
      },
    ),
  );
});

test("the short way to a result writes the same bytes as the long one", () => {
  const target = fc.record({
    frameId: u32,
    viewId: u16,
    routeId: u16,
    traceId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  });
  const ms = fc.tuple(u16, u16, u16);
  const kind = fc.record({
    resultClass: fc.integer({ min: 0, max: 3 }),
    policy: fc.integer({ min: 0, max: 15 }),
    flags: fc.integer({ min: 0, max: 7 }),
  });
  fc.assert(
    fc.property(
      u32,
      target,
      payloads,
      ms,
      kind,
      (session, to, typed, [queueMs, inferenceMs, serverTotalMs], k) => {
        assert(isTypedOnlyResult({ typedPayloads: typed }));
        const full = {
          typedPayloads: typed,
          queueMs,
          inferenceMs,
          serverTotalMs,
          resultClass: k.resultClass,
          appliedBudgetPolicy: k.policy,
          resultFlags: k.flags,
        };
        assertEquals(
          written((out) =>
            new TypedResultHead(session).write(
              out,
              to,
              typed,
              k.resultClass | (k.policy << 8),
              k.flags,
              queueMs,
              inferenceMs,
              serverTotalMs,
            )
          ),
          written((out) => encodeResultPush(out, session, to, full, 0)),
        );
      },
    ),
  );
});

test("anything beyond typed payloads takes the long way", () => {
  const typedPayloads = [{ payloadKind: 2, payload: new Uint8Array(1) }];
  for (
    const more of [
      { tileIds: [1] },
      { sections: [] },
      { viewId: 0 },
      { traceId: 1n },
      { flags: 1 },
      { submitMode: 0 },
      { budgetPolicy: 16 },
      {
        latencyBudgetMs: 70000,
      },
      { targetFpsX100: 1 },
    ]
  ) {
    assertEquals(
      isTypedOnlyRequest({ frameId: 1, typedPayloads, ...more }),
      false,
      JSON.stringify(Object.keys(more)),
    );
  }
  for (
    const more of [{ tileIds: [] }, { resultClass: 0 }, { flags: 8 }, { statusCode: 1 }, { inferenceMs: 1 }, {
      droppedTileCount: 0,
    }]
  ) {
    assertEquals(isTypedOnlyResult({ typedPayloads, ...more }), false, JSON.stringify(more));
  }
  assertEquals(isTypedOnlyRequest({ frameId: 1, typedPayloads: [] }), false);
});
