/**
 * NNRP over QUIC and WebTransport, as carrier values.
 *
 * `quic()` dials QUIC and listens for QUIC and WebTransport on one UDP port (Deno with `--unstable-net`); `webTransport()` dials
 * WebTransport (Deno, browsers): `serve({ listen: [quic({ port: 4433, cert, key })] }, handler)`,
 * `dialClient(url, { carriers: [quic({ caCerts })] })`. Other runtimes get NnrpUnsupportedError that says what to use instead.
 *
 * @module
 */
export { quic, type QuicCarrierValue } from "./src/quic.ts";
export type { QuicOptions } from "./src/quic_options.ts";
export * from "./webtransport.ts";

// Types that the declarations above refer to.
export type { CarrierBinding, CarrierListener, CarrierListenOptions } from "@nnrp/core";
