/**
 * Session engines on a bench: an output that takes apart what they write, hosts that record their calls, and
 * time that the test moves.
 *
 * @module
 */
export * from "./src/engines/engine_rig.ts";
