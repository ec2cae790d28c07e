/**
 * Every async iterator that the packages hand out keeps the same rules: steps that wait are served in the order of their calls, and
 * whoever leaves, by `return()` or `throw()`, ends them.
 *
 * @module
 */
import { type ClientSession, type Result, TypedPayload } from "@nnrp/client";
import { ErrorCode, ErrorScope, ResultHintCongestionState } from "@nnrp/core";
import type { ServerSession } from "@nnrp/server";
import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { QuicDatagrams } from "../packages/quic/src/quic_datagrams.ts";
import { WebTransportDatagrams } from "../packages/quic/src/web_transport_datagrams.ts";
import { type Meeting, MEMORY } from "./support/places.ts";

/** An iterator of one kind, and what brings its items. */
interface Kind {
  /** A loop that was not begun. Other loops of the same source may have been left before. */
  readonly loop: () => AsyncIterator<unknown>;
  /** Brings item `n`: 1, 2, …. */
  readonly bring: (n: number) => unknown;
  /** The number of an item. */
  readonly numberOf: (item: never) => number;
}

/** What all kinds are made from. */
interface World {
  readonly at: Meeting;
  readonly client: ClientSession;
  readonly server: ServerSession;
}

const say = (n: number | string) => ({ typedPayloads: [TypedPayload.tokenChunk(String(n))] });

/** A frame whose answer the test gives part by part. */
function answered(
  world: World,
  loopOf: (stream: ReturnType<ClientSession["submitStream"]>) => unknown,
): Kind {
  let frameId = 0;
  return {
    loop: () =>
      loopOf(world.client.submitStream({ ...say("x"), frameId: ++frameId })) as AsyncIterator<unknown>,
    bring: async (n) => {
      if (n === 1) await world.server.receiveSubmit();
      await world.server.sendResult(frameId, say(n), { final: false });
    },
    numberOf: (item: Result | Result[] | string) =>
      Number(typeof item === "string" ? item : Array.isArray(item) ? item[0].text() : item.text()),
  };
}

const KINDS: Record<string, (world: World) => Kind> = {
  "results()": ({ client, server }) => ({
    loop: () => client.results(),
    bring: async () => {
      await client.submitNowait(say("x"));
      await server.sendResult(await server.receiveSubmit(), say("x"));
    },
    numberOf: ({ frameId }: Result) => frameId,
  }),
  "results(), all of which fail": ({ client, server }) => ({
    loop: () => client.results(),
    bring: async () => {
      await client.submitNowait(say("x"));
      server.failFrame(await server.receiveSubmit(), { errorCode: ErrorCode.INTERNAL_ERROR });
    },
    numberOf: ({ frameId }: Result) => frameId,
  }),
  "resultHints()": ({ client, server }) => ({
    loop: () => client.resultHints(),
    bring: (n) => server.sendResultHint({ congestionState: ResultHintCongestionState.SATURATED, frameId: n }),
    numberOf: ({ frameId }: { frameId: number }) => frameId,
  }),
  "flowUpdates()": ({ client, server }) => ({
    loop: () => client.flowUpdates(),
    bring: (n) => server.sendFlowUpdate({ credit: n }),
    numberOf: ({ metadata }: { metadata: { sessionCredit: number } }) => metadata.sessionCredit,
  }),
  "errors()": ({ client, server }) => ({
    loop: () => client.errors(),
    bring: (n) =>
      server.sendError({
        errorCode: ErrorCode.LIMIT_EXCEEDED,
        errorScope: ErrorScope.SESSION,
        diagnostic: String(n),
      }),
    numberOf: ({ error }: { error: { diagnostic: string } }) => Number(error.diagnostic),
  }),
  "submitStream()": (world) => answered(world, (stream) => stream[Symbol.asyncIterator]()),
  "batches()": (world) => answered(world, (stream) => stream.batches()[Symbol.asyncIterator]()),
  "text()": (world) => answered(world, (stream) => stream.text()),
  "sessions of a server": ({ at }) => {
    const sessions: ServerSession[] = [];
    return {
      loop: () => at.server[Symbol.asyncIterator](),
      bring: () => at.dial(),
      numberOf: (session: ServerSession) => sessions.push(session),
    };
  },
  "submits()": ({ client, server }) => ({
    loop: () => server.submits(),
    bring: () => client.submitNowait(say("x")),
    numberOf: ({ frameId }: { frameId: number }) => frameId,
  }),
  "datagrams of QUIC": () => {
    const { stream, bring } = bytes();
    const reader = stream.getReader();
    const datagrams = new QuicDatagrams({
      maxDatagramSize: 1200,
      sendDatagram: () => Promise.resolve(),
      readDatagram: async () => (await reader.read()).value!,
    });
    return { loop: () => datagrams.received(), bring, numberOf: ([n]: Uint8Array) => n };
  },
  "datagrams of WebTransport": () => {
    const { stream, bring } = bytes();
    const datagrams = new WebTransportDatagrams(
      { datagrams: { readable: stream } } as unknown as WebTransport,
    );
    return { loop: () => datagrams.received(), bring, numberOf: ([n]: Uint8Array) => n };
  },
};

