/**
 * What both roles send unsolicited beside frames: pings and flow updates (behaviour spec §10). How a session
 * goes on and ends is SessionEngine's.
 *
 * @module
 */
import type { Lane } from "../../carrier.ts";
import { FlowUpdateScopeKind } from "../../wire/enums.ts";
import type { FlowUpdateMetadata } from "../../wire/metadata/flow_update.ts";
import type { NnrpPacket } from "../../wire/packet.ts";
import type { KeepAlive } from "../control/keepalive.ts";
import { Liveness } from "../control/liveness.ts";
import { FlowUpdates } from "../flow/flow_updates.ts";
import type { ReplyWaiter, SessionEnd } from "./engine_host.ts";
import type { PacketIds, PacketWriter } from "./packet_writer.ts";
import type { SessionLink } from "./session_link.ts";
import { stateError } from "./state_error.ts";
import { type SessionRole, SessionState } from "./states.ts";

/** Base of SessionEngine. */
export abstract class SessionVoice {
  /** Which side this is. */
  readonly role: SessionRole;
  /** Present state. */
  state: SessionState = SessionState.INIT;
  /** Pings and idle time. */
  readonly keepAlive: KeepAlive<ReplyWaiter<number>>;
  /** What the connection keeps. */
  protected readonly link: SessionLink;
  /** Writes control packets. */
  protected readonly writer: PacketWriter;
  /** FLOW_UPDATEs that wait to be written. */
  protected readonly flow: FlowUpdates;
  /** Set once the session drains or ended. */
  protected ending: SessionEnd | null = null;
  /** Whether the session waits for a new path (behaviour spec §11). */
  suspended = false;
  /** When the packets of the present batch came, ms of the host's clock: for them only, commands bring their own time. */
  protected batchMs = 0;

  /** Pings, and signs of life. */
  protected readonly liveness: Liveness;

  /**
   * Nothing was sent yet.
   *
   * @param role Which side this is.
   * @param link The connection.
   */
  constructor(role: SessionRole, link: SessionLink) {
    this.role = role;
    this.link = link;
    this.writer = link.writer;
    this.keepAlive = link.keepAlive;
    this.liveness = new Liveness(link);
    this.flow = new FlowUpdates(link.writer, () => this.flowUpdateSaid());
  }

  /** Session id; 0 before the handshake. */
  get sessionId(): number {
    return this.writer.sessionId;
  }

  /** Packets written without the writer: frames and results. */
  protected abstract get framePackets(): number;

  /**
   * Sends a PING; the waiter gets the round trip time in ms.
   *
   * @param waiter Who waits.
   * @param nowMs Time, ms of the host's clock.
   * @returns The trace id, for {@linkcode SessionVoice.abandonReply} once the waiter gives up.
   * @throws NnrpStateError if the session is closed, NnrpLimitError if too many pings wait.
   */
  ping(waiter: ReplyWaiter<number>, nowMs: number): bigint {
    this.demandOpen("ping");
    if (this.flow.waits) this.sayFlowUpdates(nowMs); // who has the PONG knows that the peer heard what was said before
    return this.liveness.ping(waiter, nowMs, this.framePackets);
  }

  /** Nobody waits for the PONG of this PING any more: its place is free. */
  abandonReply(traceId: bigint): void {
    this.keepAlive.abandon(traceId);
  }

  /**
   * Sends a FLOW_UPDATE before the next frame or result, or at the end of the turn; a later one of its kind takes its place until then.
   * Scope CONNECTION goes out with session id 0.
   *
   * @returns Whether {@linkcode SessionVoice.sayFlowUpdates} is to be called at the end of the turn: nothing waited before.
   * @throws NnrpValueError if the fields contradict each other, NnrpStateError if the session is closed.
   */
  sendFlowUpdate(fields: FlowUpdateMetadata, ids: PacketIds = {}): boolean {
    this.demandOpen("send a FLOW_UPDATE");
    const connection = fields.scopeKind === FlowUpdateScopeKind.CONNECTION;
    return this.flow.add(fields, connection ? { ...ids, sessionId: 0 } : ids);
  }

  /**
   * The turn is over: writes the FLOW_UPDATEs that wait, as many as the peer takes now. When the rest may go is among the session's
   * deadlines.
   *
   * @param nowMs Time, ms of the host's clock.
   */
  sayFlowUpdates(nowMs: number): void {
    if (this.#isOpen) this.flow.say(nowMs, this.framePackets);
  }

  /** A FLOW_UPDATE was written. */
  protected flowUpdateSaid(): void {}

  /** Sends a packet as it is, without checks or bookkeeping. */
  sendRaw(lane: Lane, packet: NnrpPacket): void {
    this.demandOpen("send a packet");
    this.writer.raw(lane, packet);
  }

  /** Sends a PING without a waiter: a sign of life, and as the first packet on a new path that it works. */
  showPath(nowMs: number): void {
    this.liveness.ping(undefined, nowMs, this.framePackets);
  }

  get #isOpen(): boolean {
    return !this.suspended && (this.state === SessionState.ACTIVE || this.state === SessionState.DRAINING);
  }

  /** Throws unless packets may be sent. */
  protected demandOpen(what: string): void {
    if (!this.#isOpen) throw stateError(what, this, this.ending?.reason);
  }
}
