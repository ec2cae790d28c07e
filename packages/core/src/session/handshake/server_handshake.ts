/**
 * The server's side of a connection until it has a session: probes, the hello and its verdict, a SESSION_MIGRATE, and what the client
 * sends before it is answered (behaviour spec §5.3, §6, §11). Its end is a value: agreed, moved, refused or lost. I/O, timers and the
 * verdict are the host's.
 *
 * @module
 */
import type { Lane } from "../../carrier.ts";
import type { NnrpError, NnrpInternalError } from "../../errors.ts";
import { ErrorCode, ErrorScope, MessageType } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import { type ControlExtensionEntry, decodeControlExtensions } from "../../wire/extensions.ts";
import { ControlExtensionType, findExtension } from "../../wire/known_extensions.ts";
import { HeaderFlags } from "../../wire/flags.ts";
import { speaksOurs } from "./hello_extensions.ts";
import { decodeHeader } from "../../wire/header.ts";
import { decodeClientHelloBody } from "../../wire/hello_body.ts";
import { DEFAULT_MAX_BODY_BYTES } from "../../wire/limits.ts";
import { CLIENT_HELLO_RECORD, type ClientHelloMetadata } from "../../wire/metadata/client_hello.ts";
import {
  SERVER_HELLO_ACK_RECORD,
  type ServerHelloAckMetadata,
} from "../../wire/metadata/server_hello_ack.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { readError } from "../control/error_exchange.ts";
import type { ErrorEvent, SessionEnd } from "../engine/engine_host.ts";
import type { PacketOutput } from "../engine/packet_writer.ts";
import { SessionEngine } from "../engine/session_engine.ts";
import { SessionLink, type SessionLinkOptions } from "../engine/session_link.ts";
import { SessionState } from "../engine/states.ts";
import { MAX_DEFERRED_BYTES, MAX_DEFERRED_PACKETS } from "../limits.ts";
import { readMigrateRequest, writeMigrateRefusal } from "../paths/migrate_answer.ts";
import { MigrateAcceptCode, type MigrateRequest } from "../paths/migration.ts";
import { answerProbe, type ProbeCounts } from "../probe/probe_answer.ts";

/** A CLIENT_HELLO as it came. */
export interface ClientHelloContext {
  /** The packet; a copy. */
  readonly packet: NnrpPacket;
  /** Its metadata. */
  readonly metadata: ClientHelloMetadata;
  /** Bytes for the application to judge; empty if there are none. */
  readonly authBlock: Uint8Array;
  /** Control extensions, in order. */
  readonly controlExtensions: readonly ControlExtensionEntry[];
}

/** What a handshake calls. */
export interface ServerHandshakeHost {
  /**
   * A hello came. Stop reading, and answer with {@linkcode ServerHandshake.agree} or a refusal, now or later.
   */
  hello(context: ClientHelloContext): void;
  /**
   * A SESSION_MIGRATE came instead of a hello. Answer with {@linkcode ServerHandshake.take} or
   * {@linkcode ServerHandshake.refuseMove}, now or later. Default: refused.
   */
  migrate?(request: MigrateRequest): void;
  /** The connection came to nothing and can be closed. Called once, not after an agreement or a move. */
  ended(outcome: FailedHandshake): void;
  /** An ERROR of the client that ends nothing. */
  error?(event: ErrorEvent): void;
  /** Something failed here that should not: a line in the log. The connection has ended, or ends right after the call. */
  failure?(error: NnrpInternalError): void;
}

/** Options of a {@linkcode ServerHandshake}. */
export interface ServerHandshakeOptions extends SessionLinkOptions {
  /** Largest body of a session, bytes; holds from the agreement on. Default 32 MiB. */
  readonly maxBodyBytes?: number;
  /** Whether probes are answered. Default true. */
  readonly answerProbes?: boolean;
  /** Packets that may come behind the hello before it is answered. Default 1,024. */
  readonly maxDeferredPackets?: number;
  /** Bytes of such packets. Default 1 MiB. */
  readonly maxDeferredBytes?: number;
}

/** A packet that came behind the hello; a copy. */
export interface DeferredPacket {
  /** The packet. */
  readonly cursor: PacketCursor;
  /** Its lane. */
  readonly lane: Lane;
}

/** The hello was accepted: what a `ServerEngine` begins with. */
export interface AgreedHandshake {
  /** Discriminates {@linkcode HandshakeOutcome}. */
  readonly kind: "agreed";
  /** The connection, with the session's id. */
  readonly link: SessionLink;
  /** The SERVER_HELLO_ACK that was sent. */
  readonly ack: ServerHelloAckMetadata;
  /** What came behind the hello, in order. */
  readonly deferred: readonly DeferredPacket[];
  /** Probes so far. */
  readonly probes: ProbeCounts;
}

