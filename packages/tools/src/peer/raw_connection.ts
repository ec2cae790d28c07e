/**
 * A connection without a session, for scenarios that break the rules on purpose: packets in, packets out, nothing
 * checked beyond their borders.
 *
 * @module
 */
import {
  type Carrier,
  type CloseInfo,
  decodePacket,
  encodePacket,
  laneOf,
  type NnrpPacket,
} from "@nnrp/core";
import { within } from "./check.ts";

const NOTHING = new Uint8Array(0);

/** Header fields of {@linkcode rawPacket} that may differ from 0. */
export interface RawPacketFields {
  /** Session id. */
  readonly sessionId?: number;
  /** Frame id. */
  readonly frameId?: number;
  /** View id. */
  readonly viewId?: number;
  /** Trace id. */
  readonly traceId?: bigint;
  /** Metadata as it is; none where left out. */
  readonly metadata?: Uint8Array;
  /** Body as it is; none where left out. */
  readonly body?: Uint8Array;
}

/**
 * A packet nobody has checked.
 *
 * @param msgType Its type.
 * @param fields What differs from 0 and empty.
 */
export function rawPacket(msgType: number, fields: RawPacketFields = {}): NnrpPacket {
  const { metadata = NOTHING, body = NOTHING } = fields;
  return {
    header: {
      versionMajor: 1,
      wireFormat: 0,
      msgType,
      headerLen: 40,
      flags: 0,
      metaLen: metadata.length,
      bodyLen: body.length,
      sessionId: fields.sessionId ?? 0,
      frameId: fields.frameId ?? 0,
      viewId: fields.viewId ?? 0,
      routeId: 0,
      traceId: fields.traceId ?? 0n,
    },
    metadata,
    body,
  };
}

/** A carrier driven by hand. */
export class RawConnection {
  /** Resolves when the connection has ended. */
  readonly closed: Promise<CloseInfo>;
  readonly #carrier: Carrier;
  readonly #received: NnrpPacket[] = [];
  #wake: (() => void) | undefined;

  /**
   * Starts reading.
   *
   * @param carrier A connection that was not started yet.
   */
  constructor(carrier: Carrier) {
    this.#carrier = carrier;
    this.closed = new Promise((resolve) => {
      carrier.start({
        begin: () => {},
        packet: (cursor) => {
          const from = cursor.offset;
          this.#received.push(decodePacket(cursor.bytes.slice(from, from + cursor.length)));
        },
        turn: () => this.#wake?.(),
        fault: () => {},
        end: () => void carrier.close(),
        closed: (info) => {
          resolve(info);
          this.#wake?.();
        },
      });
    });
  }

  /**
   * Sends a packet as it is.
   *
   * @param packet What to send.
   */
  send(packet: NnrpPacket): void {
    const { frameId, viewId, msgType } = packet.header;
    const lane = laneOf(msgType);
    this.#carrier.begin(lane, frameId, viewId).append(encodePacket(packet));
    this.#carrier.commit(lane, frameId, viewId, true);
    this.#carrier.flush();
  }

  /**
   * The next packet, or undefined once the connection has ended.
   *
   * @param timeoutMs Limit of the wait.
   */
  async receive(timeoutMs: number): Promise<NnrpPacket | undefined> {
    if (this.#received.length === 0) {
      const woken = new Promise<void>((wake) => this.#wake = wake);
      await within(Promise.race([woken, this.closed]), timeoutMs, "waiting for a packet");
    }
    return this.#received.shift();
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    await this.#carrier.close({ graceful: false });
  }
}
