/**
 * What handlers do to the library: answer at once or late or never, throw, keep the loop busy, reuse buffers, ignore signals,
 * stream by every kind of iterable there is.
 *
 * @module
 */
import { drop, type Handler, type HandlerContext, type HandlerOutput } from "@nnrp/server";
import { type ReceivedSubmit, type ResultFields, TypedPayload } from "@nnrp/server";
import { RandomStream } from "@nnrp/testing";
import type { BookedIterator } from "./iterator_book.ts";
import type { Frame } from "./ledger.ts";
import { checkArrival } from "./oracles/answers.ts";
import { checkCredit } from "./oracles/credit.ts";
import { checkPause } from "./oracles/pause.ts";
import { bulkOf, fillOf, type Order, partName, readOrder } from "./order.ts";
import type { SimServer } from "./server.ts";
import { doomedBytes, WAYS_TO_VANISH } from "../support/vanishing.ts";

/** A handler at work. */
export interface Handling {
  /** The frame as its client knows it. */
  readonly frame: Frame;
  /** The frame as the server has it. */
  readonly received: ReceivedSubmit;
  /** Its session. */
  readonly context: HandlerContext;
  /** Number of the server's process that runs it: one that closes in order works beside its successor. */
  readonly generation: number;
}

/** The one handler of all servers: it does what the frame asks for. */
export function makeHandler(server: SimServer, generation: number): Handler {
  return (received, context) => {
    const { stage } = server;
    const order = readOrder(received.text());
    // A frame that refers to a cached object has no text; its trace id tells which it is.
    const frame = order === null ? stage.ledger.traced(received.traceId) : stage.ledger.find(order.nonce);
    if (frame === undefined) {
      stage.found("answers", "a handler got a frame that nobody submitted");
      return drop();
    }
    const handling: Handling = { frame, received, context, generation };
    frame.handled++;
    frame.startedMs = server.host.now();
    frame.receivedMs = received.receivedAtMs;
    frame.answeredMs = -1;
    checkArrival(stage, handling);
    checkCredit(server, handling);
    checkPause(stage, frame);
    server.begins(handling);
    const work = new HandlerWork(server, handling, frame.order);
    return work.run();
  };
}

/** More than a client takes as one body, bytes. */
export const HUGE_BYTES: number = 32 * 1024 * 1024 + 1;
/** How long a source waits to be told to stop before it ends by itself, ms. */
const MAX_SOURCE_MS = 10_000;
/** Longest that a handler that waits for its signal does so, ms. */
const MAX_WAIT_MS = 20_000;

class HandlerWork {
  readonly #server: SimServer;
  readonly #handling: Handling;
  readonly #order: Order;
  readonly #random: RandomStream;

  constructor(server: SimServer, handling: Handling, order: Order) {
    this.#server = server;
    this.#handling = handling;
    this.#order = order;
    this.#random = new RandomStream(server.stage.script.seed, `handler of ${order.nonce}`);
  }

