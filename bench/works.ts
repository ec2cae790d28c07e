/**
 * What is measured, and how good is good enough. A ratio is always ours / theirs: small is good for times, large is good
 * for rates.
 *
 * @module
 */
import type { Job } from "./peers/control.ts";

/** Names of the works, in the order in which they run. */
export const WORK_NAMES = [
  "A-64",
  "A-1k",
  "A-64k",
  "B",
  "C",
  "D",
  "D-batch",
  "TLS-A-1k",
  "TLS-B",
  "TLS-C",
  "TLS-D",
  "QUIC-A-1k",
  "QUIC-B",
  "QUIC-C",
  "QUIC-D",
  "WS-A-64",
  "WS-A-1k",
  "WS-B",
  "WS-C",
  "F",
] as const;
/** One of them. */
export type WorkName = typeof WORK_NAMES[number];
/** Whom ours is compared with. */
export const PEER_NAMES = [
  "bare",
  "bare-tls",
  "grpc-js",
  "ws-msgpackr",
  "nnrp-py",
  "bare-quic",
  "bare-quic-streams",
  "bare-ws",
  "dataview",
  "protobuf-es",
] as const;
/** One of them. */
export type PeerName = typeof PEER_NAMES[number];
/** What is compared: times in microseconds, rates per second. */
export type Metric = "p50" | "p99" | "rate";

/** The limits of a ratio. */
export interface Bar {
  /** The aim. */
  readonly good: number;
  /** What fails a review; none where left out. */
  readonly floor?: number;
}

/** One work. */
export interface Work {
  /** Its name. */
  readonly name: WorkName;
  /** What it does, in words. */
  readonly title: string;
  /** What runs under it. */
  readonly carrier: "tcp" | "tls" | "quic" | "websocket" | "none";
  /** What the client is asked for. */
  readonly job: Omit<Job, "seconds">;
  /** Whether all processes share one core: with two the scheduler decides, not the code. */
  readonly pinned: boolean;
  /** Metrics that are compared. */
  readonly metrics: readonly Metric[];
  /** Unit of a rate. */
  readonly unit: string;
  /** A rate times this is in `unit`. */
  readonly scale: number;
  /** Runtimes that can do it; all where left out. */
  readonly runtimes?: readonly string[];
  /** Whom it is compared with. */
  readonly peers: readonly PeerName[];
  /** Bars by metric and peer. */
  readonly bars: Partial<Record<Metric, Partial<Record<PeerName, Bar>>>>;
}

const NETWORK: readonly PeerName[] = ["bare", "grpc-js", "ws-msgpackr", "nnrp-py"];
const WEBSOCKET: readonly PeerName[] = ["bare-ws"];
/** One request of this size at a time. */
const alone = (size: number): Work["job"] => ({
  kind: "latency",
  size,
  inFlight: 1,
  results: 0,
  batches: false,
});
const PY_LATENCY: Bar = { good: 0.1, floor: 0.2 };
const PY_RATE: Bar = { good: 60, floor: 30 };
const tokens = (batches: boolean): Work["job"] => ({
  kind: "stream",
  size: 32,
  inFlight: 16,
  results: 1000,
  batches,
});

