/**
 * One TRANSPORT_PROBE of a client on a connection of its own, and its answer (behaviour spec §5.3).
 *
 * @module
 */
import { NnrpUnexpectedMessageError } from "../../errors.ts";
import { MessageType } from "../../wire/enums.ts";
import { enumName } from "../../wire/enum_names.ts";
import { TRANSPORT_PROBE_ACK_RECORD, TRANSPORT_PROBE_RECORD } from "../../wire/metadata/transport_probe.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import { readError } from "../control/error_exchange.ts";
import { type PacketOutput, PacketWriter } from "../engine/packet_writer.ts";
import { exchangeReception, ReceptionCode } from "../engine/states.ts";

/** Times of an answered probe, µs: of the client's clock, but for the server's. */
export interface ProbeTimes {
  /** When the probe was sent. */
  readonly clientSendTsUs: bigint;
  /** When the server received it, of the server's clock. */
  readonly serverRecvTsUs: bigint;
  /** When the answer came. */
  readonly ackRecvTsUs: bigint;
}

const RECEPTION = exchangeReception("probe");
/** What the body of a probe is filled with. */
const FILLING = 0x50;

/** One probe. */
export class ProbeExchange {
  /** Number of the probe. */
  readonly probeId: number;
  readonly #writer: PacketWriter;
  #sentUs = 0n;

  /**
   * A probe that was not sent yet.
   *
   * @param output The connection.
   * @param probeId Number of the probe, u32.
   */
  constructor(output: PacketOutput, probeId: number) {
    this.probeId = probeId;
    this.#writer = new PacketWriter(output);
  }

  /**
   * Sends the probe.
   *
   * @param payloadBytes Bytes of its body.
   * @param nowMs Time, ms of the host's clock.
   */
  ask(payloadBytes: number, nowMs: number): void {
    this.#sentUs = microseconds(nowMs);
    this.#writer.record(
      MessageType.TRANSPORT_PROBE,
      TRANSPORT_PROBE_RECORD,
      { probeId: this.probeId, probePayloadBytes: payloadBytes, clientSendTsUs: this.#sentUs },
      {},
      new Uint8Array(payloadBytes).fill(FILLING),
    );
  }

  /**
   * Takes a packet that came on the connection.
   *
   * @param cursor The packet.
   * @param nowMs When it came, ms of the host's clock.
   * @returns The times; undefined for what may come before the answer.
   * @throws NnrpProtocolError for an ERROR, NnrpUnexpectedMessageError for anything else, NnrpWireError for bad metadata.
   */
  receive(cursor: PacketCursor, nowMs: number): ProbeTimes | undefined {
    const { msgType } = cursor;
    if (RECEPTION[msgType] === ReceptionCode.refuse) {
      throw new NnrpUnexpectedMessageError("TRANSPORT_PROBE_ACK", enumName(MessageType, msgType));
    }
    if (msgType === MessageType.ERROR) throw readError(cursor, true).error;
    if (msgType !== MessageType.TRANSPORT_PROBE_ACK) return undefined;
    const ack = TRANSPORT_PROBE_ACK_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
    if (ack.probeId !== this.probeId) {
      throw new NnrpUnexpectedMessageError(`the ack of probe ${this.probeId}`, `that of ${ack.probeId}`);
    }
    const { serverRecvTsUs } = ack;
    return { clientSendTsUs: this.#sentUs, serverRecvTsUs, ackRecvTsUs: microseconds(nowMs) };
  }
}

function microseconds(nowMs: number): bigint {
  return BigInt(Math.round(nowMs * 1000));
}
