/**
 * What a server's session counts.
 *
 * @module
 */
import type { ReceivedFrameCounts } from "../frames/received_frames.ts";
import type { ProbeCounts } from "../probe/probe_answer.ts";

/** Counters of a `ServerEngine`. */
export interface ServerFrameCounts extends ReceivedFrameCounts, ProbeCounts {
  /** Frames received, refused ones included. */
  submits: number;
  /** Frames refused as malformed or foreign. */
  badSubmits: number;
  /** Results sent, parts included. */
  results: number;
  /** Frames dropped by RESULT_DROP, cancelled ones included. */
  drops: number;
  /** Frames that ended with an ERROR. */
  failed: number;
  /** FRAME_CANCELs received. */
  cancels: number;
  /** Frames whose reference the cache does not hold. */
  cacheMisses: number;
  /** CACHE_PUTs received. */
  cachePuts: number;
  /** CACHE_INVALIDATEs received. */
  cacheInvalidates: number;
  /** SESSION_PATCHes received. */
  patches: number;
  /** RESULT_HINTs sent. */
  hints: number;
  /** FLOW_UPDATEs sent. */
  flowUpdates: number;
  /** Times the session moved to another connection. */
  migrations: number;
}

/** Counters at 0, but for the probes of the handshake. */
export function newFrameCounts({ probes, probesRefused }: ProbeCounts): ServerFrameCounts {
  return {
    submits: 0,
    badSubmits: 0,
    maxInFlight: 0,
    results: 0,
    drops: 0,
    failed: 0,
    cancels: 0,
    earlyCancels: 0,
    cacheMisses: 0,
    cachePuts: 0,
    cacheInvalidates: 0,
    patches: 0,
    hints: 0,
    flowUpdates: 0,
    probes,
    probesRefused,
    migrations: 0,
    bytesInFlight: 0,
    keptBytes: 0,
  };
}
