/**
 * The mechanisms that session engines are made of: each owns one rule of the behaviour spec, none knows a clock, a timer or a
 * socket. Time is an argument in ms.
 *
 * @module
 */
// Handshake
export * from "../handshake/negotiation.ts";

// Control
export * from "../control/error_exchange.ts";
export * from "../control/pending_requests.ts";

// Flow
export * from "../control/control_rate.ts";
export * from "../flow/credit.ts";
export * from "../flow/hints.ts";
export * from "../control/keepalive.ts";
export { Liveness } from "../control/liveness.ts";
export { FlowUpdates } from "../flow/flow_updates.ts";
export * from "../control/pending_replies.ts";
export * from "../flow/serial_number.ts";

// Frames
export * from "../frames/coverage.ts";
export * from "../frames/deadlines.ts";
export * from "../frames/pending_frames.ts";
export * from "../frames/received_frames.ts";

// Cache
export * from "../cache/cache.ts";
export * from "../cache/cache_key.ts";
export * from "../cache/cache_mirror.ts";
export * from "../cache/reference_resolution.ts";

// Paths
export * from "../paths/migration.ts";
export * from "../paths/move_exchange.ts";

// Probes
export type { ProbeCounts } from "../probe/probe_answer.ts";
export * from "../probe/probe_exchange.ts";

// Patches
export * from "../patch/client_patch.ts";
export * from "../patch/patch.ts";
export * from "../patch/patch_exchange.ts";
