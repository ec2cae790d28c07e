/**
 * The libraries behind the `nnrp` command: run it from a program, add a command of your own to its table, or check vectors.
 *
 * @module
 */
export { type CliOutput, runCli } from "./src/cli.ts";
export type { CommandOutput } from "./src/output_gate.ts";
export {
  type Command,
  type CommandArgument,
  type CommandDemonstration,
  CommandError,
  type CommandInput,
  type CommandOption,
} from "./src/command.ts";
export { COMMANDS } from "./src/commands.ts";
export { type LoadedVectors, loadVectors, type VectorFolder, VectorFolderError } from "./src/vectors/load.ts";
export type {
  DecodeCase,
  EncodeCase,
  GoldenVector,
  Json,
  JsonObject,
  MutationCase,
  VectorFile,
  VectorGroup,
} from "./src/vectors/format.ts";
export { VectorFormatError } from "./src/vectors/format.ts";
export { checkVectorFile, type VectorFailure, type VectorReport } from "./src/vectors/check.ts";
export {
  compareEnhanceResultWireSize,
  compareFrameFeaturesWireSize,
  compareWireSize,
  type EnhanceResultOptions,
  enhanceResultToPacket,
  enhanceResultToWireBytes,
  enhanceResultToWireSummary,
  type FrameFeaturesOptions,
  frameFeaturesToPacket,
  frameFeaturesToWireBytes,
  frameFeaturesToWireSummary,
  FrameResultBuffer,
  type FrameWaitOptions,
  type RecordedEnhanceResult,
  type RecordedFeatureTile,
  type RecordedFrameFeatures,
  type RecordedPosition,
  type RecordedReference,
  type RecordedResultTile,
  type ReferencePayload,
  renderWireSizeComparison,
  renderWireSummary,
  type ReplayIds,
  summarizeWirePacket,
  type TileCoordinate,
  type WireSizeComparison,
  type WireSummary,
} from "./src/replay/mod.ts";
export {
  compareGoldenVectors,
  exportGoldenVectors,
  type GoldenDifference,
  type GoldenReport,
  parseGoldenVectorsJson,
  renderGoldenDifference,
  renderGoldenVectorsJson,
} from "./src/golden/mod.ts";
export {
  buildSmokeClientHelloPacket,
  buildSmokeClosePacket,
  buildSmokePingPacket,
  buildSmokeResultPacket,
  buildSmokeServerHelloAckPacket,
  buildSmokeSubmitPacket,
  renderSmokeTranscript,
  runSmokeClient,
  runSmokeHelloServerOnce,
  runSmokeProbeServerOnce,
  runSmokeServerOnce,
  type SmokeClientHelloOptions,
  type SmokeClientOptions,
  type SmokeFrameOptions,
  type SmokeListenOptions,
  type SmokeProbeServerOptions,
  type SmokeResultOptions,
  type SmokeServerHelloAckOptions,
  type SmokeServerOptions,
  type SmokeTranscript,
  smokeTranscriptFields,
  type SmokeTransportAnswer,
  type WaitLimits,
} from "./src/smoke/mod.ts";

// Types that the declarations above name.
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
  ClientHelloMetadata,
  ClientHelloPacketOptions,
  ClientHelloTransportPolicyExtension,
  CloseInfo,
  ControlExtensionEntry,
  DialScheme,
  DialTarget,
  FieldType,
  FieldUnit,
  Host,
  Lane,
  NnrpError,
  NnrpErrorOptions,
  NnrpPacket,
  NnrpValueError,
  ObjectReference,
  Outbox,
  PacketCursor,
  PacketHeader,
  PeerIdentity,
  ReplayCameraBlock,
  TransportChoice,
  TransportProbeAckMetadata,
  VanishedPacket,
} from "@nnrp/core";
export { decodeInput, decodePackets } from "./src/decode/stream.ts";
export { decodePacketTree } from "./src/decode/packet.ts";
export {
  type DecodedInput,
  type DecodedKind,
  type DecodedNode,
  type DecodedPacket,
  type DecodeOptions,
  type DecodeProblem,
  FULL,
  type UnreadRest,
} from "./src/decode/tree.ts";
export { packetTitle, type RenderOptions, renderPacket } from "./src/decode/render.ts";
export { HexTextError, parseHexText } from "./src/decode/hex_text.ts";
export { COLOURED, PLAIN, type Style, styleOf, type Terminal, terminalOf } from "./src/terminal_style.ts";
export { completionScript } from "./src/completion/mod.ts";
