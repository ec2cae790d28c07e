/**
 * The client of NNRP/1: frames go to a neural network on a server, results come back within a budget or say honestly what
 * became of them.
 *
 * ```ts
 * import { dialClient, TypedPayload } from "@nnrp/client";
 *
 * const session = await dialClient("nnrp://127.0.0.1:4433");
 * const result = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("hello")], latencyBudgetMs: 50 });
 * console.log(result.className, result.text());
 * await session.close();
 * ```
 *
 * @module
 */
export {
  DIAL_TIMEOUT_MS,
  dialClient,
  type DialOptions,
  type DialOrigin,
  type DialRecord,
  HELLO_BEFORE_FALLBACK_MS,
} from "./src/dial.ts";
export {
  connectClientControl,
  connectClientControlWithProbe,
  connectClientSession,
  connectClientSessionWithProbe,
} from "./src/connect.ts";
export { ClientControlSession } from "./src/control_session.ts";
export {
  bootstrapClientTransport,
  type ClientDialPolicy,
  type ClientTransportBootstrap,
  type ClientTransportPlan,
  planClientTransport,
  resolveClientHelloTransportPolicy,
  toClientHelloTransportPolicy,
  type TransportPorts,
} from "./src/dial_plan.ts";
export { type DialTargetOptions, type ResolvedTarget, resolveTarget } from "./src/dial_target.ts";
export { type DialAttempt, HEAD_START_MS } from "./src/path_race.ts";
export {
  PROBE_PAYLOAD_BYTES,
  PROBE_SAMPLE_COUNT,
  PROBE_TIMEOUT_MS,
  probeClientTransport,
  type ProbeOptions,
} from "./src/probe.ts";
export { MIGRATE_TIMEOUT_MS, type MigrateOptions, type MigrationOutcome } from "./src/migration.ts";
export {
  RECONNECT_ATTEMPTS,
  RECONNECT_MAX_DELAY_MS,
  RECONNECT_MIN_DELAY_MS,
  type ReconnectOptions,
} from "./src/reconnect.ts";
export { type ClientTlsOptions } from "./src/runtime_carriers.ts";
export { PathKeeper, type PathLook, type PathPolicy } from "./src/path_keeper.ts";
export { ClientSession } from "./src/session.ts";
export type {
  ClientStats,
  FrameKey,
  OpenOptions,
  ReceiveOptions,
  SubmitOptions,
} from "./src/session_types.ts";
export type { RawSession } from "./src/raw_session.ts";
export type { FrameRequest } from "./src/frame_request.ts";
export { MAX_STREAM_BYTES, MAX_STREAM_RESULTS, ResultStream } from "./src/result_stream.ts";
export { ResultRouter } from "./src/result_router.ts";
export type { CacheInvalidation, CachePutOutcome, CachePutRequest } from "./src/cache_calls.ts";
export type { PatchFields, PatchOutcome } from "./src/patch_calls.ts";
export * from "./src/session_options.ts";
export { type InboxLimits, MAX_UNCLAIMED, MAX_UNCLAIMED_BYTES } from "./src/inbox.ts";
export { BaseWaiter, type FrameOwner, type PendingFrame } from "./src/frame_waiters.ts";
export {
  type DegradedReason,
  MigrationTriggerMonitor,
  type MigrationTriggerPolicy,
  type MigrationTriggerSnapshot,
  type PathHealthSample,
  pathHealthSampleOf,
} from "./src/path_monitor.ts";
export {
  NnrpProbeError,
  selectTransport,
  TransportProbeResult,
  type TransportProbeSample,
  TransportProbeSelection,
  type TransportProbeSelectionOptions,
  TransportProbeSummary,
  type TransportProbeSummaryOptions,
} from "./src/probe_selection.ts";
export { DEFAULT_PORT, type Endpoint, isLoopback, parseEndpoint } from "./src/endpoint.ts";
export type { WaitOptions } from "@nnrp/runtime";

// What users of the client need of the core.
export {
  BudgetPolicy,
  CacheInvalidateScope,
  CacheObjectKind,
  type CloseInfo,
  ErrorCode,
  ErrorScope,
  HeaderFlags,
  InputProfile,
  NnrpCancelledError,
  NnrpConnectionClosedError,
  NnrpError,
  NnrpLimitError,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpUnsupportedError,
  NnrpValueError,
  NnrpWireError,
  type ObjectReference,
  PayloadKind,
  Result,
  ResultClass,
  SubmitMode,
  TensorDType,
  tensorSection,
  TileIndexMode,
  TypedPayload,
} from "@nnrp/core";

// Types that the declarations above name.
export type {
  AcceptedHello,
  AcknowledgedPut,
  CacheAckMetadata,
  CacheInvalidateMetadata,
  CacheKey,
  CacheMirror,
  CachePutMetadata,
  CachePutReply,
  CancelTimer,
  Carrier,
  CarrierCloseOptions,
  CarrierDatagrams,
  CarrierDialer,
  CarrierDialOptions,
  CarrierLimits,
  CarrierSink,
  ClientEngine,
  ClientFrameCounts,
  ClientHello,
  ClientHelloMetadata,
  ClientHelloOptions,
  ClientHelloTransportPolicyExtension,
  ClientPatchState,
  ClientProfile,
  ControlExtensionEntry,
  CreditGate,
  DialTarget,
  EffectiveSettings,
  ErrorEvent,
  ErrorFields,
  FlowControlMode,
  FlowUpdateEvent,
  FlowUpdateFields,
  FlowUpdateMetadata,
  FrameWaiter,
  Host,
  KeepAlive,
  Lane,
  NnrpPacket,
  Outbox,
  PacketCursor,
  PacketHeader,
  PacketIds,
  PacketOutput,
  PacketWriter,
  PatchReply,
  PeerIdentity,
  PendingReply,
  PongOutcome,
  RecordEncoder,
  ReplyWaiter,
  ResultHintEvent,
  ResultHintMetadata,
  ResultPushMetadata,
  ServerHelloAckMetadata,
  ServerHelloAckTransportPolicyExtension,
  SessionEnd,
  SessionEngine,
  SessionMigrateAckMetadata,
  SessionPatchAckMetadata,
  SessionPatchMetadata,
  SessionRole,
  SessionState,
  SubmitRequest,
  TensorDTypeName,
  TensorElements,
  TensorProfileBlock,
  TensorSection,
  TensorSectionData,
  TensorSectionOptions,
  TensorTile,
  TensorView,
  TypedPayloadFactory,
  WireStage,
} from "@nnrp/core";
