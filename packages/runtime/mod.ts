/**
 * What client, server and carriers share of the runtime they run on: the {@linkcode Host} of a real machine, waiting with a time
 * limit and a signal, bounded handshakes. Sockets are in `@nnrp/runtime/sockets`. Applications import neither.
 *
 * @module
 */
export { type Handshake, type HandshakeKind, Handshakes } from "./src/handshakes.ts";
export { NodeByteStream, type NodeSocketPast, remoteOf } from "./src/node_byte_stream.ts";
export { systemHost } from "./src/system_host.ts";
export { waitFor, type WaitOptions } from "./src/wait.ts";

// Types that the declarations above name.
export type {
  ByteStream,
  ByteStreamEvents,
  CancelTimer,
  CarrierListenOptions,
  Host,
  NnrpError,
} from "@nnrp/core";
