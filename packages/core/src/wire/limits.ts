/**
 * What a reader accepts before it knows who speaks, and after; and how large its buffers are. All are defaults of
 * options (docs/architecture.md, "Limits").
 *
 * @module
 */

/** Largest metadata a header may announce; the largest record has 80 bytes (behaviour spec §9). */
export const MAX_METADATA_BYTES = 4096;
/** Largest body before the hello is accepted, the hello's own included (behaviour spec §9). */
export const MAX_BODY_BYTES_BEFORE_HELLO = 64 * 1024;
/**
 * Most memory that a connection with several streams may take before its hello is accepted, for what came and cannot be shown:
 * frames that overtook the hello, packets that are not whole. Enough for a body of the largest size on a few streams.
 */
export const MAX_UNSHOWN_BYTES_BEFORE_HELLO = 4 * MAX_BODY_BYTES_BEFORE_HELLO;
/** Largest body of a TRANSPORT_PROBE (behaviour spec §9). */
export const MAX_PROBE_BODY_BYTES = 1024 * 1024;
/** Largest body of a session unless its profile says otherwise: what rc2 advertises (wire spec §4.2). */
export const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Bytes per session, as rc2's client asks for. */
export const DEFAULT_MAX_CACHE_BYTES = 8 * 1024 * 1024;

/** First read buffer of a connection: enough for control packets, so that thousands of idle sessions stay cheap. */
export const READ_BUFFER_SMALL = 1024;
/** Read buffer once a read filled the small one: larger ones bring nothing (performance notes). */
export const READ_BUFFER_LARGE = 128 * 1024;
/** A packet larger than this is read into memory of its own. */
export const READ_OWN_MEMORY = 64 * 1024;
/** Most memory set aside on the word of a header alone; more follows as bytes really come. */
export const READ_FIRST_GRANT = 2 * 1024 * 1024;

/** First write buffer of a connection. */
export const WRITE_BUFFER_SMALL = 4 * 1024;
/** Write buffer once the small one overflowed within a turn. */
export const WRITE_BUFFER_LARGE = 256 * 1024;
/** Payloads from this size on are sent from where they lie instead of being copied. */
export const WRITE_BY_REFERENCE = 32 * 1024;
