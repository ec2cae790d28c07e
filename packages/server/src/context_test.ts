/**
 * Every callback of the application starts from the asynchronous context in which the server was started: not from the one that another
 * client's callback left behind, nor from that of a client in the same process.
 */
import type { ClientSession } from "@nnrp/client";
import { TypedPayload } from "@nnrp/core";
import { assertEquals } from "@std/assert";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { PLACES } from "../../../tests/support/places.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import type { ServeOptions } from "../mod.ts";
import { turn } from "../../../tests/support/turns.ts";

const store = new AsyncLocalStorage<string>();
const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

for (const place of PLACES) {
  test(`${place.name}: callbacks see the context of the server's start, whoever was called before`, async () => {
    const seen: [string, string | undefined][] = [];
    /** Notes what a callback sees, then spoils it as tracing libraries do. */
    const note = (what: string) => {
      seen.push([what, store.getStore()]);
      store.enterWith(`left behind by ${what}`);
    };
    const options: ServeOptions = {
      concurrency: 1,
      maxQueuedFrames: 2,
      authValidator: ({ authBlock }) => {
        note("authValidator");
        return authBlock.length > 0 ? { principal: "somebody" } : false;
      },
      sessionId: () => {
        note("sessionId");
        return 0;
      },
      log: () => note("log"),
      patchPolicy: () => {
        note("patchPolicy");
        return undefined;
      },
      whenQueueFull: () => {
        note("whenQueueFull");
        return undefined;
      },
    };
    const at = await store.run("the start", () =>
      place.serve(async function* (frame) {
        note("handler");
        yield say("part");
        if (frame.text() === "throw") throw new Error("oops");
        await turn();
        // Its own context goes with it: it is the handler's.
        seen.push(["later in a handler", store.getStore()]);
      }, options));
    const work = async (session: ClientSession) => {
      const [server] = at.server.sessions.filter((s) => s.sessionId === session.sessionId);
      server.onFlowUpdate = () => note("onFlowUpdate");
      server.onPatch = () => note("onPatch");
      server.onError = () => note("onError");
      await Promise.allSettled([
        ...Array.from({ length: 8 }, () => session.submit(say("x"))),
        session.patch({ qualityTier: 3 }),
        session.submit(say("throw")),
      ]);
      await session.submit(say("throw")).catch(() => {});
      session.sendFlowUpdate({ credit: 5 });
      await session.ping();
    };
    await store.run("a client", async () => {
      const sessions = [await at.dial({ auth: "a" }), await at.dial({ auth: "b" })];
      await at.dial().catch(() => {});
      await Promise.all(sessions.map(work));
    });
    const { errorPacket } = await import("@nnrp/testing/packets");
    const last = await at.dial({ auth: "c" });
    at.server.sessions.at(-1)!.onError = () => note("onError");
    last.raw.sendPacket("control", errorPacket());
    await until(() => seen.some(([what]) => what === "onError"), "the ERROR");
    await at.end();
    const callbacks = new Set(seen.map(([what]) => what));
    assertEquals([...callbacks].sort(), [
      "authValidator",
      "handler",
      "later in a handler",
      "log",
      "onError",
      "onFlowUpdate",
      "onPatch",
      "patchPolicy",
      "sessionId",
      "whenQueueFull",
    ]);
    for (const [what, context] of seen) {
      const expected = what === "later in a handler" ? "left behind by handler" : "the start";
      assertEquals(context, expected, what);
    }
    assertEquals(store.getStore(), undefined);
  });
}

for (const place of PLACES) {
  test(`${place.name}: of handlers that run in one turn each begins in that context`, async () => {
    const seen = new Set<string | undefined>();
    const at = await store.run("the start", () =>
      place.serve((frame) => {
        seen.add(store.getStore());
        store.enterWith(`left behind by frame ${frame.frameId}`);
        return frame.frameId % 2 === 0 ? say("at once") : Promise.resolve(say("soon"));
      }));
    await store.run("a client", async () => {
      const session = await at.dial();
      await Promise.all(Array.from({ length: 50 }, () => session.submit(say("x"))));
    });
    assertEquals([...seen], ["the start"]);
    await at.end();
  });
}
