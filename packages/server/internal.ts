/**
 * What sibling packages, tools and tests need of the server beyond its public API. Not covered by semantic
 * versioning.
 *
 * @module
 */
export type { AnswerSink } from "./src/answer_sink.ts";
export { TurnClock } from "./src/clock.ts";
export * from "./src/defaults.ts";
export type { FrameTaker } from "./src/frame_taker.ts";
export { FrameQueue } from "./src/frame_queue.ts";
export { type GatedSession, type GateLimits, ReadGate } from "./src/read_gate.ts";
export { Scheduler, type SchedulerOptions } from "./src/scheduler.ts";
export type { PathLimits } from "./src/server_paths.ts";
export { ServerMemory } from "./src/server_memory.ts";
export { type ServerSettings, settingsOf } from "./src/server_settings.ts";
export type { HandshakeLimits, SessionLimits } from "./src/session_limits.ts";

// Types that the declarations above refer to.
export type { ServerEngineOptions, ServerHandshakeOptions } from "@nnrp/core";
