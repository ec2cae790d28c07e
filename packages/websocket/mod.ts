/**
 * NNRP over WebSocket in browsers, Deno, Node and Bun.
 *
 * @module
 */
export {};
