/**
 * The smoke test: the least that two implementations must manage with each other, over any carrier (behaviour spec §15).
 *
 * @module
 */
export {
  buildSmokeClientHelloPacket,
  buildSmokeClosePacket,
  buildSmokePingPacket,
  buildSmokeResultPacket,
  buildSmokeServerHelloAckPacket,
  buildSmokeSubmitPacket,
  type SmokeClientHelloOptions,
  type SmokeFrameOptions,
  type SmokeResultOptions,
  type SmokeServerHelloAckOptions,
  type SmokeTransportAnswer,
} from "./packets.ts";
export { renderSmokeTranscript, type SmokeTranscript, smokeTranscriptFields } from "./transcript.ts";
export { runSmokeClient, type SmokeClientOptions } from "./client.ts";
export {
  runSmokeHelloServerOnce,
  runSmokeProbeServerOnce,
  runSmokeServerOnce,
  type SmokeListenOptions,
  type SmokeProbeServerOptions,
  type SmokeServerOptions,
} from "./server.ts";
export type { WaitLimits } from "./connection.ts";
