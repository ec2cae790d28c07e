/**
 * What sibling packages, tools and tests need of the client beyond its public API. Not covered by semantic
 * versioning.
 *
 * @module
 */
export * from "./src/defaults.ts";
export { resolveTarget } from "./src/dial_target.ts";
export { isLoopback, parseEndpoint } from "./src/endpoint.ts";
export { BaseWaiter, type FrameOwner, type PendingFrame } from "./src/frame_waiters.ts";
