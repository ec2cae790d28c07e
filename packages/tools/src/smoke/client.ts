/**
 * The smoke client: hello, one submit, one result, over any carrier (behaviour spec §15, "Smoke helpers").
 *
 * @module
 */
import {
  type Carrier,
  type CarrierDialer,
  decodeFrameSubmitBody,
  decodeFrameSubmitMetadata,
  decodeResultPushBody,
  decodeResultPushMetadata,
  decodeServerHelloAckMetadata,
  type DialTarget,
  type FrameSubmitMetadata,
  MessageType,
  NnrpConnectionClosedError,
  type NnrpPacket,
  type ResultPushMetadata,
} from "@nnrp/core";
import { bounded, SmokeConnection, type WaitLimits } from "./connection.ts";
import {
  buildSmokeClientHelloPacket,
  buildSmokeSubmitPacket,
  type SmokeClientHelloOptions,
} from "./packets.ts";
import type { SmokeTranscript } from "./transcript.ts";

/** Bound of each wait of a smoke test, ms. */
export const SMOKE_TIMEOUT_MS = 10_000;

/** Options of {@linkcode runSmokeClient}. */
export interface SmokeClientOptions
  extends Omit<SmokeClientHelloOptions, "authBlock" | "controlExtensions">, Partial<WaitLimits> {
  /** Session to ask for, u32; 0 = any. Default 1. */
  readonly requestedSessionId?: number;
  /** Frame to submit, u32. Default 101. */
  readonly frameId?: number;
  /** Longest time of each wait, dialling included, ms. Default 10,000. */
  readonly timeoutMs?: number;
}

/**
 * Dials a server, opens a session, submits a frame and waits for its result.
 *
 * @param dialer Carrier, for example `tcp()`.
 * @param target Where the server is.
 * @param options What differs from the defaults.
 * @returns What it saw.
 * @throws NnrpError if the server cannot be reached, does not answer in time, or answers something else.
 */
export async function runSmokeClient(
  dialer: CarrierDialer,
  target: DialTarget,
  options: SmokeClientOptions = {},
): Promise<SmokeTranscript> {
  const { requestedSessionId = 1, frameId = 101, timeoutMs = SMOKE_TIMEOUT_MS, signal, ...choice } = options;
  const limits: WaitLimits = { timeoutMs, signal };
  const hello = buildSmokeClientHelloPacket({ requestedSessionId, ...choice });
  const carrier = await bounded(
    `dialling ${target.host}:${target.port}`,
    limits,
    (signal) => dialer.dial(target, { signal }),
  );
  const connection = new SmokeConnection(carrier, limits);
  try {
    connection.send("control", hello);
    const ack = await connection.receive("control", MessageType.SERVER_HELLO_ACK);
    const { sessionId } = decodeServerHelloAckMetadata(metadataOf(ack), 0, ack.metadata.length);
    const submit = buildSmokeSubmitPacket({ sessionId, frameId });
    connection.send("submit", submit);
    const result = await connection.receive("result", MessageType.RESULT_PUSH).catch((error) => {
      throw error instanceof NnrpConnectionClosedError ? withoutResult(carrier, error) : error;
    });
    return {
      role: "client",
      requestedSessionId,
      negotiatedSessionId: sessionId,
      frameId,
      controlStreamId: connection.streamId("control"),
      submitStreamId: connection.streamId("submit"),
      resultStreamId: connection.streamId("result"),
      submitTileCount: readSubmit(submit).tileCount,
      resultTileCount: readResult(result).tileCount,
    };
  } finally {
    await connection.close();
  }
}

/** rc2's server closes right behind its result; a QUIC runtime may then throw away what it has not handed over yet. */
function withoutResult(carrier: Carrier, cause: NnrpConnectionClosedError): NnrpConnectionClosedError {
  const hint = carrier.multiStream ? "; if the server did send it, it closed too soon: try again" : "";
  return new NnrpConnectionClosedError(carrier.name, `no result came: ${cause.message}${hint}`, { cause });
}

/** Reads the whole packet of a submit. */
export function readSubmit(packet: NnrpPacket): FrameSubmitMetadata {
  const metadata = decodeFrameSubmitMetadata(metadataOf(packet), 0, packet.metadata.length);
  decodeFrameSubmitBody(metadata, packet.body);
  return metadata;
}

/** Reads the whole packet of a result. */
export function readResult(packet: NnrpPacket): ResultPushMetadata {
  const metadata = decodeResultPushMetadata(metadataOf(packet), 0, packet.metadata.length);
  decodeResultPushBody(metadata, packet.body);
  return metadata;
}

/** The metadata of a packet, for decoders. */
export function metadataOf({ metadata }: NnrpPacket): DataView {
  return new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength);
}
