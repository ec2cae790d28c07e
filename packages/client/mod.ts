/**
 * The client of NNRP/1: sends frames to a neural network on a server; each gets its result within a latency
 * budget, or a report of its outcome.
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
export { dialClient, type DialOptions } from "./src/dial.ts";
export type { DialOrigin, DialRecord } from "./src/dial_origin.ts";
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
export type { DialTargetOptions, ResolvedTarget } from "./src/dial_target.ts";
export type { Endpoint } from "./src/endpoint.ts";
export type { DialAttempt } from "./src/path_race.ts";
export { probeClientTransport, type ProbeOptions } from "./src/probe.ts";
export type { MigrateOptions, MoveOutcome } from "./src/migration.ts";
export type { ReconnectOptions } from "./src/reconnect.ts";
export { type ClientTlsOptions } from "./src/runtime_carriers.ts";
export { PathKeeper, type PathLook, type PathPolicy } from "./src/path_keeper.ts";
export { ClientSession, type MigrationOutcome } from "./src/session.ts";
export type { CloseOptions } from "./src/closing.ts";
export type {
  ClientSessionState,
  ClientStats,
  FrameKey,
  OpenOptions,
  ReceiveOptions,
  SubmitOptions,
} from "./src/session_types.ts";
export type { RawSession } from "./src/raw_session.ts";
export type { FrameRequest } from "./src/frame_request.ts";
export { FailedFrame } from "./src/failed_frame.ts";
export type { ResultStream } from "./src/result_stream.ts";
export type { ResultRouter } from "./src/result_router.ts";
export type { CacheInvalidation, CachePutOutcome, CachePutRequest } from "./src/cache_calls.ts";
export type { PatchFields, PatchOutcome } from "./src/patch_calls.ts";
export type { AuthBlock, AuthRequest, AuthSource } from "./src/credentials.ts";
export type { LogEvent, SessionOptions } from "./src/session_options.ts";
export type { InboxLimits } from "./src/inbox.ts";
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
export { shownAddress } from "@nnrp/core";
export type { WaitOptions } from "@nnrp/runtime";

// What users of the client need of the core.
export {
  BudgetPolicy,
  CacheAckStatus,
  CacheInvalidateScope,
  CacheObjectKind,
  type CloseInfo,
  type ComeBackWish,
  type Credential,
  type CredentialRequest,
  type CredentialSource,
  ErrorCode,
  ErrorScope,
  FlowUpdateBackpressureLevel,
  FlowUpdateReason,
  FlowUpdateScopeKind,
  HeaderFlags,
  InputProfile,
  NnrpCancelledError,
  NnrpConnectionClosedError,
  NnrpCredentialError,
  NnrpError,
  NnrpInternalError,
  NnrpLimitError,
  NnrpProtocolError,
  NnrpRouterClosedError,
  NnrpStateError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpUnexpectedMessageError,
  NnrpUnsupportedError,
  NnrpValueError,
  NnrpWireError,
  type ObjectReference,
  PayloadKind,
  Result,
  ResultClass,
  ResultFlags,
  ResultHintCongestionState,
  SessionPatchAckStatus,
  SessionPatchField,
  SessionPatchRejectReason,
  SubmitMode,
  TensorDType,
  tensorSection,
  TileIndexMode,
  TransportId,
  TransportPolicy,
  TypedPayload,
} from "@nnrp/core";

// Types that the declarations above refer to.
export type {
  AcceptedHello,
  CancelTimer,
  Carrier,
  CarrierCloseOptions,
  CarrierDatagrams,
  CarrierDialer,
  CarrierDialOptions,
  CarrierLimits,
  CarrierSink,
  ClientFrameCounts,
  ClientHello,
  ClientHelloMetadata,
  ClientHelloOptions,
  ClientHelloTransportPolicyExtension,
  ClientProfile,
  ControlExtensionEntry,
  DialScheme,
  DialTarget,
  EffectiveSettings,
  ErrorEvent,
  FlowControlMode,
  FlowUpdateEvent,
  FlowUpdateFields,
  FlowUpdateMetadata,
  Host,
  Lane,
  MigrateAnswer,
  MoveExchange,
  MoveRequest,
  NnrpPacket,
  Outbox,
  PacketCursor,
  PacketHeader,
  PeerIdentity,
  ResultHintEvent,
  ResultHintMetadata,
  ResultPushMetadata,
  ServerHelloAckMetadata,
  ServerHelloAckTransportPolicyExtension,
  SessionEnd,
  SessionMigrateAckMetadata,
  SessionMigrateMetadata,
  SessionPatchAckMetadata,
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
  VanishedPacket,
  WireStage,
} from "@nnrp/core";
