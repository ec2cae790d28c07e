/**
 * NNRP over WebSocket in browsers, Deno, Node and Bun: a byte stream in binary messages, where message borders mean nothing and the
 * packets of one turn travel together.
 *
 * `webSocket()` is a carrier as a value: `dialClient(url, { carriers: [webSocket()] })` dials in every runtime, and
 * `serve({ listen: [webSocket({ port: 8080 })] }, handler)` listens on Deno, Node and Bun. It needs no packages: outside browsers the
 * framing (RFC 6455) is its own, since it is faster than the built-in ones and can stop reading. `mountOnDeno`, `mountOnNode` and
 * `mountOnBun` put the endpoint into an HTTP server that the application has already.
 *
 * ```ts
 * import { serve } from "@nnrp/server";
 * import { dialClient } from "@nnrp/client";
 * import { webSocket } from "@nnrp/websocket";
 *
 * const server = await serve({ listen: [webSocket({ port: 0 })] }, (frame) => ({ typedPayloads: frame.typedPayloads }));
 * const session = await dialClient(`nnrp://127.0.0.1:${server.port}`, { carriers: [webSocket()] });
 * console.log(await session.ping(), "ms");
 * await session.close();
 * await server.close();
 * ```
 *
 * In browsers the global `WebSocket` is used. A page cannot stop it from receiving: what comes while a session is paused is kept, up
 * to 64 MiB, and credits (`maxInFlight`, flow control) are what bounds it before that.
 *
 * @module
 */
// The carrier
export {
  webSocket,
  type WebSocketCarrier,
  type WebSocketOptions,
  type WebSocketTls,
} from "./src/web_socket.ts";

// Inside an HTTP server of the application
export { type DenoMount, type DenoServeInfo, mountOnDeno } from "./src/deno_mount.ts";
export { mountOnNode, type NodeMount, type NodeRequest } from "./src/node_mount.ts";
export {
  type BunMount,
  type BunServer,
  type BunSocket,
  type BunWebSocketHandlers,
  mountOnBun,
} from "./src/bun_mount.ts";
export type { MountOptions } from "./src/mount.ts";

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