/** The connection carries a session that began elsewhere from now on. */
export interface TakenConnection {
  /** Discriminates {@linkcode HandshakeOutcome}. */
  readonly kind: "moved";
  /** The connection. */
  readonly link: SessionLink;
  /** Probes so far. */
  readonly probes: ProbeCounts;
}

/** The connection came to nothing. */
export interface FailedHandshake {
  /** `"refused"`: by the server, or for what the client sent; `"lost"`: the client went, was silent, or said CLOSE. */
  readonly kind: "refused" | "lost";
  /** How it ended. */
  readonly end: SessionEnd;
  /** Whether an ERROR or an ack was just written: let it arrive. */
  readonly lastWords: boolean;
}

/** How a handshake ended. */
export type HandshakeOutcome = AgreedHandshake | TakenConnection | FailedHandshake;

/** One connection of a server before it has a session. */
export class ServerHandshake extends SessionEngine {
  /** Probes answered and refused here. */
  readonly probes: ProbeCounts = { probes: 0, probesRefused: 0 };
  /** How it ended; null = not yet. */
  outcome: HandshakeOutcome | null = null;

  readonly #host: ServerHandshakeHost;
  readonly #options: ServerHandshakeOptions;
  #deferred: DeferredPacket[] = [];
  #deferredBytes = 0;
  #mayComeBack = false; // the client offered 0xF004
  #isOurs = false; // the client speaks one of our extensions: it answers pings

  /**
   * A handshake that waits for the client's first packet.
   *
   * @param output Where packets go.
   * @param host What to call.
   * @param options Keep-alive and limits.
   */
  constructor(output: PacketOutput, host: ServerHandshakeHost, options: ServerHandshakeOptions = {}) {
    super("server", new SessionLink(output, options), {
      draining: () => {},
      finished: (end, lastWords) => this.#fail(end, lastWords),
      error: (event) => host.error?.(event),
      failure: (error) => host.failure?.(error),
    });
    this.#host = host;
    this.#options = options;
  }

  /** There are no frames yet. */
  get framesInFlight(): number {
    return 0;
  }

  /** There are no frames yet. */
  protected get framePackets(): number {
    return 0;
  }

  /** The same. */
  protected get resultPackets(): number {
    return 0;
  }

  /**
   * Accepts the hello: sends SERVER_HELLO_ACK.
   *
   * @param ack Its metadata; session id and lengths filled in.
   * @param body Control extensions, then the model name.
   * @returns What the session begins with; null if the connection has ended meanwhile.
   * @throws NnrpValueError if the ack cannot be written; nothing was sent, and the hello can still be refused.
   */
  agree(ack: ServerHelloAckMetadata, body: Uint8Array): AgreedHandshake | null {
    if (this.state !== SessionState.NEGOTIATING) return null;
    const { sessionId } = ack;
    const ids = { flags: HeaderFlags.ACK_REQUIRED, sessionId };
    this.writer.record(MessageType.SERVER_HELLO_ACK, SERVER_HELLO_ACK_RECORD, ack, ids, body);
    this.writer.sessionId = sessionId;
    const { limits } = this.writer.output;
    limits.maxBodyBytes = this.#options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
    limits.maxUnshownBytes = Infinity;
    limits.skipsBodies = true;
    const { link, probes } = this;
    link.keepAlive.expectsPongs ||= this.#isOurs;
    link.comeBack = this.#mayComeBack &&
      hasExtension(body.subarray(0, ack.controlExtensionBytes), ControlExtensionType.COME_BACK);
    const deferred = this.#deferred;
    this.#deferred = [];
    this.state = SessionState.CLOSED;
    return this.outcome = { kind: "agreed", link, ack, deferred, probes };
  }

  /** Refuses the client by ERROR, connection scope, fatal. */
  refuseHello(errorCode: number, diagnostic: string, retryAfterMs = 0): void {
    this.sendError({ errorCode, errorScope: ErrorScope.CONNECTION, fatal: true, diagnostic, retryAfterMs });
  }

  /** Refuses the hello by a SERVER_HELLO_ACK with `auth_status` 1, as some servers do. */
  refuseByAck(ack: ServerHelloAckMetadata): void {
    if (this.state === SessionState.CLOSED) return;
    const fields = { ...ack, authStatus: 1, controlExtensionBytes: 0 };
    const ids = { flags: HeaderFlags.ACK_REQUIRED, sessionId: ack.sessionId };
    this.writer.record(MessageType.SERVER_HELLO_ACK, SERVER_HELLO_ACK_RECORD, fields, ids);
    this.end({ kind: "error", local: true, reason: "authentication refused" }, true);
  }

