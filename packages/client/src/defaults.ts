/**
 * Every default and bound of the client, with the reason where it is not plain (docs/architecture.md, "Limits").
 *
 * @module
 */

/** Port of addresses that name none; `ws`, `wss` and `https` have those of the web. */
export const DEFAULT_PORT = 4433;

/** Longest time from the call of `dialClient()` to the session, ms. */
export const DIAL_TIMEOUT_MS = 10_000;
/** Head start of a carrier over the next one, ms. */
export const HEAD_START_MS = 250;
/** Longest wait for a server's answer to the hello while there is another carrier to try, ms; half of what is left if that is less. */
export const HELLO_BEFORE_FALLBACK_MS = 3000;

/** Bytes of a probe's body. */
export const PROBE_PAYLOAD_BYTES = 32_768;
/** Probes that count, for each transport. */
export const PROBE_SAMPLE_COUNT = 3;
/** Longest time of a probe for connecting, and again for the answer, ms. */
export const PROBE_TIMEOUT_MS = 10_000;
/**
 * The same when a path keeper measures, and for a ping on the present path, where three round trips are less,
 * ms.
 */
export const LOOK_TIMEOUT_MS = 1000;

/** Bytes that may wait to be sent before submits wait. */
export const MAX_SEND_BUFFER_BYTES: number = 8 * 1024 * 1024;
/** Submits that may wait for a slot. */
export const MAX_WAITING_SUBMITS = 65536;
/** Send stall: a peer that makes no progress for this long while bytes wait for it is disconnected, ms. */
export const SEND_STALL_MS = 10_000;

/** Parts that may wait in one stream. */
export const MAX_STREAM_RESULTS = 4096;
/** Bytes of parts that may wait in one stream. */
export const MAX_STREAM_BYTES: number = 8 * 1024 * 1024;
/** Most parts that `submit()` puts together into one result; a longer stream wants `submitStream()`. */
export const MAX_PARTS = 65536;
/** Most bytes of such parts. */
export const MAX_PARTS_BYTES: number = 64 * 1024 * 1024;
/** Unclaimed results kept. */
export const MAX_UNCLAIMED = 1024;
/** Bytes of unclaimed results kept. */
export const MAX_UNCLAIMED_BYTES: number = 8 * 1024 * 1024;
/** Hints, flow updates and errors kept for a reader, of each kind. */
export const MAX_EVENTS_KEPT = 256;

/** How long a request on the control path (ping, patch, put) waits for its answer, ms. */
export const REPLY_TIMEOUT_MS = 10_000;
/** Longest time for a move, from dialling to the server's answer, ms (behaviour spec §12). */
export const MIGRATE_TIMEOUT_MS = 10_000;
/** A move gets at least this long for what is on its way on the old path, whatever the server says and was measured, ms. */
export const MIN_GRACE_MS = 50;
/** An old path that brings something in each grace window gets this many of them. */
export const MAX_GRACE_WINDOWS = 10;

/** First delay before connecting again, ms. */
export const RECONNECT_MIN_DELAY_MS = 250;
/** Longest delay, ms. */
export const RECONNECT_MAX_DELAY_MS = 30_000;
/** Tries until the session ends. */
export const RECONNECT_ATTEMPTS = 10;
/** How often one frame is sent anew after losses. */
export const MAX_RESUBMITS = 3;

/** How long `close()` waits for frames in flight, ms. */
export const CLOSE_DRAIN_MS = 2000;
/** How long `close()` waits for the server to close when nothing is in flight: rc2's ignores CLOSE, ms. */
export const CLOSE_IDLE_DRAIN_MS = 250;
