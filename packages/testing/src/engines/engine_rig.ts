/**
 * Engines on a bench: an output that takes apart what they write, hosts that record their calls, and virtual
 * time.
 *
 * @module
 */
import {
  type AcceptedHello,
  type AgreedHandshake,
  buildClientHello,
  buildHelloAck,
  type CachePutReply,
  type CarrierLimits,
  ClientEngine,
  type ClientEngineOptions,
  type ClientHello,
  type ClientHelloContext,
  type ClientHelloOptions,
  type ClientHost,
  decodeErrorMetadata,
  decodePacket,
  type EffectiveSettings,
  encodePacket,
  type EngineHost,
  enumName,
  type ErrorEvent,
  type ErrorMetadata,
  type FailedHandshake,
  type FlowUpdateEvent,
  type FrameWaiter,
  type HelloAgreement,
  judgeHello,
  type Lane,
  laneOf,
  makePacket,
  MessageType,
  type MigrateRequest,
  type NnrpError,
  type NnrpInternalError,
  type NnrpPacket,
  type Outbox,
  PacketBuffer,
  PacketCursor,
  type PacketOutput,
  type PacketParts,
  type PatchReply,
  type ReceivedSubmit,
  type ReplyWaiter,
  type Result,
  type ResultHintEvent,
  type ServerCapabilities,
  ServerEngine,
  type ServerEngineOptions,
  ServerHandshake,
  type ServerHandshakeHost,
  type ServerHandshakeOptions,
  type ServerHost,
  type SessionEnd,
  type SessionEngine,
} from "@nnrp/core";

/** A packet that an engine wrote. */
export interface SentPacket extends NnrpPacket {
  /** Lane it went out on. */
  readonly lane: Lane;
  /** Whether its frame's stream ends here. */
  readonly last: boolean;
  /** Name of its message. */
  readonly name: string;
}

/** Takes what an engine writes and takes it apart. */
export class PacketRecorder implements PacketOutput {
  /** As on a carrier whose control lane may overtake frames. */
  readonly multiStream: boolean;
  /** Limits as the engine sets them. */
  readonly limits: CarrierLimits = {
    maxMetadataBytes: 4096,
    maxBodyBytes: 65536,
    maxProbeBodyBytes: 1048576,
  };
  /** Packets not yet taken. */
  packets: SentPacket[] = [];
  /** Frames whose stream ended without a packet. */
  ended: string[] = [];
  #open = new PacketBuffer();

  constructor(multiStream = false) {
    this.multiStream = multiStream;
  }