/** A stream of one byte at a time. */
function bytes(): { stream: ReadableStream<Uint8Array>; bring: (n: number) => void } {
  let out!: ReadableStreamDefaultController<Uint8Array>;
  const stream = new ReadableStream<Uint8Array>({ start: (controller) => void (out = controller) });
  return { stream, bring: (n) => out.enqueue(Uint8Array.of(n)) };
}

const DONE = { value: undefined, done: true } as const;

for (const [name, kindOf] of Object.entries(KINDS)) {
  /** One test of one kind. */
  const rule = (what: string, check: (kind: Kind) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const at = await MEMORY.bind();
      const client = await at.dial({ flowControl: "manual" });
      const server = await at.server.accept();
      await check(kindOf({ at, client, server }));
      await at.end();
    });

  rule("steps that wait are served in the order of their calls", async ({ loop, bring, numberOf }) => {
    const items = loop();
    const steps = [items.next(), items.next(), items.next()];
    for (const [at, step] of steps.entries()) {
      await bring(at + 1);
      const { value, done } = await step;
      assertEquals([numberOf(value as never), done], [at + 1, false]);
    }
    await items.return!();
  });

  rule("return() ends the steps that wait; once more changes nothing", async ({ loop, bring, numberOf }) => {
    for (const begun of [false, true]) {
      const items = loop();
      if (begun) {
        const step = items.next();
        await bring(1);
        assertEquals(numberOf((await step).value as never), 1);
      }
      const steps = [items.next(), items.next(), items.next()];
      assertEquals(await items.return!(), DONE);
      assertEquals(await Promise.all(steps), [DONE, DONE, DONE]);
      assertEquals([await items.return!(), await items.next(), await items.return!()], [DONE, DONE, DONE]);
    }
  });

  rule("throw() ends the steps that wait, and rejects", async ({ loop }) => {
    const items = loop();
    const steps = [items.next(), items.next()];
    const mine = new Error("mine");
    assertEquals(await assertRejects(() => items.throw!(mine)), mine);
    assertEquals(await Promise.all(steps), [DONE, DONE]);
    assertEquals(await items.next(), DONE);
  });

  rule("a loop that is left before its first step is over", async ({ loop }) => {
    const items = loop();
    assertEquals([await items.return!(), await items.next()], [DONE, DONE]);
  });

  rule("a loop may begin with the iterator, and be left while nobody brings anything", async ({ loop }) => {
    const items = loop() as AsyncIterableIterator<unknown>;
    assertEquals(items[Symbol.asyncIterator](), items);
    const walked = (async () => {
      for await (const _ of items) throw new Error("there is none");
    })();
    await items.return!();
    await walked;
  });

  rule("what comes after a loop was left is for the next one", async ({ loop, bring, numberOf }) => {
    if (["submitStream()", "batches()", "text()"].includes(name)) return; // read once
    const left = loop();
    const waiting = left.next();
    await left.return!();
    await waiting;
    await bring(1);
    const items = loop();
    assertEquals(numberOf((await items.next()).value as never), 1);
    await items.return!();
  });
}
