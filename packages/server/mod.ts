/**
 * The server of NNRP/1: takes frames from clients, lets a handler answer them, and says honestly when it cannot.
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
export { Drop, drop, type Handler, type HandlerContext, type HandlerOutput } from "./src/handler.ts";
export { NnrpServer, type ServerAddress, type ServerStats } from "./src/server.ts";
export { ServerSession } from "./src/session.ts";
export type { HintFields, SendOptions, ServerSessionStats, WaitOptions } from "./src/session_types.ts";
export * from "./src/options.ts";
export type { SessionOwner } from "./src/session_owner.ts";
export { Scheduler, type SchedulerStats } from "./src/scheduler.ts";
export { type FramePlace, FrameQueue } from "./src/frame_queue.ts";
export { TurnClock } from "./src/clock.ts";
export { ServerLog } from "./src/server_log.ts";

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

// Types that the declarations above name.
export type {
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
  ControlExtensionEntry,
  ControlRate,
  EffectiveSettings,
  ErrorEvent,
  ErrorFields,
  ExtensionFrame,
  FlowUpdateEvent,
  FlowUpdateFields,
  FlowUpdateMetadata,
  FrameSubmitBody,
  FrameSubmitMetadata,
  Host,
  InlineObject,
  InlineObjectHeader,
  KeepAlive,
  Lane,
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
} from "@nnrp/core";
