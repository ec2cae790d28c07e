/**
 * Which packages are published.
 *
 * @module
 */

/** Folders below `packages/`, each after those it needs. */
export const PUBLISHED: readonly string[] = [
  "core",
  "runtime",
  "testing",
  "tcp",
  "websocket",
  "quic",
  "client",
  "server",
  "backends",
  "tools",
];
