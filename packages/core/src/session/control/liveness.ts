/**
 * What a session does about silence: tracks what was sent and received, sends the pings that are due, and
 * detects a dead peer. KeepAlive holds the rules; this file feeds it what happens on the connection.
 *
 * @module
 */
import { NnrpConnectionClosedError } from "../../errors.ts";
import { MessageType } from "../../wire/enums.ts";
import type { ReplyWaiter } from "../engine/engine_host.ts";
import type { SessionLink } from "../engine/session_link.ts";

/** Pings and signs of life of one session. */
export class Liveness {
  readonly #link: SessionLink;
  #packetsSeen = 0;
  #bytesSeen = 0; // received, as of the last packets or tick
  #bytesTaken = 0; // sent, as of the last tick
  #waited = false; // whether some waited to be sent then

  /**
   * Has neither sent nor received anything yet.
   *
   * @param link The connection.
   */
  constructor(link: SessionLink) {
    this.#link = link;
  }

  /** A batch of packets came. */
  received(nowMs: number): void {
    const { writer, keepAlive } = this.#link;
    this.#bytesSeen = writer.output.receivedBytes ?? 0;
    keepAlive.received(nowMs);
  }

  /** The session goes on over another carrier, which counts its bytes from 0. */
  moved(): void {
    this.#link.keepAlive.moved();
    this.#bytesSeen = this.#bytesTaken = 0;
    this.#waited = false;
  }

  /**
   * Sends a PING.
   *
   * @param waiter Who waits for the round trip time in ms; undefined = none.
   * @param nowMs Time, ms of the host's clock.
   * @param framePackets Packets written without the writer so far.
   * @returns Its trace id.
   * @throws NnrpLimitError if too many pings wait.
   */
  ping(waiter: ReplyWaiter<number> | undefined, nowMs: number, framePackets: number): bigint {
    const { writer, keepAlive } = this.#link;
    const traceId = this.#link.nextTraceId();
    keepAlive.pingSent(traceId, nowMs, waiter);
    writer.headerOnly(MessageType.PING, { traceId });
    this.#packetsSeen = writer.packets + framePackets;
    return traceId;
  }

  /**
   * Evaluates what happened since the last call.
   *
   * @param nowMs Time, ms of the host's clock.
   * @param framePackets Packets written without the writer so far.
   * @param isReading Whether the host reads from the carrier.
   * @returns Why the connection is lost; null = it lives.
   */
  look(nowMs: number, framePackets: number, isReading: boolean): NnrpConnectionClosedError | null {
    const { writer, keepAlive } = this.#link;
    if (writer.packets + framePackets !== this.#packetsSeen) {
      this.#packetsSeen = writer.packets + framePackets;
      keepAlive.sent(nowMs);
    }
    this.#lookAtOutput(nowMs, isReading);
    const life = keepAlive.judge(nowMs);
    if (life === "alive") return null;
    const what = life === "idle"
      ? "nothing was received within the idle time"
      : "pings were not answered, and nothing else came: the connection is gone";
    return new NnrpConnectionClosedError("session", what);
  }

  /**
   * Signs of life that are no packets: a part of one, and bytes that the peer takes although it has nothing
   * to say. Bytes that only wait are no sign, also where pings are among them: a peer that accepts nothing
   * and sends nothing is dead, too.
   */
  #lookAtOutput(nowMs: number, isReading: boolean): void {
    const { writer, keepAlive } = this.#link;
    const { bufferedBytes = 0, sentBytes = 0, receivedBytes = this.#bytesSeen } = writer.output;
    // What is sent while nothing waits goes into the system's buffer, whether there is a peer or not.
    const takes = bufferedBytes > 0 && this.#waited && sentBytes !== this.#bytesTaken;
    if (!isReading || receivedBytes !== this.#bytesSeen || takes) keepAlive.received(nowMs);
    this.#bytesSeen = receivedBytes;
    this.#bytesTaken = sentBytes;
    this.#waited = bufferedBytes > 0;
  }
}
