/**
 * What sibling packages, tools and tests need of the client beyond its public API. No promise is made about it between releases.
 *
 * @module
 */
export * from "./src/defaults.ts";
export { resolveTarget } from "./src/dial_target.ts";
export { isLoopback, parseEndpoint } from "./src/endpoint.ts";
export { BaseWaiter, type FrameOwner, type PendingFrame } from "./src/frame_waiters.ts";
