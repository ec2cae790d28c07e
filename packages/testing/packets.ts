/**
 * Packets for tests: one well-formed packet of every message type, bytes that break rules, and memory that tells where it came
 * from.
 *
 * @module
 */
export * from "./src/packets/packet_bytes.ts";
export * from "./src/packets/sample_packets.ts";
