/**
 * NNRP over TCP and over TLS on Deno, Node and Bun.
 *
 * `tcp()` and `tls()` are carriers as values: give one to `dialClient(url, { carriers: [tls({ caCerts })] })` or
 * `serve({ listen: [tls({ port: 4433, cert, key })] }, handler)`. On Deno, `tcp()` and `tls()` that dials use Deno's own sockets;
 * everything else is `node:net` and `node:tls`.
 *
 * @module
 */
export { tcp, type TcpCarrier, type TcpOptions } from "./src/tcp.ts";
export { tls, TLS_ALPN, type TlsCarrier, type TlsOptions } from "./src/tls.ts";

// Types that the declarations above refer to.
export type {
  CancelTimer,
  Carrier,
  CarrierBinding,
  CarrierCloseOptions,
  CarrierDatagrams,
  CarrierDialer,
  CarrierDialOptions,
  CarrierLimits,
  CarrierListener,
  CarrierListenOptions,
  CarrierSink,
  CloseInfo,
  Credential,
  CredentialRequest,
  CredentialSource,
  DialScheme,
  DialTarget,
  Host,
  Lane,
  NnrpError,
  NnrpValueError,
  Outbox,
  PacketCursor,
  PeerIdentity,
  VanishedPacket,
} from "@nnrp/core";
