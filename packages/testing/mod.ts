/**
 * Virtual time and a virtual network, to test programs that use NNRP under network faults: hours pass in
 * milliseconds, and every run is reproducible.
 *
 * @module
 */
export {
  type RunLimits,
  VirtualWorld,
  virtualWorld,
  WaitedInVainError,
  type WorldOptions,
} from "./src/time/virtual_world.ts";
export { type FreezeOptions, type HostParts, VirtualHost } from "./src/time/virtual_host.ts";
export { EventLoop, type PendingEvent, TICK_MS } from "./src/time/event_loop.ts";
export type { EventHost, EventKind, VirtualEvent } from "./src/time/event_queue.ts";
export type { LateOrder, Standstill } from "./src/time/standstill.ts";
export { RandomStream } from "./src/time/random_stream.ts";
export { Trace, type TraceLine } from "./src/time/trace.ts";

export {
  type VirtualCarrier,
  type VirtualCarrierOptions,
  VirtualNetwork,
  virtualNetwork,
} from "./src/network/network.ts";
export { type DialAnswer, type Direction, VirtualLink } from "./src/network/link.ts";
export type { VirtualConnection } from "./src/network/connection.ts";
export type { Arrivals, ConnectionEnd } from "./src/network/arrival_count.ts";
export { CLEAR, type LinkWeather, type Split, type Weather } from "./src/network/weather.ts";
export { type Stalled, Wire } from "./src/network/wire.ts";
export {
  type Fault,
  type FaultTime,
  type HostFault,
  type LinkFault,
  playFaults,
  printFaults,
} from "./src/network/fault_script.ts";

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
  DialScheme,
  DialTarget,
  Host,
  Lane,
  NnrpError,
  NnrpErrorOptions,
  NnrpValueError,
  Outbox,
  PacketCursor,
  PeerIdentity,
  VanishedPacket,
} from "@nnrp/core";
