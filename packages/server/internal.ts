/**
 * What sibling packages, tools and tests need of the server beyond its public API. No promise is made about it between releases.
 *
 * @module
 */
export type { AnswerSink } from "./src/answer_sink.ts";
export { TurnClock } from "./src/clock.ts";
export * from "./src/defaults.ts";
export { FrameQueue } from "./src/frame_queue.ts";
export { type GatedSession, type GateLimits, ReadGate } from "./src/read_gate.ts";
export { Scheduler, type SchedulerOptions } from "./src/scheduler.ts";
export { ServerMemory } from "./src/server_memory.ts";
export { type ServerSettings, settingsOf } from "./src/server_settings.ts";
