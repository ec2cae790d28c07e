/**
 * The server of NNRP/1: receives frames from clients, has a handler answer them, and reports frames that get
 * no result.
 *
 * ```ts
 * import { serve } from "@nnrp/server";
 *
 * const server = await serve({ port: 4433 }, (frame) => ({ typedPayloads: frame.typedPayloads }));
 * console.log(server.addresses);
 * ```
 *
 * @module
 */
export { serve } from "./src/serve.ts";
export { Drop, drop } from "./src/drop.ts";
export type { Handler, HandlerContext, HandlerOutput, ResultParts } from "./src/handler.ts";
export { NnrpServer, type ServerCloseOptions } from "./src/server.ts";
export type { ServerAddress, ServerMemoryStats, ServerStats } from "./src/server_stats.ts";
export { ServerSession } from "./src/session.ts";
export type {
  HintFields,
  SendOptions,
  ServerSessionState,
  ServerSessionStats,
  SessionCloseOptions,
} from "./src/session_types.ts";
export type { MigrationOptions, ServeOptions, ServerOptions, ServerProfile } from "./src/options.ts";
export type { AuthRequest, AuthValidator, AuthVerdict, MoveQuestion } from "./src/auth.ts";
export type { LoggedHello, ServerLogEvent } from "./src/log_event.ts";
export type { SchedulerStats } from "./src/scheduler.ts";
export type { WaitOptions } from "@nnrp/runtime";

// What users of the server need of the core.
export {
  BudgetPolicy,
  type ClientHelloContext,
  ErrorCode,
  ErrorScope,
  HeaderFlags,
  NnrpConnectionClosedError,
  NnrpError,
  NnrpInternalError,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpValueError,
  PayloadKind,
  ReceivedSubmit,
  ResultClass,
  type ResultFields,
  ResultHintCongestionState,
  ResultHintReason,
  TensorDType,
  tensorSection,
  TypedPayload,
} from "@nnrp/core";

// Types that the declarations above refer to.
export type {
  AnswerSender,
  BodyPrelude,
  BodyRegions,
  CancelTimer,
  Carrier,
  CarrierBinding,
  CarrierCloseOptions,
  CarrierDatagrams,
  CarrierLimits,
  CarrierListener,
  CarrierListenOptions,
  CarrierSink,
  ClientHelloMetadata,
  CloseInfo,
  ComeBackWish,
  ControlExtensionEntry,
  ControlRate,
  EffectiveSettings,
  ErrorEvent,
  ErrorFields,
  ExtensionFrame,
  FlowUpdateEvent,
  FlowUpdateFields,
  FlowUpdateMetadata,
  FlowUpdates,
  FrameSubmitBody,
  FrameSubmitMetadata,
  Host,
  InlineObject,
  InlineObjectHeader,
  KeepAlive,
  KeptBuffer,
  Lane,
  LifeSign,
  Liveness,
  MigrateRequest,
  MigrationTokens,
  NnrpPacket,
  ObjectReference,
  Outbox,
  PacketCursor,
  PacketHeader,
  PacketIds,
  PacketOutput,
  PacketWriter,
  PatchPolicy,
  PatchRefusal,
  PatchRequest,
  PathHost,
  PeerIdentity,
  PongOutcome,
  ProbeCounts,
  ReceivedFrameCounts,
  RecordEncoder,
  ReplyWaiter,
  ResultHintMetadata,
  ServerCapabilities,
  ServerFrameCounts,
  ServerHelloAckMetadata,
  SessionEnd,
  SessionEngine,
  SessionLink,
  SessionMigrateMetadata,
  SessionPatchField,
  SessionPatchMetadata,
  SessionPatchRejectReason,
  SessionPath,
  SessionRole,
  SessionState,
  SessionVoice,
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
} from "@nnrp/core";
