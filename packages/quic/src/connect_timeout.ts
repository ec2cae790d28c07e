/**
 * How long dialling may take: look-up, handshake, and the control stream.
 *
 * @module
 */

/** Longest time of dialling unless the options say otherwise, ms. Runtimes of their own would wait as long as for an idle connection. */
export const CONNECT_TIMEOUT_MS = 5_000;
