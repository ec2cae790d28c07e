/**
 * The table behind the picture in docs/sessions.md: each end of a frame is brought about, and the caller's outcome and the
 * counters are what the table says.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  BudgetPolicy,
  CacheObjectKind,
  type ClientSession,
  dialClient,
  type DialOptions,
  type FrameRequest,
  NnrpConnectionClosedError,
  NnrpError,
  NnrpProtocolError,
  ResultClass,
  SubmitMode,
  tensorSection,
  TypedPayload,
} from "@nnrp/client";
import { memoryNetwork, MessageType } from "@nnrp/core";
import { drop, type HandlerOutput, type NnrpServer, serve, type ServeOptions } from "@nnrp/server";
import { test } from "node:test";
import { FRAME_ENDS } from "../docs/drawing/frame_life.ts";
import { until } from "./support/raw_peer.ts";

/** A server whose handler does what the frame says, and a client. */
interface Pair {
  readonly server: NnrpServer;
  readonly session: ClientSession;
  /** Lets frames that say "hold" go. */
  readonly release: () => void;
}

/** How to bring an end about; gives what the caller of `submit()` got. */
interface Scenario {
  readonly serve?: ServeOptions;
  readonly dial?: DialOptions;
  /** Whether results arrive with a class that does not exist. */
  readonly spoilResults?: boolean;
  readonly act: (pair: Pair) => Promise<unknown>;
}

const ask = (text: string, more: FrameRequest = {}): FrameRequest => ({
  typedPayloads: [TypedPayload.tokenChunk(text)],
  ...more,
});
const tiles = (...values: number[]) =>
  tensorSection({ role: 5, dtype: "uint8", tiles: values.map((value) => Uint8Array.of(value)) });
const otherTiles = tensorSection({ role: 6, dtype: "uint8", tiles: [Uint8Array.of(1)] });
const referring = (key: number): FrameRequest => ({
  submitMode: SubmitMode.MIXED,
  sections: [],
  tileIndexReference: {
    objectKind: CacheObjectKind.TILE_INDEX_BLOCK,
    refFlags: 0,
    cacheNamespace: 0,
    cacheKeyHi: 0,
    cacheKeyLo: key,
  },
});
const droppable = { budgetPolicy: BudgetPolicy.ALLOW_DROP };
const ONE_AT_A_TIME: ServeOptions = { concurrency: 1, maxQueuedFrames: 1 };
const say = (text: string): Scenario => ({
  act: ({ session }) => outcome(session.submit(ask(text, droppable))),
});

const SCENARIOS: Record<string, Scenario> = {
  unsent: { act: ({ session }) => outcome(session.submit(ask("x", { deadlineMs: Date.now() - 5 }))) },
  waited: behindOne((session) => session.submit(ask("x"), { timeoutMs: 5 })),
  withdrawn: behindOne((session) => {
    const stop = new AbortController();
    const waiting = session.submit(ask("x"), { signal: stop.signal });
    stop.abort();
    return waiting;
  }),
  full: behindOne((session) => session.submit(ask("x")), { whenFull: "reject" }),
  closed: behindOne((session) => {
    const waiting = session.submit(ask("x"));
    void session.close({ drainMs: 0 });
    return waiting;
  }),
  malformed: {
    act: async ({ session }) => {
      await session.putCache({ kind: CacheObjectKind.TILE_INDEX_BLOCK, key: 1n, data: new Uint8Array(3) });
      return outcome(session.submit(referring(1)));
    },
  },
  limit: {
    serve: { profile: { maxSections: 1 } },
    act: ({ session }) => outcome(session.submit({ tileIds: [1], sections: [tiles(1), otherTiles] })),
  },
  miss: { act: ({ session }) => outcome(session.submit(referring(2))) },
  busy: {
    serve: ONE_AT_A_TIME,
    act: async (pair) => {
      await occupy(pair);
      void outcome(pair.session.submit(ask("x")));
      return outcome(pair.session.submit(ask("x")));
    },
  },
  superseded: {
    serve: ONE_AT_A_TIME,
    act: async (pair) => {
      await occupy(pair);
      const older = outcome(pair.session.submit(ask("x", droppable)));
      void outcome(pair.session.submit(ask("x")));
      return older;
    },
  },
  expired: {
    serve: ONE_AT_A_TIME,
    act: async (pair) => {
      await occupy(pair);
      return outcome(pair.session.submit(ask("x", { ...droppable, latencyBudgetMs: 5 })));
    },
  },
  complete: say("complete"),
  partial: say("partial"),
  stale: say("stale"),
  degraded: say("degraded"),
  dropped: say("drop"),
  thrown: say("throw"),
  timedOut: { act: ({ session }) => outcome(session.submit(ask("hold"), { timeoutMs: 5 })) },
  cancelled: {
    act: async ({ session }) => {
      const frame = outcome(session.submit(ask("hold", { frameId: 9 })));
      session.cancelFrame(9);
      await session.ping(); // packets are read in order: the server has seen the cancel
      return frame;
    },
  },
  discarded: {
    act: ({ session }) => {
      const frame = outcome(session.submit(ask("hold", { frameId: 9 })));
      session.discardFrame(9);
      return frame;
    },
  },
  unreadable: { ...say("complete"), spoilResults: true },
  lost: {
    act: async ({ session, server }) => {
      const frame = outcome(session.submit(ask("hold")));
      await session.ping();
      await server.close({ drainMs: 0 });
      return frame;
    },
  },
  late: {
    act: async ({ session, release }) => {
      await outcome(session.submit(ask("hold"), { timeoutMs: 5 }));
      release();
      await until(() => session.stats.late === 1, "the late answer");
      return "nothing more";
    },
  },
};

