/**
 * What a program without types may give by mistake where a callback has a result: each is a NnrpValueError in the server's log, once,
 * that names the field, what was given and what was expected; the client is told that its frame (its hello, its patch) failed, never
 * gets an empty result for it, and goes on.
 */
import { type ClientSession, NnrpProtocolError } from "@nnrp/client";
import { ErrorCode, NnrpValueError, SessionPatchField, TypedPayload } from "@nnrp/core";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { MEMORY } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { drop, type ServeOptions, type ServerLogEvent } from "../mod.ts";

// deno-lint-ignore no-explicit-any
type Any = any;
const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

/** No results at all, and what the error calls them. */
const NO_RESULTS: Record<string, unknown> = {
  "undefined": undefined,
  "null": null,
  "true": true,
  "5": 5,
  "7": 7n,
  "Symbol(s)": Symbol("s"),
  "the text": "a text",
  "a Uint8Array": new Uint8Array(3),
};
/** Two tiles, one of which is left out, as a part must say. */
const TILES = { tileIds: [1, 2], coveredTileCount: 1, droppedTileCount: 1 };
/** Objects with a mistake in them, by the field that is named. */
const BAD_FIELDS: Record<string, unknown> = {
  ".typedPayload": { typedPayload: [TypedPayload.tokenChunk("x")] },
  ".text": { ...say("x"), text: "x" },
  ".typedPayloads": { typedPayloads: TypedPayload.tokenChunk("x") },
  ".typedPayloads ": { typedPayloads: "a text" },
  ".typedPayloads  ": { typedPayloads: null },
  "typedPayloads[0]": { typedPayloads: ["a text"] },
  "typedPayloads[0] ": { typedPayloads: [undefined] },
  "typedPayloads[0].payload": { typedPayloads: [{ payloadKind: 0x40, payload: "a text" }] },
  "typedPayloads[1].payload": {
    typedPayloads: [...say("x").typedPayloads, { payloadKind: 0x40, payload: [1, 2] }],
  },
  "typedPayloads[0].profileId": { typedPayloads: [{ ...TypedPayload.tokenChunk("x"), profileId: "1" }] },
  ".sections": { sections: { roleId: 1 } },
  "sections[0]": { ...TILES, sections: [5] },
  "sections[0].tilePayloads": { ...TILES, sections: [{ roleId: 1, dtypeId: 1, tilePayloads: 5 }] },
  "sections[0].tilePayloads[0]": {
    ...TILES,
    sections: [{ roleId: 1, dtypeId: 1, tilePayloads: ["x", "y"] }],
  },
  ".tileIds": { tileIds: "1" },
  "tileIds": { tileIds: ["1"] },
  ".references": { references: "x" },
  "references[0]": { references: [null] },
  "statusCode": { statusCode: "200" },
  "inferenceMs": { ...say("x"), inferenceMs: "5" },
  "resultClass": { ...say("x"), resultClass: "PARTIAL" },
};

interface Case {
  readonly named: string;
  readonly answer: unknown;
}
const CASES: readonly Case[] = [
  ...Object.entries(NO_RESULTS).map(([actual, answer]) => ({ named: actual, answer })),
  ...Object.entries(BAD_FIELDS).map(([field, answer]) => ({ named: field.trim(), answer })),
];

/** Ways in which an answer comes from a callback; `name` is what the error calls it. */
const WAYS: Record<string, { name: string; handler: (answer: unknown) => Any; options?: ServeOptions }> = {
  "returned": { name: "result", handler: (answer) => answer },
  "promised": { name: "result", handler: (answer) => Promise.resolve(answer) },
  "an element of an array": { name: "part", handler: (answer) => [answer] },
  "yielded": {
    name: "part",
    handler: function* (answer: unknown) {
      yield answer;
    },
  },
  "yielded later, after a good part": {
    name: "part",
    handler: async function* (answer: unknown) {
      yield say("good");
      await Promise.resolve();
      yield answer;
    },
  },
  "returned by a generator": {
    name: "result",
    handler: async function* (answer: unknown) {
      yield say("good");
      return answer;
    },
  },
};

function valueErrors(log: readonly ServerLogEvent[]): NnrpValueError[] {
  return log.map((event) => event.error).filter((error): error is NnrpValueError =>
    error instanceof NnrpValueError
  );
}

for (const [way, { name, handler }] of Object.entries(WAYS)) {
  test(`nonsense that is ${way}: a typed error in the log, once, and an ERROR for that frame`, async () => {
    const log: ServerLogEvent[] = [];
    let answer: unknown;
    const at = await MEMORY.serve((frame) => frame.text() === "good" ? say("good") : handler(answer), {
      log: (event) => log.push(event),
      maxFailuresLoggedPerSecond: 1e6,
    });
    const session = await at.dial();
    for (const { named, answer: given } of CASES) {
      // A generator that returns nothing ends its stream.
      if (way === "returned by a generator" && given === undefined) continue;
      answer = given;
      log.length = 0;
      const error = await assertRejects(() => session.submit(say("x")), NnrpProtocolError, undefined, named);
      assertEquals([error.errorCode, error.errorScope], [ErrorCode.INTERNAL_ERROR, 2], named);
      assertEquals(log.map((event) => event.type), ["handler-failed"], named);
      const [told] = valueErrors(log);
      assert(told !== undefined, `${named}: ${log[0].error}`);
      assertStringIncludes(`${told.field} = ${told.actual}`, named.startsWith(".") ? name + named : named);
      if (named in NO_RESULTS) assertEquals([told.field, typeof told.expected], [name, "string"], named);
    }
    assertEquals((await session.submit(say("good"))).text(), "good");
    assertEquals(at.server.stats.running, 0);
    await at.end();
  });
}

