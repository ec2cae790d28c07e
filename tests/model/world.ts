/**
 * A client and a server engine with everything between them in the hands of the test: time, the order of deliveries, where
 * bytes are cut, when connections die. What each frame heard is written down and judged at once.
 *
 * @module
 */
import {
  buildClientHello,
  buildHelloAck,
  type CachePutReply,
  type Carrier,
  ClientEngine,
  type ClientHost,
  type EngineHost,
  ErrorCode,
  type ErrorEvent,
  type FrameWaiter,
  judgeHello,
  memoryPair,
  type NnrpError,
  type PatchReply,
  type ReceivedSubmit,
  type ReplyWaiter,
  type Result,
  ServerEngine,
  ServerHandshake,
  type ServerHandshakeOptions,
  type ServerHost,
  type SessionEnd,
  type SessionEngine,
  SessionState,
  TypedPayload,
} from "@nnrp/core";
import { systemHost } from "@nnrp/runtime";
import { assert, assertEquals } from "@std/assert";
import { CreditModel } from "./credit_model.ts";

/** What differs between worlds. */
export interface WorldOptions {
  /** Source of the cuts in the byte stream, 0…1 each. */
  readonly random: () => number;
  /** Frames the server lets be in flight. */
  readonly maxConcurrentFrames: number;
  /** Whether the cache is so small that objects make room all the time. */
  readonly smallCache: boolean;
  /** Whether both sides tell final results by EOS. */
  readonly streamedResults: boolean;
}

/** Frames in flight beyond which the server refuses. */
export const HARD_LIMIT = 7;
const SMALL_CACHE = { maxEntries: 3, maxBytes: 200 };

/** A submitted frame and everything it heard. */
export class ModelFrame implements FrameWaiter {
  frameId = 0;
  viewId = 0;
  late = false;
  heapAt = -1;
  readonly untilEos = false;
  /** How it ended; null = not yet. */
  end: string | null = null;
  /** Whether its wait timed out. */
  timedOutOnce = false;
  #parts = 0;

  constructor(readonlyNumber: number, deadlineMs: number) {
    this.number = readonlyNumber;
    this.deadlineMs = deadlineMs;
  }
  /** Place in the order of submits; travels as trace id. */
  readonly number: number;
  deadlineMs: number;

  result(result: Result, final: boolean): void {
    assertEquals(this.end, null, `frame #${this.number} heard of a result after its end`);
    assertEquals(result.traceId, BigInt(this.number), "a frame gets its own answer");
    assertEquals([result.frameId, result.viewId], [this.frameId, this.viewId]);
    if (result.isDrop) this.end = "drop";
    else {
      const text = result.text();
      if (text !== "") {
        assertEquals(text, `${this.number}:${this.#parts++}`, "parts come in order, none twice");
      }
      if (final) this.end = "result";
    }
  }
  timedOut(): void {
    assertEquals([this.end, this.timedOutOnce], [null, false]);
    this.timedOutOnce = true;
  }
  failed(error: NnrpError): void {
    assertEquals(this.end, null, `frame #${this.number} failed after its end: ${error.message}`);
    this.end = error.code;
  }
}

/** A request on the control path that must be answered at most once. */
export class ModelReply<T> implements ReplyWaiter<T> {
  value: T | undefined;
  failed = false;
  resolve(value: T): void {
    assert(this.value === undefined && !this.failed, "a request is answered once");
    this.value = value;
  }
  reject(): void {
    assert(this.value === undefined && !this.failed, "a request is answered once");
    this.failed = true;
  }
}

/** A cache operation of the client, in the order in which they were sent. */
export type CacheOperation =
  | {
    readonly put: number;
    readonly data: Uint8Array;
    readonly ttlMs: number;
    readonly reply: ModelReply<CachePutReply>;
  }
  | { readonly invalidate: number | "all" };

