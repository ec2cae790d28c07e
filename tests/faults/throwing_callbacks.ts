/**
 * Callbacks of an application that fail in every way a program can, by name: a client says in its auth block, or in a frame, which
 * one it wants. For the tests that nobody else notices.
 *
 * @module
 */
import { NnrpProtocolError, type ReceivedSubmit, type ResultFields } from "@nnrp/core";
import type { AuthVerdict, HandlerOutput, NnrpServer, PatchRefusal, ServeOptions } from "@nnrp/server";

/** What a client does so that a callback is called. */
export type Trigger = "hello" | "frame" | "queue" | "patch" | "flow" | "error";

/** One way to fail. */
export interface Fault {
  /** What fails, and how; travels as the auth block and as the text of the frame. */
  readonly name: string;
  /** What makes it happen. */
  readonly trigger: Trigger;
  /** Whether the client that caused it hears an error, or is served all the same. */
  readonly client: "fails" | "served";
  /** Entries about the failure in the log. */
  readonly logged: number;
}

/** Thrown by the callbacks. */
class Boom extends Error {}
const boom = (): never => {
  throw new Boom("thrown by a callback of the application");
};
const rejects = (): Promise<never> =>
  Promise.reject(new Boom("an async callback of the application rejected"));
/** An object of which nothing can be read. */
const hostile = (): object =>
  new Proxy({}, {
    get: boom,
    has: boom,
    getPrototypeOf: boom,
    ownKeys: boom,
    getOwnPropertyDescriptor: boom,
  });
/** Something thrown that cannot even be printed. */
const unprintable = (): never => {
  throw Object.create(null);
};
// deno-lint-ignore no-explicit-any
type Any = any;

class BadWords extends NnrpProtocolError {
  constructor() {
    super({ errorCode: 1, codeName: "X", errorScope: 2 });
    Object.defineProperty(this, "diagnostic", { get: boom });
  }
}

const AUTH: Record<string, () => Any> = {
  "auth throws": boom,
  "auth throws something unprintable": unprintable,
  "auth rejects": rejects,
  "auth gives an object of which nothing can be read": hostile,
  "auth gives a getter that throws": () => ({
    refuse: "error",
    get diagnostic() {
      return boom();
    },
  }),
  "auth gives words that are none": () => ({ refuse: "error", diagnostic: Symbol("words") }),
  "auth gives a refusal that there is not": () => ({ refuse: 7, diagnostic: "no" }),
};

/** These are refusals, if odd ones. */
const REFUSALS = new Set(["auth gives words that are none", "auth gives a refusal that there is not"]);

const SESSION_ID: Record<string, () => Any> = {
  "sessionId throws": boom,
  "sessionId is async": () => rejects(),
  "sessionId gives NaN": () => NaN,
  "sessionId gives a bigint": () => 7n,
};

async function* yielding(...parts: (() => Any)[]): AsyncGenerator<Any> {
  for (const part of parts) yield await part();
}

const HANDLER: Record<string, () => Any> = {
  "the handler throws": boom,
  "the handler throws nothing": () => {
    throw undefined;
  },
  "the handler throws something unprintable": unprintable,
  "the handler throws an object of which nothing can be read": () => {
    throw hostile();
  },
  "the handler throws an error whose words throw": () => {
    throw new BadWords();
  },
  "the handler rejects": rejects,
  "the handler gives a then that throws when it is read": () => ({
    get then() {
      return boom();
    },
  }),
  "the handler gives a then that throws when it is called": () => ({ then: boom }),
  "the handler gives a promise whose own then throws": () =>
    Object.assign(Promise.reject(new Boom()), { then: boom }),
  "the handler gives a then that rejects twice": () => ({
    then: (_: unknown, reject: (error: unknown) => void) => {
      reject(new Boom());
      reject(new Boom());
    },
  }),
  "the handler gives an object of which nothing can be read": hostile,
  "the handler gives fields that throw": () => ({
    get typedPayloads() {
      return boom();
    },
  }),
  "the handler gives an iterator getter that throws": () => ({
    get [Symbol.asyncIterator]() {
      return boom();
    },
  }),
  "the handler gives an iterator that cannot be begun": () => ({ [Symbol.asyncIterator]: boom }),
  "the handler gives an iterator whose next throws": () => ({
    [Symbol.asyncIterator]: () => ({ next: boom }),
  }),
  "the handler gives an iterator whose next gives nothing": () => ({
    [Symbol.asyncIterator]: () => ({ next: () => undefined }),
  }),
  "the handler gives an iterator whose steps throw": () => ({
    [Symbol.asyncIterator]: () => ({
      next: () =>
        Promise.resolve({
          get done() {
            return boom();
          },
        }),
    }),
  }),
  "the handler yields what cannot be sent": () => yielding(() => ({ typedPayloads: 7 })),
  "the handler yields what cannot be read": () => yielding(() => ({ typedPayloads: [hostile()] })),
  "the handler yields a part, then rejects": () => yielding(() => ({ payloadKindBitmap: 0 }), rejects),
};