  run(): HandlerOutput | Promise<HandlerOutput> {
    const { act, ms, parts } = this.#order;
    switch (act) {
      case "quick":
        return this.#done(this.#answer());
      case "promise":
        return Promise.resolve().then(() => this.#done(this.#answer()));
      case "slow":
        return this.#sleep(ms, true).then(() => this.#done(this.#answer()));
      case "deaf":
        return this.#sleep(ms, false).then(() => this.#done(this.#answer()));
      case "waits":
        return this.#sleep(Math.min(ms, MAX_WAIT_MS), true).then(() => this.#done(this.#answer()));
      case "throws":
        this.#ends();
        throw new Error("this handler throws");
      case "rejects":
        return this.#sleep(ms, true).then(() => {
          this.#ends();
          throw new Error("this handler rejects");
        });
      case "blocks":
        this.#server.host.block(ms);
        this.#server.blocked(ms);
        return this.#done(this.#answer());
      case "drops":
        return this.#done(drop());
      case "huge":
        return this.#done({
          typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(HUGE_BYTES))],
        });
      case "takes":
        return parts === 0 ? this.#done(this.#vanishing(0, 1)) : this.#generator(act);
      case "plain":
        // Allowed by the types once the library takes plain iterables.
        return this.#plain() as unknown as HandlerOutput;
      case "array":
        return this.#array() as unknown as HandlerOutput;
      case "iterator":
      case "source":
        return this.#iterator();
      default:
        return this.#generator(act);
    }
  }

  /** The answer is there. */
  #done<T>(output: T): T {
    this.#handling.frame.answeredMs = this.#server.host.now();
    this.#ends();
    return output;
  }

  #ends(): void {
    this.#server.ends(this.#handling);
  }

  #answer(): ResultFields {
    const { cameraBlock } = this.#handling.received;
    const part = this.#part(0, 1);
    if (this.#handling.frame.cache === null) return part;
    return { typedPayloads: [...part.typedPayloads!, TypedPayload.opaqueBytes(cameraBlock.slice())] };
  }

  /** An answer or part in memory that will be gone. */
  #doomed(i: number, count: number, ways = WAYS_TO_VANISH): { part: ResultFields; take: () => void } {
    const { bytes } = this.#order;
    const doomed = doomedBytes(this.#random.pick(ways), bytes);
    return { part: this.#part(i, count, doomed.bytes), take: doomed.take };
  }

  /** The same, gone before long. */
  #vanishing(i: number, count: number): ResultFields {
    // A view that follows its buffer's length may be shorter, and whole, before the library is given it.
    const { part, take } = this.#doomed(
      i,
      count,
      WAYS_TO_VANISH.filter((way) => way !== "followed and cut short"),
    );
    if (this.#random.chance(0.5)) queueMicrotask(take);
    else this.#server.host.after(this.#random.between(0, 40), take);
    return part;
  }

  #part(i: number, count: number, buffer?: Uint8Array): ResultFields {
    const { nonce, bytes } = this.#order;
    const name = TypedPayload.tokenChunk(partName(nonce, i, count));
    if (bytes === 0) return { typedPayloads: [name] };
    buffer?.fill(fillOf(nonce, i));
    return { typedPayloads: [name, TypedPayload.opaqueBytes(buffer ?? bulkOf(nonce, i, bytes))] };
  }

  #sleep(ms: number, listens: boolean): Promise<void> {
    const { host } = this.#server;
    return new Promise((done) => {
      let isDone = false;
      const end = () => {
        if (isDone) return;
        isDone = true;
        cancel();
        done();
      };
      const cancel = host.after(ms, end);
      if (listens) this.#handling.received.signal.addEventListener("abort", end);
    });
  }

  /** Resolves when the iterator is told to stop, which must happen while a step waits; or after long. */
  #told(booked: BookedIterator): Promise<void> {
    const { host, stage, plan } = this.#server;
    return new Promise((done) => {
      const startedMs = host.now();
      const look = () => {
        if (booked.ended > 0) return done();
        if (host.now() - startedMs < MAX_SOURCE_MS) host.after(200, look);
        else {
          if (this.#handling.received.settled && !stage.trouble.ofServerSince(plan.index, startedMs)) {
            const { run } = this.#handling.frame;
            stage.found(
              "iterators",
              "an iterator was not told to stop while a step of it waits",
              run.client.name,
              ["source"],
            );
          }
          done();
        }
      };
      look();
    });
  }

  #book(): BookedIterator {
    const { host, stage } = this.#server;
    return stage.iterators.book(this.#order.act, () => host.isKilled, () => this.#handling.received.settled);
  }

  async *#generator(act: Order["act"]): AsyncGenerator<ResultFields, void, undefined> {
    const booked = this.#book();
    const { parts, bytes, ms } = this.#order;
    const scratch = act === "reuses" ? new Uint8Array(bytes) : undefined;
    try {
      booked.began = true;
      for (let i = 0; i < parts; i++) {
        if (act !== "rush" && this.#random.chance(0.7)) await this.#sleep(ms / parts, act !== "reuses");
        if (act === "breaks" && i >= parts / 2) throw new Error("this handler breaks off");
        if (act === "spoils" && i >= parts / 2) yield { resultClass: 99 } as ResultFields;
        if (act === "takes") yield this.#vanishing(i, parts);
        else if (act === "lends") {
          const { part, take } = this.#doomed(i, parts);
          yield part;
          take();
        } else yield this.#part(i, parts, scratch);
      }
    } finally {
      this.#server.stage.iterators.end(booked);
      this.#ends();
    }
  }

  *#plain(): Generator<ResultFields, void, undefined> {
    const booked = this.#book();
    const { parts } = this.#order;
    try {
      booked.began = true;
      for (let i = 0; i < parts; i++) yield this.#part(i, parts);
    } finally {
      this.#server.stage.iterators.end(booked);
      this.#ends();
    }
  }

  #array(): ResultFields[] {
    const { parts } = this.#order;
    this.#ends();
    return Array.from({ length: parts }, (_, i) => this.#part(i, parts));
  }

  /** By hand, as no generator would do: it may be asked and told to stop at once, and says when that was twice. */
  #iterator(): AsyncIterable<ResultFields> {
    const booked = this.#book();
    const { parts, ms } = this.#order;
    let i = 0;
    let wasTold = false;
    const end = () => {
      this.#server.stage.iterators.end(booked);
      if (booked.ended === 1) this.#ends();
    };
    return {
      [Symbol.asyncIterator]: (): AsyncIterator<ResultFields> => ({
        next: async () => {
          booked.began = true;
          if (this.#order.act === "source" && i >= parts) await this.#told(booked);
          else await this.#sleep(ms / parts, true);
          if (i < parts) return { value: this.#part(i++, parts), done: false };
          if (booked.ended === 0) end();
          return { value: undefined, done: true };
        },
        return: () => {
          // A last step may be on its way when it is told to stop: that is one end, told twice is not.
          if (booked.ended === 0 || wasTold) end();
          wasTold = true;
          return Promise.resolve({ value: undefined, done: true });
        },
      }),
    };
  }
}
