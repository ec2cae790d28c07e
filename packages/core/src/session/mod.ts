/**
 * Session engines and their mechanisms.
 *
 * @module
 */
export * from "./engine/states.ts";
export * from "./engine/engine_host.ts";
export * from "./engine/client_requests.ts";
export * from "./engine/session_voice.ts";
export * from "./engine/session_engine.ts";
export { stateName } from "./engine/state_error.ts";
export * from "./engine/session_link.ts";
export * from "./engine/client_engine.ts";
export * from "./engine/client_host.ts";
export * from "./engine/server_counts.ts";
export * from "./engine/server_engine.ts";
export * from "./engine/server_host.ts";
export * from "./handshake/server_handshake.ts";
export * from "./limits.ts";
export * from "./frames/result.ts";
export * from "./frames/received_submit.ts";
export * from "./engine/packet_writer.ts";
export * from "./paths/session_path.ts";
export * from "./frames/frame_table.ts";
export { Fifo } from "./frames/fifo.ts";
export * from "./frames/recent_keys.ts";
export type { ComeBackWish } from "./control/close_exchange.ts";
export { ControlRate, type ControlRateOptions } from "./control/control_rate.ts";
export * from "./engine/mechanisms.ts";
export * from "./flow/flow_fields.ts";