  /**
   * Refuses a SESSION_MIGRATE; the connection may still say hello.
   *
   * @param request What came.
   * @param acceptCode A MigrateAcceptCode, not 0.
   * @param nowMs Time, ms of the host's clock.
   */
  refuseMove(request: MigrateRequest, acceptCode: number, nowMs: number): void {
    if (this.state !== SessionState.CLOSED) writeMigrateRefusal(this.writer, request, acceptCode, nowMs);
  }

  /**
   * Gives the connection to the session that a SESSION_MIGRATE asked for, which answers it there.
   *
   * @returns The connection; null if it has ended meanwhile.
   */
  take(): TakenConnection | null {
    if (this.state === SessionState.CLOSED) return null;
    this.state = SessionState.CLOSED;
    const { link, probes } = this;
    return this.outcome = { kind: "moved", link, probes };
  }

  /** See {@linkcode SessionEngine.peerEnded}: there is no peer left to receive an answer. */
  override peerEnded(): void {
    this.end({ kind: "lost", local: false, reason: "the client finished sending without CLOSE" });
  }

  /** See {@linkcode SessionEngine.receive}: what fails here costs this connection only. */
  override receive(cursor: PacketCursor, lane: Lane): void {
    try {
      super.receive(cursor, lane);
    } catch (cause) {
      this.failed(cursor.msgType, cause);
    }
  }

  /** Dispatches the messages that the state table allows. */
  protected handle(msgType: number, cursor: PacketCursor): void {
    if (this.handleShared(msgType, cursor)) return;
    if (msgType === MessageType.CLIENT_HELLO) this.#hello(cursor);
    else if (msgType === MessageType.TRANSPORT_PROBE) this.#probe(cursor);
    else if (msgType === MessageType.SESSION_MIGRATE) {
      if (!this.spendControl()) return;
      const request = readMigrateRequest(cursor);
      if (this.#host.migrate === undefined) this.refuseMove(request, MigrateAcceptCode.POLICY, this.batchMs);
      else this.#host.migrate(request);
    } else if (msgType === MessageType.ERROR) {
      const event = readError(cursor);
      if (event.error.fatal) this.endByPeer(event.error);
      else if (this.spendControl()) this.#host.error?.(event);
    }
  }

  /** Keeps what came behind the hello until it is answered. */
  protected override defer(cursor: PacketCursor, lane: Lane): void {
    const { maxDeferredPackets = MAX_DEFERRED_PACKETS, maxDeferredBytes = MAX_DEFERRED_BYTES } =
      this.#options;
    this.#deferredBytes += cursor.length;
    if (this.#deferred.length < maxDeferredPackets && this.#deferredBytes <= maxDeferredBytes) {
      this.#deferred.push({ cursor: cursor.copy(), lane });
    } else {
      this.refuseHello(
        ErrorCode.LIMIT_EXCEEDED,
        `too much came before the hello was answered; ${maxDeferredPackets} packets and ${maxDeferredBytes} bytes may`,
      );
    }
  }

  /** A message that has no place here. */
  protected refuse(cursor: PacketCursor): void {
    const name = enumName(MessageType, cursor.msgType);
    this.complain(ErrorCode.INVALID_STATE, cursor.traceId, `expected CLIENT_HELLO, got ${name}`);
  }

  /** There is no session that could wait for a path. */
  protected suspend(): void {}

  /** See {@linkcode SessionEngine.abandon}. */
  protected abandon(_error: NnrpError): void {
    this.#deferred = [];
  }

  #hello(cursor: PacketCursor): void {
    const metadata = CLIENT_HELLO_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
    const body = cursor.bytes.slice(cursor.bodyOffset, cursor.bodyOffset + cursor.bodyLength);
    const { authBlock, controlExtensions } = decodeClientHelloBody(metadata, body);
    const header = decodeHeader(cursor.view, cursor.offset);
    const packet = { header, metadata: cursor.metadata().slice(), body };
    this.state = SessionState.NEGOTIATING;
    this.#isOurs = speaksOurs(controlExtensions);
    this.#mayComeBack = findExtension(controlExtensions, ControlExtensionType.COME_BACK) !== undefined;
    this.#host.hello({ packet, metadata, authBlock, controlExtensions });
  }

  #probe(cursor: PacketCursor): void {
    if (!this.spendControl()) return;
    if (this.#options.answerProbes !== false) {
      answerProbe(this.writer, cursor, this.batchMs);
      this.probes.probes++;
    } else {
      this.probes.probesRefused++;
      this.refuse(cursor);
    }
  }

  #fail(end: SessionEnd, lastWords: boolean): void {
    const kind = end.kind === "error" ? "refused" : "lost";
    const outcome: FailedHandshake = { kind, end, lastWords };
    this.outcome = outcome;
    this.#host.ended(outcome);
  }
}

function hasExtension(block: Uint8Array, extType: number): boolean {
  return findExtension(decodeControlExtensions(block), extType) !== undefined;
}
