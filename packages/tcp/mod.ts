/**
 * NNRP over TCP on Deno, Node and Bun.
 *
 * `tcp()` is a carrier as a value: give it to `dialClient(url, { carriers: [tcp()] })` or
 * `serve({ listen: [tcp({ port: 4433 })] }, handler)`. It uses `Deno.connect`/`Deno.listen` on Deno and `node:net` elsewhere.
 *
 * @module
 */
export { tcp, type TcpCarrier, type TcpOptions } from "./src/tcp.ts";

// Types that the declarations above name.
export type {
  Carrier,
  CarrierBinding,
  CarrierCloseOptions,
  CarrierDialer,
  CarrierDialOptions,
  CarrierLimits,
  CarrierListener,
  CarrierSink,
  CloseInfo,
  DialTarget,
  Lane,
  NnrpError,
  Outbox,
  PacketCursor,
} from "@nnrp/core";
