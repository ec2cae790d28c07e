/**
 * Session engines and their mechanisms.
 *
 * @module
 */
export * from "./states.ts";
export * from "./host.ts";
export * from "./session_engine.ts";
export * from "./client_engine.ts";
export * from "./server_engine.ts";
export * from "./result.ts";
export * from "./received_submit.ts";
export * from "./packet_writer.ts";
export * from "./session_path.ts";
export * from "./frame_table.ts";
export * from "./recent_keys.ts";
export { ControlRate, type ControlRateOptions } from "./control_rate.ts";
export * from "./mechanisms.ts";
export * from "./flow_fields.ts";
