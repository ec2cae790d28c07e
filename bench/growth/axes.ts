/**
 * What grows: the axes, the points at which each is measured, and what is asked of the peers there.
 *
 * @module
 */

/** What a client is asked to do. The bare peer knows the fields of `../peers/control.ts` only. */
export interface GrowthJob {
  /** `rate`: keep requests going; `stream`: requests answered by many parts; the others are ours alone. */
  readonly kind: "rate" | "stream" | "sessions" | "give-up" | "inbox" | "cache";
  /** Bytes of a request's payload, or of a part. */
  readonly size: number;
  /** Requests kept in flight. */
  readonly inFlight: number;
  /** Parts of an answer. */
  readonly results: number;
  /** How long, s. */
  readonly seconds: number;
  /** Which server: see `server.ts`. */
  readonly server?: "echo" | "tokens" | "one-at-a-time";
  /** Frames that may be on the way; the others wait in the client. */
  readonly slots?: number;
  /** Whether requests have budgets, all different ones. */
  readonly budgets?: boolean;
  /** Sessions, or objects in the cache, or results nobody has claimed, or submits that are given up together. */
  readonly count?: number;
}

/** One thing that grows. */
export interface Axis {
  /** Its name on the command line. */
  readonly name: string;
  /** What the points count. */
  readonly unit: string;
  /** What one "request" of the figures is. */
  readonly per: string;
  /** Points, ascending. */
  readonly points: readonly number[];
  /** Points of a quick run. */
  readonly quick: readonly number[];
  /** Whether the bare peer can do it: `connections` = with a connection per session. */
  readonly bare: "same" | "connections" | "no";
  /** The job at a point. */
  job(point: number, seconds: number): GrowthJob;
}

const KiB = 1024;
const MiB = 1024 * 1024;
/** Bodies in flight together, bytes: more would measure memory. */
const BODY_BYTES_IN_FLIGHT = 8 * MiB;

/** Requests in flight that make a job a second longer: each must be answered many times, or the first burst is all there is. */
const IN_FLIGHT_PER_SECOND = 10_000;

const rate = (inFlight: number, seconds: number, more: Partial<GrowthJob> = {}): GrowthJob => ({
  kind: "rate",
  size: 256,
  inFlight,
  results: 0,
  seconds: seconds + inFlight / IN_FLIGHT_PER_SECOND,
  ...more,
});

/** All axes. */
export const AXES: readonly Axis[] = [
  {
    name: "in-flight",
    unit: "requests in flight on one session",
    per: "request of 256 B",
    points: [64, 256, 1000, 4000, 10_000, 20_000, 50_000],
    quick: [64, 1000, 10_000, 50_000],
    bare: "same",
    job: (point, seconds) => rate(point, seconds),
  },
  {
    name: "sessions",
    unit: "sessions with one request in flight each",
    per: "request of 256 B",
    points: [1, 16, 64, 256, 1000, 4000],
    quick: [1, 64, 1000],
    bare: "connections",
    job: (point, seconds) => rate(point, seconds, { kind: "sessions", count: point }),
  },
  {
    name: "body",
    unit: "bytes of a body",
    per: "request",
    points: [64, KiB, 16 * KiB, 256 * KiB, 4 * MiB, 32 * MiB],
    quick: [64, 16 * KiB, MiB, 32 * MiB],
    bare: "same",
    job: (point, seconds) =>
      rate(Math.max(2, Math.min(64, Math.floor(BODY_BYTES_IN_FLIGHT / point))), seconds, { size: point }),
  },
  {
    name: "parts",
    unit: "parts of one stream",
    per: "part of 32 B",
    points: [1, 10, 100, 1000, 10_000, 100_000, 1_000_000],
    quick: [1, 100, 10_000, 1_000_000],
    bare: "same",
    job: (point, seconds) => ({
      kind: "stream",
      size: 32,
      // As many parts on the way together in short streams as in middling ones.
      inFlight: Math.max(1, Math.min(64, Math.floor(10_000 / point))),
      results: point,
      seconds,
      server: "tokens",
    }),
  },
  {
    name: "queued",
    unit: "frames waiting in the server's queue",
    per: "request of 256 B",
    points: [64, 256, 1000, 4000, 16_000, 50_000],
    quick: [64, 1000, 16_000],
    bare: "no",
    job: (point, seconds) => rate(point, seconds, { server: "one-at-a-time" }),
  },
  {
    name: "queued-budgets",
    unit: "frames with different budgets waiting in the server's queue",
    per: "request of 256 B",
    points: [64, 256, 1000, 4000, 16_000, 50_000],
    quick: [64, 1000, 16_000],
    bare: "no",
    job: (point, seconds) => rate(point, seconds, { server: "one-at-a-time", budgets: true }),
  },
  {
    name: "waiting",
    unit: "submits waiting for one of 64 slots in the client",
    per: "request of 256 B",
    points: [64, 256, 1000, 4000, 16_000, 60_000],
    quick: [64, 1000, 16_000, 60_000],
    bare: "no",
    job: (point, seconds) => rate(64 + point, seconds, { slots: 64 }),
  },
  {
    name: "given-up",
    unit: "waiting submits given up by one signal",
    per: "submit",
    points: [64, 256, 1000, 4000, 16_000, 60_000],
    quick: [64, 1000, 16_000],
    bare: "no",
    job: (point, seconds) => rate(0, seconds, { kind: "give-up", slots: 64, count: point }),
  },
  {
    name: "unclaimed",
    unit: "results kept until they are received",
    per: "result of 256 B",
    points: [64, 256, 1000, 4000, 16_000],
    quick: [64, 1000, 16_000],
    bare: "no",
    job: (point, seconds) => rate(0, seconds, { kind: "inbox", count: point }),
  },
  {
    name: "cache",
    unit: "objects in the cache, referred to in turn",
    per: "request of 64 B with a reference",
    points: [16, 256, 1000, 4000, 16_000, 60_000],
    quick: [16, 1000, 16_000],
    bare: "no",
    job: (point, seconds) => rate(64, seconds, { kind: "cache", size: 64, count: point }),
  },
];