  begin(): Outbox {
    if (this.#open.length !== 0) throw new Error("a packet was begun, written to and not committed");
    return this.#open;
  }

  commit(lane: Lane, frameId: number, viewId: number, last: boolean): void {
    const packet = decodePacket(this.#open.toBytes());
    this.#open = new PacketBuffer();
    const { header } = packet;
    if (header.frameId !== frameId || header.viewId !== viewId) {
      throw new Error("committed under another key");
    }
    this.packets.push({ ...packet, lane, last, name: enumName(MessageType, header.msgType) });
  }

  endFrame(_lane: Lane, frameId: number, viewId: number): void {
    this.ended.push(`${frameId}/${viewId}`);
  }

  /** Takes all packets. */
  take(): SentPacket[] {
    const packets = this.packets;
    this.packets = [];
    return packets;
  }
}

/** Records what a waiter is called with. */
export class RecordingWaiter implements FrameWaiter {
  frameId = 0;
  viewId = 0;
  deadlineMs: number;
  late = false;
  heapAt = -1;
  readonly untilEos: boolean;
  /** In order: `"part"`, `"final"`, `"timedOut"`, or the code of an error. */
  readonly heard: string[] = [];
  /** All results. */
  readonly results: Result[] = [];
  /** The last error. */
  error: NnrpError | null = null;

  constructor(deadlineMs = 0, untilEos = false) {
    this.deadlineMs = deadlineMs;
    this.untilEos = untilEos;
  }
  result(result: Result, final: boolean): void {
    this.results.push(result);
    this.heard.push(final ? result.isDrop ? "drop" : "final" : "part");
  }
  timedOut(): void {
    this.heard.push("timedOut");
  }
  failed(error: NnrpError): void {
    this.error = error;
    this.heard.push(error.code);
  }
}

/** What a request on the control path got. */
export class RecordingReply<T> implements ReplyWaiter<T> {
  value: T | undefined;
  error: NnrpError | undefined;
  /** Times it was settled. */
  settled = 0;
  resolve(value: T): void {
    this.value = value;
    this.settled++;
  }
  reject(error: NnrpError): void {
    this.error = error;
    this.settled++;
  }
}

/** Shared by both benches. */
abstract class EngineRig {
  /** Virtual time, ms. */
  nowMs = 1000;
  /** Where packets go. */
  readonly out: PacketRecorder;
  /** Calls of the host, by name, in order. */
  readonly heard: string[] = [];
  readonly errors: ErrorEvent[] = [];
  readonly flows: FlowUpdateEvent[] = [];
  /** Failures that were no fault of a peer's bytes. They throw out of the rig unless a test brings them about itself. */
  readonly failures: NnrpInternalError[] = [];
  /** Whether the test brings failures about. */
  mayFail = false;
  /** Set once the session drains or the handshake failed. */
  ending: SessionEnd | null = null;
  /** Set once the carrier may go. */
  done: { end: SessionEnd; fatal: boolean } | null = null;

  /** The engine at work: of a server that has no session yet its handshake. */
  abstract readonly current: SessionEngine;

  constructor(multiStream: boolean) {
    this.out = new PacketRecorder(multiStream);
  }

  /** Delivers packets as one batch and ends the turn. */
  receive(...packets: (NnrpPacket | PacketParts | Uint8Array)[]): SentPacket[] {
    this.current.begin(this.nowMs);
    for (const packet of packets) {
      const bytes = packet instanceof Uint8Array
        ? packet
        : encodePacket("header" in packet ? packet : makePacket(packet));
      this.current.receive(new PacketCursor(bytes), laneOf(bytes[6]));
    }
    this.current.turn();
    if (this.failures.length > 0 && !this.mayFail) throw this.failures[0].cause;
    return this.out.take();
  }

  /** Lets time pass. */
  pass(ms: number): SentPacket[] {
    this.nowMs += ms;
    this.current.tick(this.nowMs);
    return this.out.take();
  }

  protected hostBase(): EngineHost & Pick<ServerHost, "flow"> {
    return {
      draining: (end: SessionEnd) => {
        if (this.ending !== null) throw new Error("draining was told twice");
        this.ending = end;
        this.heard.push("draining");
      },
      finished: (end: SessionEnd, fatal: boolean) => {
        if (this.done !== null) throw new Error("finished was told twice");
        this.done = { end, fatal };
        this.heard.push("finished");
      },
      error: (event: ErrorEvent) => {
        this.errors.push(event);
        this.heard.push("error");
      },
      failure: (error: NnrpInternalError) => void this.failures.push(error),
      flow: (event: FlowUpdateEvent) => {
        this.flows.push(event);
        this.heard.push("flow");
      },
    };
  }
}

/** A client engine on the bench. */
export class ClientRig extends EngineRig {
  readonly engine: ClientEngine;
  readonly hints: ResultHintEvent[] = [];
  /** Frames that were lost with their path. */
  lost: readonly FrameWaiter[] = [];
  onPathBroken: (event: ErrorEvent) => void = () => {};
  refusal: NnrpError | null = null;
  accepted: AcceptedHello | null = null;
  /** What the engine calls; a test may replace some of it. */
  readonly host: ClientHost;
  #hello: ClientHello | null = null;

  constructor(options: ClientEngineOptions = {}, multiStream = false) {
    super(multiStream);
    this.host = {
      ...this.hostBase(),
      opened: (ack) => {
        this.accepted = ack;
        this.heard.push("opened");
      },
      refused: (error) => {
        this.refusal = error;
        this.heard.push("refused");
      },
      admitted: () => this.heard.push("admitted"),
      hint: (event) => {
        this.hints.push(event);
        this.heard.push("hint");
      },
      pathBroken: (event) => this.onPathBroken(event),
      suspended: (_end, lost) => {
        this.lost = lost;
        this.heard.push("suspended");
      },
    };
    this.engine = new ClientEngine(this.out, this.host, options);
    this.engine.opened(this.nowMs);
  }

  get current(): ClientEngine {
    return this.engine;
  }

  /** Sends the hello. */
  hello(options: ClientHelloOptions = {}): SentPacket[] {
    this.#hello = buildClientHello(options);
    this.engine.hello(this.#hello.metadata, this.#hello.body);
    return this.out.take();
  }

  /** Shakes hands with a server that offers this. */
  open(capabilities: ServerCapabilities = {}, hello: ClientHelloOptions = {}, sessionId = 7): this {
    const [sent] = this.hello(hello);
    this.receive(ackFor(sent, capabilities, sessionId));
    if (this.accepted === null) throw this.refusal ?? new Error("not opened");
    this.heard.length = 0;
    return this;
  }

  /** Submits a frame with one token chunk. */
  submit(frameId: number, viewId = 0, waiter: RecordingWaiter = new RecordingWaiter()): RecordingWaiter {
    this.engine.submit({ ...frameRequest(`frame ${frameId}`), frameId, viewId }, frameId, waiter);
    return waiter;
  }

  patchReply(): RecordingReply<PatchReply> {
    return new RecordingReply<PatchReply>();
  }
  putReply(): RecordingReply<CachePutReply> {
    return new RecordingReply<CachePutReply>();
  }
}

/** Options of both engines of a server. */
export type ServerRigOptions = ServerEngineOptions & ServerHandshakeOptions;

/**
 * A server on the bench: a handshake, then a session. Accepts hellos at once unless `acceptAtOnce` is false.
 */
export class ServerRig extends EngineRig {
  readonly handshake: ServerHandshake;
  readonly frames: ReceivedSubmit[] = [];
  readonly cancelled: ReceivedSubmit[] = [];
  readonly patches: EffectiveSettings[] = [];
  readonly suspensions: SessionEnd[] = [];
  readonly moves: MigrateRequest[] = [];
  context: ClientHelloContext | null = null;
  agreement: HelloAgreement | null = null;
  failure: FailedHandshake | null = null;
  /** Whether a hello is answered at once. */
  acceptAtOnce = true;
  sessionId = 7;
  /** What the handshake calls; a test may replace some of it. */
  readonly handshakeHost: ServerHandshakeHost;
  /** What the session's engine calls; likewise. */
  readonly host: ServerHost;
  readonly #capabilities: ServerCapabilities;
  readonly #options: ServerRigOptions;
  #engine: ServerEngine | null = null;

  constructor(options: ServerRigOptions = {}, capabilities: ServerCapabilities = {}, multiStream = false) {
    super(multiStream);
    this.#capabilities = capabilities;
    this.#options = options;
    this.host = this.#sessionHost();
    const { error, failure } = this.hostBase();
    this.handshakeHost = {
      error,
      failure,
      hello: (context) => {
        this.context = context;
        this.heard.push("hello");
        if (this.acceptAtOnce) this.accept();
      },
      migrate: (request) => {
        this.moves.push(request);
        this.handshake.refuseMove(request, 2, this.nowMs);
      },
      ended: (failure) => {
        if (this.failure !== null) throw new Error("ended was told twice");
        this.failure = failure;
        this.ending = failure.end;
        this.done = { end: failure.end, fatal: failure.lastWords };
        this.heard.push(failure.kind);
      },
    };
    this.handshake = new ServerHandshake(this.out, this.handshakeHost, options);
    this.handshake.opened(this.nowMs);
  }

  /** The session's engine. */
  get engine(): ServerEngine {
    if (this.#engine === null) throw new Error("there is no session yet");
    return this.#engine;
  }

  get current(): ServerHandshake | ServerEngine {
    return this.#engine ?? this.handshake;
  }

  /** Judges the hello that came. */
  accept(): void {
    const { metadata, controlExtensions } = this.context!;
    const outcome = judgeHello({ metadata, controlExtensions }, this.#capabilities);
    if (!outcome.accepted) {
      this.handshake.refuseHello(outcome.errorCode, outcome.diagnostic);
      return;
    }
    const ack = buildHelloAck(outcome, { sessionId: this.sessionId, activeTransportId: 2 });
    const agreed = this.handshake.agree(ack.metadata, ack.body);
    if (agreed === null) return;
    this.agreement = outcome;
    this.begin(agreed);
  }

  /** Begins the session. */
  begin(agreed: AgreedHandshake): void {
    this.#engine = new ServerEngine(agreed, this.host, this.#options);
    this.#engine.start(this.nowMs);
  }

  #sessionHost(): ServerHost {
    return {
      ...this.hostBase(),
      submit: (frame) => {
        this.frames.push(frame);
        this.heard.push("submit");
      },
      cancelled: (frame) => {
        this.cancelled.push(frame);
        this.heard.push("cancelled");
      },
      patched: (settings) => {
        this.patches.push(settings);
        this.heard.push("patched");
      },
      suspended: (end) => {
        this.suspensions.push(end);
        this.heard.push("suspended");
      },
    };
  }

  /** Shakes hands. */
  open(hello: ClientHelloOptions = {}): this {
    this.receive(helloPacket(hello));
    if (this.agreement === null) throw new Error("not accepted");
    this.heard.length = 0;
    return this;
  }
}

/** What a frame of the tests carries. */
export function frameRequest(
  text: string,
): { typedPayloads: { payloadKind: number; payload: Uint8Array }[] } {
  return { typedPayloads: [{ payloadKind: 0x2, payload: new TextEncoder().encode(text) }] };
}

/** A CLIENT_HELLO. */
export function helloPacket(options: ClientHelloOptions = {}): NnrpPacket {
  const out = new PacketRecorder();
  const rig = new ClientEngine(out, new Proxy({}, { get: () => () => {} }) as ClientHost);
  const { metadata, body } = buildClientHello(options);
  rig.hello(metadata, body);
  return out.take()[0];
}

/** The SERVER_HELLO_ACK to a CLIENT_HELLO. */
export function ackFor(hello: NnrpPacket, capabilities: ServerCapabilities = {}, sessionId = 7): NnrpPacket {
  const rig = new ServerRig({}, capabilities);
  rig.sessionId = sessionId;
  return rig.receive(hello).find((p) => p.name === "SERVER_HELLO_ACK")!;
}

/** An ERROR as it was sent. */
export interface SentError extends ErrorMetadata {
  /** Trace id of its header. */
  readonly traceId: bigint;
  /** Frame id of its header. */
  readonly headerFrameId: number;
  /** View id of its header. */
  readonly headerViewId: number;
  /** Its words. */
  readonly diagnostic: string;
}

/** The ERRORs among packets. */
export function errorsIn(packets: readonly SentPacket[]): SentError[] {
  return packets.filter((p) => p.header.msgType === MessageType.ERROR).map((p) => {
    const view = new DataView(p.metadata.buffer, p.metadata.byteOffset, p.metadata.byteLength);
    return {
      ...decodeErrorMetadata(view, 0, p.metadata.length),
      traceId: p.header.traceId,
      headerFrameId: p.header.frameId,
      headerViewId: p.header.viewId,
      diagnostic: new TextDecoder().decode(p.body),
    };
  });
}

/** Names of packets. */
export const namesOf = (packets: readonly SentPacket[]): string[] => packets.map((p) => p.name);