/** With something that is no refusal, or nothing at all, the patch goes through. */
const PATCH: Record<string, () => Any> = {
  "patchPolicy throws": boom,
  "patchPolicy is async": () => Promise.resolve(undefined),
  "patchPolicy rejects": rejects,
  "patchPolicy gives a reason that there is not": () => ({ rejectReason: 4711 }),
  "patchPolicy gives a mask that is none": () => ({ rejectReason: 1, rejectedMask: -1 }),
  "patchPolicy gives a time that is none": () => ({ rejectReason: 5, retryAfterMs: Infinity }),
  "patchPolicy gives an object of which nothing can be read": hostile,
};

const LISTENER: Record<string, () => Any> = { throws: boom, rejects };

/** All of them. */
export const FAULTS: readonly Fault[] = [
  ...Object.keys(AUTH).map((name) => fault(name, "hello", "fails", REFUSALS.has(name) ? 0 : 1)),
  ...Object.keys(SESSION_ID).map((name) => fault(name, "hello", "fails", 1)),
  ...Object.keys(HANDLER).map((name) => fault(name, "frame", "fails", 1)),
  ...Object.keys(PATCH).map((name) => fault(name, "patch", "served", 1)),
  fault("whenQueueFull throws", "queue", "fails", 1),
  fault("whenQueueFull rejects", "queue", "fails", 1),
  fault("whenQueueFull gives an object of which nothing can be read", "queue", "fails", 1),
  ...Object.keys(LISTENER).flatMap((how) => [
    fault(`onFlowUpdate ${how}`, "flow", "served", 1),
    fault(`onPatch ${how}`, "patch", "served", 1),
    fault(`onError ${how}`, "error", "served", 1),
  ]),
];

function fault(name: string, trigger: Trigger, client: Fault["client"], logged: number): Fault {
  return { name, trigger, client, logged };
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Frames of a session that run, and that wait. */
export const ROOM = 8;

/** Options whose callbacks fail for those who ask for it. */
export function faultyOptions(): ServeOptions {
  return {
    authValidator: (request): AuthVerdict | Promise<AuthVerdict> => {
      const name = textOf(request.authBlock);
      return AUTH[name]?.() ?? { principal: name };
    },
    sessionId: (hello) => SESSION_ID[textOf(hello.authBlock)]?.() ?? 0,
    patchPolicy: (_patch, session): PatchRefusal | undefined => PATCH[String(session.principal)]?.(),
    whenQueueFull: (_frame, session): ResultFields | undefined => {
      if (session.principal === "whenQueueFull throws") return boom();
      if (session.principal === "whenQueueFull rejects") return rejects() as Any;
      return String(session.principal).startsWith("whenQueueFull") ? hostile() : undefined;
    },
    profile: { maxConcurrentFrames: ROOM },
    maxQueuedFrames: ROOM,
    maxFailuresLoggedPerSecond: 100_000,
  };
}

/** Works on a frame: fails as its text asks for, waits until it is cancelled, or echoes it. */
export function faultyHandler(frame: ReceivedSubmit): HandlerOutput | Promise<HandlerOutput> {
  const text = frame.text();
  if (text === "wait") return new Promise((_, reject) => frame.signal.addEventListener("abort", reject));
  const name = text.replace(/ later$/, "");
  return HANDLER[name]?.() ?? { typedPayloads: frame.typedPayloads };
}

/** Sets the callbacks of the sessions that ask for it. */
export function spoilListeners(server: NnrpServer): void {
  for (const session of server.sessions) {
    const [name, how] = String(session.principal).split(" ");
    const call = LISTENER[how];
    if (name === "onFlowUpdate") session.onFlowUpdate = call;
    else if (name === "onPatch") session.onPatch = call;
    else if (name === "onError") session.onError = call;
  }
}