test("nonsense that an application sends itself: rejected where it is asked for, and the frame stays in flight", async () => {
  const at = await MEMORY.bind();
  const client = await at.dial();
  const session = await at.server.accept();
  for (const { named, answer } of CASES) {
    if (answer === undefined) continue; // the default: an empty result
    for (const final of [true, false]) {
      const result = client.submit(say("x"));
      const frame = await session.receiveSubmit();
      const error = await assertRejects(
        () => session.sendResult(frame, answer as Any, { final }),
        NnrpValueError,
        undefined,
        named,
      );
      const name = final ? "result" : "part";
      assertStringIncludes(`${error.field} = ${error.actual}`, named.startsWith(".") ? name + named : named);
      assertEquals(frame.settled, false);
      await session.sendResult(frame, say("good"));
      assertEquals((await result).text(), "good");
    }
  }
  await at.end();
});

test("nonsense in place of a part: a drop() is the whole answer, not a part of one", async () => {
  const log: ServerLogEvent[] = [];
  const at = await MEMORY.serve(() => [drop() as Any], { log: (event) => log.push(event) });
  const session = await at.dial();
  await assertRejects(() => session.submit(say("x")), NnrpProtocolError);
  assertEquals(valueErrors(log).map(({ field, actual }) => [field, actual]), [["part", "a Drop"]]);
  await at.end();
});

test("objects of classes may have fields of their own", async () => {
  class Answer {
    readonly typedPayloads = say("fine").typedPayloads;
    readonly madeAt = 5;
  }
  const at = await MEMORY.serve(() => new Answer());
  const session = await at.dial();
  assertEquals((await session.submit(say("x"))).text(), "fine");
  await at.end();
});

/** Other callbacks: what makes the client ask, and what it then hears. */
interface Other {
  readonly options: (nonsense: unknown) => ServeOptions;
  readonly ask: (dial: () => Promise<ClientSession>) => Promise<void>;
  readonly nonsense: readonly unknown[];
  readonly field: string;
  readonly type: ServerLogEvent["type"];
}
const refusedDial = async (dial: () => Promise<ClientSession>) =>
  void await assertRejects(dial, NnrpProtocolError);
const OTHERS: Record<string, Other> = {
  authValidator: {
    options: (nonsense) => ({ authValidator: () => nonsense as Any }),
    ask: refusedDial,
    nonsense: [undefined, null, 1, "yes", Symbol("s"), () => true, {}, { principle: "me" }, []],
    field: "authValidator()",
    type: "auth-refused",
  },
  "authValidator, async": {
    options: (nonsense) => ({ authValidator: () => Promise.resolve(nonsense as Any) }),
    ask: refusedDial,
    nonsense: [undefined, null, 1, "yes", {}],
    field: "authValidator()",
    type: "auth-refused",
  },
  sessionId: {
    options: (nonsense) => ({ sessionId: () => nonsense as Any }),
    ask: refusedDial,
    nonsense: [undefined, null, "7", 7n, -1, 1.5, NaN, 2 ** 32, {}, Promise.resolve(7)],
    field: "sessionId",
    type: "handshake-refused",
  },
  patchPolicy: {
    options: (nonsense) => ({ patchPolicy: () => nonsense as Any }),
    ask: async (dial) => {
      const session = await dial();
      const { rejectedMask } = await session.patch({ qualityTier: 3 });
      assertEquals(rejectedMask, SessionPatchField.QUALITY_TIER);
      await session.close();
    },
    nonsense: [false, true, "no", 5, {}, [], { rejectReason: "x" }, { reason: 1 }, {
      rejectReason: 1,
      mask: 1,
    }, Promise.resolve()],
    field: "patchPolicy()",
    type: "handler-failed",
  },
  whenQueueFull: {
    options: (nonsense) => ({ concurrency: 1, maxQueuedFrames: 0, whenQueueFull: () => nonsense as Any }),
    ask: async (dial) => {
      const session = await dial();
      const running = session.submit(say("hang"));
      running.catch(() => {});
      const error = await assertRejects(() => session.submit(say("x")), NnrpProtocolError);
      assertEquals(error.errorCode, ErrorCode.INTERNAL_ERROR);
      await session.close({ drainMs: 0 });
    },
    nonsense: [null, true, "stale", 5, { typedPayload: [] }, { typedPayloads: "x" }, Promise.resolve({})],
    field: "",
    type: "handler-failed",
  },
};
for (const [callback, { options, ask, nonsense, field, type }] of Object.entries(OTHERS)) {
  test(`nonsense from ${callback}: a typed error in the log, once, and a refusal`, async () => {
    for (const value of nonsense) {
      const log: ServerLogEvent[] = [];
      const at = await MEMORY.serve(
        (frame) =>
          frame.text() === "hang"
            ? new Promise((done) => frame.signal.addEventListener("abort", () => done({})))
            : {},
        { ...options(value), log: (event) => log.push(event) },
      );
      await ask(() => at.dial());
      const what = `${callback}: ${
        String(value) === "[object Object]" ? JSON.stringify(value) : String(value)
      }`;
      await until(
        () => valueErrors(log).length > 0,
        `${what}: ${log.map((event) => `${event.type} ${event.error}`)}`,
      );
      const failures = log.filter((event) => event.error instanceof NnrpValueError);
      assertEquals(failures.map((event) => event.type), [type], what);
      assertStringIncludes(valueErrors(log)[0].field, field, what);
      await at.end();
    }
  });
}
