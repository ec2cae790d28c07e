/**
 * What client, server and carriers share of the runtime they run on: the {@linkcode Host} of a real machine, waiting with a time
 * limit and a signal, and what keeps such waits cheap; bounded handshakes. Sockets are in `@nnrp/runtime/sockets`. Applications
 * import neither.
 *
 * @module
 */
export { type AbortListener, listenForAbort, stopListening } from "./src/abort_listeners.ts";
export { containTimers } from "./src/contain_timers.ts";
export { askCredential, isAsked } from "./src/credentials.ts";
export { DeadlineHeap, type HeapEntry } from "@nnrp/core";
export { type GraceOptions, GraceWatch, graceWindow } from "./src/grace_watch.ts";
export { type Handshake, type HandshakeKind, Handshakes } from "./src/handshakes.ts";
export { NodeByteStream, type NodeSocketPast, remoteOf } from "./src/node_byte_stream.ts";
export { checkRanges, COUNT, type NumberRange, SOME, TIME, U32 } from "./src/number_ranges.ts";
export { PullIterator, type PullSource } from "./src/pull_iterator.ts";
export { SessionTimer, type Timed, type TimerClock } from "./src/session_timer.ts";
export { confirmStall, StallWatch } from "./src/stall_watch.ts";
export { systemHost } from "./src/system_host.ts";
export { waitFor, type WaitOptions } from "./src/wait.ts";

// Types that the declarations above refer to.
export type {
  ByteStream,
  ByteStreamEvents,
  CancelTimer,
  CarrierListenOptions,
  Credential,
  CredentialRequest,
  CredentialSource,
  Host,
  NnrpError,
} from "@nnrp/core";
