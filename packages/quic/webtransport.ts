/**
 * NNRP over WebTransport for clients, browsers included, without anything of a server.
 *
 * ```ts
 * import { webTransport } from "@nnrp/quic/webtransport";
 *
 * const carrier = webTransport({ serverCertificateHashes: [sha256] });
 * ```
 *
 * @module
 */
export type { CertificateHash, CertificateHashes } from "./src/certificate_hash.ts";
export { webTransport, type WebTransportDialer, type WebTransportOptions } from "./src/web_transport.ts";

// Types that the declarations above refer to.
export type {
  CancelTimer,
  Carrier,
  CarrierCloseOptions,
  CarrierDatagrams,
  CarrierDialer,
  CarrierDialOptions,
  CarrierLimits,
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