for (const end of FRAME_ENDS) {
  test(`a frame ends as docs/sessions.md says: ${end.stage}, ${end.cause}`, async () => {
    const { serve: options, dial, spoilResults, act } = SCENARIOS[end.id];
    const net = memoryNetwork({ split: (bytes) => [spoilResults ? spoilt(bytes) : bytes] });
    let release = (): void => {};
    const released = new Promise<void>((done) => release = done);
    const server = await serve({ ...options, listen: [net] }, async (frame) => {
      if (frame.text() === "hold") await released;
      return answer(frame.text());
    });
    const session = await dialClient("nnrp://memory", { ...dial, carriers: [net] });
    const ofServer = server.sessions[0];
    const got = await act({ server, session, release });
    if (end.caller === "what ended it") assert(got instanceof NnrpConnectionClosedError);
    else assertEquals(nameOf(got), end.caller);
    assertEquals(got instanceof NnrpError, end.isError);
    if (end.client !== undefined) assertEquals(session.stats[end.client], 1, `client: ${end.client}`);
    if (end.server !== undefined) {
      assertEquals({ ...ofServer.stats, ...server.stats }[end.server], 1, `server: ${end.server}`);
    }
    const {
      submitted,
      inFlight,
      complete,
      partial,
      staleReuse,
      degraded,
      dropped,
      failed,
      cancelled,
      discarded,
      lateDue,
    } = session.stats;
    assertEquals(lateDue, end.client === "timedOut" ? 1 : 0);
    assertEquals(
      complete + partial + staleReuse + degraded + dropped + failed + cancelled + discarded + inFlight +
        lateDue,
      submitted,
    );
    release();
    await session.close({ drainMs: 0 });
    await server.close({ drainMs: 0 });
  });
}

/** A scenario in which one frame holds the only slot while another one waits. */
function behindOne(second: (session: ClientSession) => Promise<unknown>, dial: DialOptions = {}): Scenario {
  return {
    dial: { maxInFlight: 1, ...dial },
    act: ({ session }) => {
      void outcome(session.submit(ask("hold")));
      return outcome(second(session));
    },
  };
}

/** Gives the server's only place to a frame that holds it. */
function occupy({ session, server }: Pair): Promise<void> {
  void outcome(session.submit(ask("hold")));
  return until(() => server.stats.running === 1, "a running handler");
}

function answer(wish: string): HandlerOutput {
  switch (wish) {
    case "partial":
      return { tileIds: [1, 2], sections: [tiles(1, 2)], droppedTileCount: 1 };
    case "stale":
      return { resultClass: ResultClass.STALE_REUSE, reusedFrameId: 1 };
    case "degraded":
      return { resultClass: ResultClass.DEGRADED };
    case "drop":
      return drop();
    case "throw":
      throw new Error("on purpose");
    default:
      return {};
  }
}

/** A packet as it was sent, but for the class of a result (wire spec §7). */
function spoilt(bytes: Uint8Array): Uint8Array {
  if (bytes[6] === MessageType.RESULT_PUSH) bytes[40 + 44] = 9;
  return bytes;
}

/** What a promise came to. */
function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error) => error);
}

/** As the table names it. */
function nameOf(got: unknown): string {
  if (got instanceof NnrpProtocolError) return got.codeName;
  if (got instanceof NnrpError) return got.name;
  return typeof got === "string" ? got : (got as { className: string }).className;
}
