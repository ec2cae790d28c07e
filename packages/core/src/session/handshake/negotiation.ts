/**
 * The handshake without I/O, both sides (behaviour spec §6).
 *
 * @module
 */
export * from "./accepted_hello.ts";
export * from "./client_hello.ts";
export * from "./hello_extensions.ts";
export * from "./server_capabilities.ts";
export * from "./server_negotiation.ts";
