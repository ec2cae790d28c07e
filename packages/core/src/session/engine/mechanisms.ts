/**
 * The mechanisms that session engines are made of: each owns one rule of the behaviour spec, none knows a clock, a timer or a
 * socket. Time is an argument in ms.
 *
 * @module
 */
// Handshake
export * from "../handshake/negotiation.ts";

// Flow
export * from "../control/control_rate.ts";
export * from "../flow/credit.ts";
export * from "../flow/hints.ts";
export * from "../control/keepalive.ts";
export * from "../control/pending_replies.ts";
export * from "../flow/serial_number.ts";

// Frames
export * from "../frames/coverage.ts";
export * from "../frames/deadlines.ts";

// Cache
export * from "../cache/cache.ts";
export * from "../cache/cache_key.ts";
export * from "../cache/cache_mirror.ts";
export * from "../cache/reference_resolution.ts";

// Paths
export * from "../paths/migration.ts";

// Patches
export * from "../patch/client_patch.ts";
export * from "../patch/patch.ts";
