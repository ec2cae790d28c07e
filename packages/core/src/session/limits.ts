/**
 * Bounds of sessions that stand in more than one place: handshakes, words, what waits. All are defaults of options or said in
 * docs/architecture.md, "Limits".
 *
 * @module
 */

/** Longest time from a connection to its session, of carriers and of sessions alike, ms (behaviour spec §12). */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Handshakes of one listener that run concurrently. */
export const MAX_CONCURRENT_HANDSHAKES = 1024;

/** Packets that may come behind a hello before it is answered. */
export const MAX_DEFERRED_PACKETS = 1024;
/** Bytes of such packets: those that were read with the hello. */
export const MAX_DEFERRED_BYTES: number = 1024 * 1024;

/** Most frames of a session in flight on a server. */
export const MAX_IN_FLIGHT_FRAMES = 256;
/** Most sections of a frame. */
export const MAX_SECTIONS = 16;
/** Largest result a client takes whatever its server announces, bytes. */
export const MAX_RESULT_BYTES: number = 256 * 1024 * 1024;