/** Both ends and what lies between them. */
export class World {
  nowMs = 1000;
  readonly options: WorldOptions;
  readonly client: ClientEngine;
  readonly handshake: ServerHandshake;
  #server: ServerEngine | null = null;
  readonly clientCarrier: Carrier;
  readonly serverCarrier: Carrier;
  readonly credit = new CreditModel();
  readonly frames: ModelFrame[] = [];
  readonly open: ReceivedSubmit[] = []; // at the server, not settled
  readonly arrived = new Map<string, number>(); // by trace id: 0 = in flight, 1 = ended
  readonly parts = new Map<string, number>();
  readonly cacheOperations: CacheOperation[] = [];
  readonly replies: ModelReply<PatchReply | CachePutReply | number>[] = [];
  #tasks: (() => void)[] = [];
  #timers: { atMs: number; call: () => void }[] = [];
  readonly #ends = { client: 0, server: 0 };

  constructor(options: WorldOptions) {
    this.options = options;
    const { random } = options;
    [this.clientCarrier, this.serverCarrier] = memoryPair({
      schedule: (task) => this.#tasks.push(task),
      split: (bytes) => cut(bytes, random),
      runtime: {
        ...systemHost(),
        now: () => this.nowMs,
        after: (ms, call) => {
          const timer = { atMs: this.nowMs + ms, call };
          this.#timers.push(timer);
          return () => this.#timers = this.#timers.filter((t) => t !== timer);
        },
        yield: (call) => void this.#tasks.push(call),
      },
    });
    const limits = { keepAliveMs: 1000, idleTimeoutMs: 60_000, controlRate: { burst: 1e9 } };
    this.client = new ClientEngine(this.clientCarrier, this.#clientHost(), limits);
    this.handshake = this.#shakeHands(limits);
    this.#start(() => this.client, this.clientCarrier);
    this.#start(() => this.#server ?? this.handshake, this.serverCarrier);
    const hello = buildClientHello({ streamedResults: options.streamedResults });
    this.client.hello(hello.metadata, hello.body);
    while (this.#server === null && this.deliver(0));
  }

  /** The server's session. */
  get server(): ServerEngine {
    return this.#server!;
  }

  #start(engine: () => SessionEngine, carrier: Carrier): void {
    engine().opened(this.nowMs);
    carrier.start({
      begin: () => engine().begin(this.nowMs),
      packet: (cursor, lane) => engine().receive(cursor, lane),
      turn: () => engine().turn(),
      fault: (error) => engine().fault(error),
      end: () => engine().peerEnded(),
      closed: (info) => engine().carrierClosed(info),
    });
  }

  #shakeHands(limits: ServerHandshakeOptions): ServerHandshake {
    const handshake = new ServerHandshake(this.serverCarrier, {
      hello: ({ metadata, controlExtensions }) => {
        const cache = this.options.smallCache
          ? { maxCacheEntries: SMALL_CACHE.maxEntries, maxCacheBytes: SMALL_CACHE.maxBytes }
          : {};
        const { maxConcurrentFrames, streamedResults } = this.options;
        const agreement = judgeHello({ metadata, controlExtensions }, {
          maxConcurrentFrames,
          streamedResults,
          ...cache,
        });
        if (!agreement.accepted) throw new Error(agreement.diagnostic);
        const ack = buildHelloAck(agreement, { sessionId: 9, activeTransportId: 2 });
        this.#server = new ServerEngine(handshake.agree(ack.metadata, ack.body)!, this.#serverHost(), {
          maxInFlightFrames: HARD_LIMIT,
          maxPatchesPerSecond: 3,
        });
        this.#server.start(this.nowMs);
      },
      ended: ({ end }) => {
        throw new Error(`the handshake failed: ${end.reason}`);
      },
    }, limits);
    return handshake;
  }

  #hostBase(side: "client" | "server", carrier: () => Carrier): Pick<EngineHost, "draining" | "finished"> {
    return {
      draining: () => {},
      finished: (_end: SessionEnd, fatal: boolean) => {
        assertEquals(++this.#ends[side], 1, "a session ends once");
        void carrier().close({ endDelayMs: fatal ? 150 : 0 });
      },
    };
  }

  #clientHost(): ClientHost {
    return {
      ...this.#hostBase("client", () => this.clientCarrier),
      opened: () => {},
      refused: () => {},
      admitted: () => {},
      hint: () => {},
      error: ({ error }: ErrorEvent) => assert(EXPECTED_ERRORS.has(error.errorCode), error.message),
      flow: ({ metadata, applied }) =>
        assertEquals(
          this.credit.apply(metadata, this.nowMs),
          applied,
          `update ${JSON.stringify(metadata, bigintAsText)}`,
        ),
    };
  }

  #serverHost(): ServerHost {
    return {
      ...this.#hostBase("server", () => this.serverCarrier),
      submit: (frame) => {
        const key = String(frame.traceId);
        assertEquals(this.arrived.has(key), false, "a frame arrives once");
        this.arrived.set(key, 0);
        this.open.push(frame);
      },
      cancelled: (frame) => this.#ended(frame),
      error: ({ error }) => {
        throw new Error(`the client complains: ${error.message}`);
      },
      flow: () => {},
      patched: () => {},
    };
  }

  #ended(frame: ReceivedSubmit): void {
    const key = String(frame.traceId);
    assertEquals(this.arrived.get(key), 0, "a frame ends once");
    this.arrived.set(key, 1);
    this.open.splice(this.open.indexOf(frame), 1);
  }

  /** Whether the server has said its last word on a frame. */
  isAnswered(frame: ModelFrame): boolean {
    return this.arrived.get(String(frame.number)) === 1;
  }

  /** The next part of a frame's answer. */
  partOf(frame: ReceivedSubmit): { typedPayloads: TypedPayload[] } {
    const key = String(frame.traceId);
    const part = this.parts.get(key) ?? 0;
    this.parts.set(key, part + 1);
    return { typedPayloads: [TypedPayload.tokenChunk(`${frame.traceId}:${part}`)] };
  }

  /** The server ends a frame in one of its ways. */
  answer(frame: ReceivedSubmit, how: number): void {
    const sent = how === 0
      ? this.server.sendDrop(frame)
      : how === 1
      ? this.server.failFrame(frame, { errorCode: ErrorCode.INTERNAL_ERROR })
      : how === 2
      ? this.server.endStream(frame, this.nowMs)
      : this.server.sendResult(frame, this.partOf(frame), true, this.nowMs);
    assertEquals(sent, true);
    this.#ended(frame);
  }

  /** Lets one of the deliveries happen that are due; false if there is none. */
  deliver(choice: number): boolean {
    this.flush();
    if (this.#tasks.length === 0) return false;
    const [task] = this.#tasks.splice(choice % this.#tasks.length, 1);
    task();
    this.flush();
    return true;
  }

  /** Sends what was committed. */
  flush(): void {
    this.clientCarrier.flush();
    this.serverCarrier.flush();
  }

  /** Lets time pass; timers and engines are told as a host would. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const timer of this.#timers.filter((t) => t.atMs <= this.nowMs)) {
      this.#timers = this.#timers.filter((t) => t !== timer);
      timer.call();
    }
    for (const engine of [this.client, this.server]) {
      if (engine.nextDeadlineMs <= this.nowMs) engine.tick(this.nowMs);
    }
  }

  /** Everything that is due happens, and the server answers all. */
  settle(): void {
    this.clientCarrier.resume();
    this.serverCarrier.resume();
    for (let round = 0; round < 2000; round++) {
      let moved = false;
      while (this.deliver(round)) moved = true;
      for (const frame of [...this.open]) {
        if (frame.settled) this.open.splice(this.open.indexOf(frame), 1);
        else this.answer(frame, 3 + round % 1);
        moved = true;
      }
      this.client.turn();
      this.server.turn();
      this.flush();
      if (!moved && this.#tasks.length === 0) return;
    }
    throw new Error("the world does not come to rest");
  }

  /** Whether both sides are in the middle of a session. */
  get active(): boolean {
    return this.client.state === SessionState.ACTIVE && this.server.state === SessionState.ACTIVE;
  }
}

/** Errors that a server may tell a client that keeps to the rules. */
const EXPECTED_ERRORS = new Set<number>([
  ErrorCode.INTERNAL_ERROR, // a handler failed
  ErrorCode.CACHE_MISS,
  ErrorCode.LIMIT_EXCEEDED, // time-outs free slots that the server still works on
  ErrorCode.INVALID_STATE, // a submit crossed CLOSE
]);

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** Cuts bytes anywhere: into single bytes, into few pieces, or not at all. */
function cut(bytes: Uint8Array, random: () => number): Uint8Array[] {
  const mood = random();
  if (mood < 0.3 || bytes.length > 5000) return [bytes];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = mood < 0.4 ? 1 : 1 + Math.floor(random() * (mood < 0.7 ? 20 : 300));
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}
