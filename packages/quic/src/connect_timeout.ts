/**
 * How long dialling may take: look-up, handshake, and the control stream.
 *
 * @module
 */

/**
 * Longest time of dialling unless the options set another one, ms. By default runtimes wait as long as for an
 * idle connection.
 */
export const CONNECT_TIMEOUT_MS = 5_000;
