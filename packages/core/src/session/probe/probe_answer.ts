/**
 * The server's answer to a TRANSPORT_PROBE, before and within a session (behaviour spec §5.3).
 *
 * @module
 */
import { NnrpWireError } from "../../errors.ts";
import { MessageType } from "../../wire/enums.ts";
import { TRANSPORT_PROBE_ACK_RECORD, TRANSPORT_PROBE_RECORD } from "../../wire/metadata/transport_probe.ts";
import type { PacketCursor } from "../../wire/packet_cursor.ts";
import type { PacketWriter } from "../engine/packet_writer.ts";

/** Probes of one connection. */
export interface ProbeCounts {
  /** Probes answered. */
  probes: number;
  /** Probes refused. */
  probesRefused: number;
}

/**
 * Answers a probe.
 *
 * @param writer Where the answer goes.
 * @param cursor The probe.
 * @param nowMs When it came, ms of the host's clock.
 * @throws NnrpWireError (stage metadata) if it is not as long as it says.
 */
export function answerProbe(writer: PacketWriter, cursor: PacketCursor, nowMs: number): void {
  const probe = TRANSPORT_PROBE_RECORD.decode(cursor.view, cursor.metaOffset, cursor.metaLength);
  if (probe.probePayloadBytes !== cursor.bodyLength) {
    throw new NnrpWireError("transport probe body length did not match probe_payload_bytes metadata", {
      field: "transport_probe.probe_payload_bytes",
      expected: cursor.bodyLength,
      actual: probe.probePayloadBytes,
      stage: "metadata",
    });
  }
  const serverRecvTsUs = BigInt(Math.max(0, Math.round(nowMs * 1000)));
  const ack = { probeId: probe.probeId, reserved: 0, serverRecvTsUs };
  writer.record(MessageType.TRANSPORT_PROBE_ACK, TRANSPORT_PROBE_ACK_RECORD, ack, { sessionId: 0 });
}