/** All works. */
export const WORKS: readonly Work[] = [
  {
    name: "A-64",
    title: "one request in flight, 64 B",
    carrier: "tcp",
    job: alone(64),
    pinned: true,
    metrics: ["p50", "p99"],
    unit: "us",
    scale: 1,
    peers: NETWORK,
    bars: { p50: { bare: { good: 1.2, floor: 1.5 }, "nnrp-py": PY_LATENCY } },
  },
  {
    name: "A-1k",
    title: "one request in flight, 1 KiB",
    carrier: "tcp",
    job: alone(1024),
    pinned: true,
    metrics: ["p50", "p99"],
    unit: "us",
    scale: 1,
    peers: NETWORK,
    bars: {
      p50: { bare: { good: 1.2, floor: 1.5 }, "nnrp-py": PY_LATENCY },
      p99: { bare: { good: 2, floor: 4 } },
    },
  },
  {
    name: "A-64k",
    title: "one request in flight, 64 KiB",
    carrier: "tcp",
    job: alone(65536),
    pinned: true,
    metrics: ["p50", "p99"],
    unit: "us",
    scale: 1,
    peers: NETWORK,
    bars: { p50: { bare: { good: 1.25, floor: 1.6 } } },
  },
  {
    name: "B",
    title: "64 requests in flight, 256 B",
    carrier: "tcp",
    job: { kind: "rate", size: 256, inFlight: 64, results: 0, batches: false },
    pinned: true,
    metrics: ["rate"],
    unit: "k req/s",
    scale: 1e-3,
    peers: NETWORK,
    bars: { rate: { bare: { good: 0.5, floor: 0.35 }, "grpc-js": { good: 30 }, "nnrp-py": PY_RATE } },
  },
  {
    name: "C",
    title: "8 requests in flight, 1 MiB up and back, both directions added",
    carrier: "tcp",
    job: { kind: "rate", size: 1 << 20, inFlight: 8, results: 0, batches: false },
    pinned: false,
    metrics: ["rate"],
    unit: "MB/s",
    scale: 2 * (1 << 20) / 1e6,
    peers: NETWORK,
    bars: { rate: { bare: { good: 0.85, floor: 0.6 } } },
  },
  {
    name: "D",
    title: "1,000 results of 32 B per request, 16 requests at once, one by one",
    carrier: "tcp",
    job: tokens(false),
    pinned: true,
    metrics: ["rate"],
    unit: "k res/s",
    scale: 1e-3,
    peers: NETWORK,
    bars: { rate: { bare: { good: 0.3, floor: 0.2 }, "grpc-js": { good: 10 }, "nnrp-py": PY_RATE } },
  },
  {
    name: "D-batch",
    title: "the same, taken with .batches()",
    carrier: "tcp",
    job: tokens(true),
    pinned: true,
    metrics: ["rate"],
    unit: "k res/s",
    scale: 1e-3,
    peers: NETWORK,
    bars: { rate: { bare: { good: 0.45, floor: 0.3 }, "grpc-js": { good: 10 }, "nnrp-py": PY_RATE } },
  },
  {
    name: "TLS-A-1k",
    title: "TLS, one request in flight, 1 KiB",
    carrier: "tls",
    job: alone(1024),
    pinned: true,
    metrics: ["p50", "p99"],
    unit: "us",
    scale: 1,
    peers: ["bare-tls"],
    bars: {},
  },
  {
    name: "TLS-B",
    title: "TLS, 64 requests in flight, 256 B",
    carrier: "tls",
    job: { kind: "rate", size: 256, inFlight: 64, results: 0, batches: false },
    pinned: true,
    metrics: ["rate"],
    unit: "k req/s",
    scale: 1e-3,
    peers: ["bare-tls"],
    bars: { rate: { "bare-tls": { good: 0.5 } } },
  },
  {
    name: "TLS-C",
    title: "TLS, 8 requests in flight, 1 MiB up and back, both directions added",
    carrier: "tls",
    job: { kind: "rate", size: 1 << 20, inFlight: 8, results: 0, batches: false },
    pinned: false,
    metrics: ["rate"],
    unit: "MB/s",
    scale: 2 * (1 << 20) / 1e6,
    peers: ["bare-tls"],
    bars: { rate: { "bare-tls": { good: 0.5 } } },
  },
  {
    name: "TLS-D",
    title: "TLS, 1,000 results of 32 B per request, 16 requests at once, one by one",
    carrier: "tls",
    job: tokens(false),
    pinned: true,
    metrics: ["rate"],
    unit: "k res/s",
    scale: 1e-3,
    peers: ["bare-tls"],
    bars: {},
  },
  {
    name: "QUIC-A-1k",
    title: "QUIC, one request in flight, 1 KiB",
    carrier: "quic",
    job: alone(1024),
    pinned: true,
    metrics: ["p50", "p99"],
    unit: "us",
    scale: 1,
    runtimes: ["deno"],
    peers: ["bare-quic"],
    bars: { p50: { "bare-quic": { good: 1.25, floor: 1.6 } } },
  },
  {
    name: "QUIC-B",
    title: "QUIC, 64 requests in flight, 256 B",
    carrier: "quic",
    job: { kind: "rate", size: 256, inFlight: 64, results: 0, batches: false },
    pinned: true,
    metrics: ["rate"],
    unit: "k req/s",
    scale: 1e-3,
    runtimes: ["deno"],
    peers: ["bare-quic"],
    bars: { rate: { "bare-quic": { good: 2, floor: 0.8 } } },
  },
  {
    name: "QUIC-C",
    title: "QUIC, 8 requests in flight, 1 MiB up and back, both directions added",
    carrier: "quic",
    job: { kind: "rate", size: 1 << 20, inFlight: 8, results: 0, batches: false },
    pinned: false,
    metrics: ["rate"],
    unit: "MB/s",
    scale: 2 * (1 << 20) / 1e6,
    runtimes: ["deno"],
    peers: ["bare-quic"],
    bars: { rate: { "bare-quic": { good: 0.8, floor: 0.5 } } },
  },
  {
    name: "QUIC-D",
    title: "QUIC, 1,000 results of 32 B per request, 16 requests at once, one by one",
    carrier: "quic",
    job: tokens(false),
    pinned: true,
    metrics: ["rate"],
    unit: "k res/s",
    scale: 1e-3,
    runtimes: ["deno"],
    peers: ["bare-quic", "bare-quic-streams"],
    bars: { rate: { "bare-quic": { good: 0.5 }, "bare-quic-streams": { good: 5, floor: 2 } } },
  },
  {
    name: "WS-A-64",
    title: "WebSocket, one request in flight, 64 B",
    carrier: "websocket",
    job: alone(64),
    pinned: true,
    metrics: ["p50", "p99"],
    unit: "us",
    scale: 1,
    peers: WEBSOCKET,
    bars: { p50: { "bare-ws": { good: 1.4 } } },
  },
  {
    name: "WS-A-1k",
    title: "WebSocket, one request in flight, 1 KiB",
    carrier: "websocket",
    job: alone(1024),
    pinned: true,
    metrics: ["p50", "p99"],
    unit: "us",
    scale: 1,
    peers: WEBSOCKET,
    bars: { p50: { "bare-ws": { good: 1.4 } } },
  },
  {
    name: "WS-B",
    title: "WebSocket, 64 requests in flight, 256 B",
    carrier: "websocket",
    job: { kind: "rate", size: 256, inFlight: 64, results: 0, batches: false },
    pinned: true,
    metrics: ["rate"],
    unit: "k req/s",
    scale: 1e-3,
    peers: WEBSOCKET,
    bars: { rate: { "bare-ws": { good: 3 } } },
  },
  {
    name: "WS-C",
    title: "WebSocket, 8 requests in flight, 1 MiB up and back, both directions added",
    carrier: "websocket",
    job: { kind: "rate", size: 1 << 20, inFlight: 8, results: 0, batches: false },
    pinned: false,
    metrics: ["rate"],
    unit: "MB/s",
    scale: 2 * (1 << 20) / 1e6,
    peers: WEBSOCKET,
    bars: {},
  },
  {
    name: "F",
    title: "codec alone: header + FRAME_SUBMIT + 4 KiB body, encoded and decoded",
    carrier: "none",
    job: { kind: "rate", size: 4096, inFlight: 1, results: 0, batches: false },
    pinned: true,
    metrics: ["rate"],
    unit: "k msg/s",
    scale: 1e-3,
    peers: ["dataview", "protobuf-es"],
    bars: { rate: { dataview: { good: 0.7, floor: 0.4 }, "protobuf-es": { good: 3 } } },
  },
];
