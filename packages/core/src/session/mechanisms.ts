/**
 * The mechanisms that session engines are made of: each owns one rule of the behaviour spec, none knows a clock, a timer or a
 * socket. Time is an argument in ms.
 *
 * @module
 */
// Handshake
export * from "./negotiation.ts";

// Flow
export * from "./control_rate.ts";
export * from "./credit.ts";
export * from "./hints.ts";
export * from "./keepalive.ts";
export * from "./pending_replies.ts";
export * from "./serial_number.ts";

// Frames
export * from "./coverage.ts";
export * from "./deadlines.ts";

// Cache
export * from "./cache.ts";
export * from "./cache_key.ts";
export * from "./cache_mirror.ts";
export * from "./reference_resolution.ts";

// Paths
export * from "./migration.ts";

// Patches
export * from "./client_patch.ts";
export * from "./patch.ts";
