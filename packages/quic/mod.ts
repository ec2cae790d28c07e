/**
 * NNRP over QUIC and WebTransport.
 *
 * @module
 */
export {};
