/**
 * The smoke servers: each binds, says that it is ready, serves what it is for, and returns (behaviour spec §15, "Smoke
 * helpers").
 *
 * @module
 */
import {
  buildTransportProbeAckPacket,
  type Carrier,
  type CarrierBinding,
  type CarrierListener,
  type ClientHelloMetadata,
  decodeClientHelloMetadata,
  decodeTransportProbeMetadata,
  MessageType,
  NnrpValueError,
  NnrpWireError,
  type TransportProbeAckMetadata,
} from "@nnrp/core";
import { metadataOf, readResult, readSubmit, SMOKE_TIMEOUT_MS } from "./client.ts";
import { bounded, SmokeConnection, type WaitLimits } from "./connection.ts";
import {
  buildSmokeResultPacket,
  buildSmokeServerHelloAckPacket,
  type SmokeTransportAnswer,
} from "./packets.ts";
import type { SmokeTranscript } from "./transcript.ts";

/** How long a server leaves the closing to its client, ms. */
const LINGER_MS = 2000;

/** Options of all smoke servers. */
export interface SmokeListenOptions extends Partial<WaitLimits> {
  /** Longest time of each wait, ms. Default 10,000. */
  readonly timeoutMs?: number;
  /** Told when clients can connect. */
  readonly onReady?: (listener: Pick<CarrierListener, "name" | "host" | "port">) => void;
}

/** Options of the smoke servers that open a session. */
export interface SmokeServerOptions extends SmokeListenOptions, SmokeTransportAnswer {
  /** Session to open, u32. Default 7. */
  readonly sessionId?: number;
}

/** Options of {@linkcode runSmokeProbeServerOnce}. */
export interface SmokeProbeServerOptions extends SmokeListenOptions {
  /** Connections to serve, one probe each. Default 1. */
  readonly connectionCount?: number;
  /** How long to wait before each answer, ms; one for all or one per connection. Default 0. */
  readonly ackDelayMs?: number | readonly number[];
}

/**
 * Serves one client: session, one submit, one result.
 *
 * @param binding Carrier, for example `tcp({ port: 4433 })`.
 * @param options What differs from the defaults.
 * @returns What it saw.
 * @throws NnrpError if it cannot listen, nobody comes in time, or the client sends something else.
 */
export async function runSmokeServerOnce(
  binding: CarrierBinding,
  options: SmokeServerOptions = {},
): Promise<SmokeTranscript> {
  const sessionId = options.sessionId ?? 7;
  const [transcript] = await serve(binding, options, 1, async (connection) => {
    const { requestedSessionId } = await answerHello(connection, sessionId, options);
    const submit = await connection.receive("submit", MessageType.FRAME_SUBMIT);
    const { tileCount } = readSubmit(submit);
    const { frameId, viewId } = submit.header;
    const result = buildSmokeResultPacket({ sessionId, frameId, viewId });
    connection.send("result", result);
    return {
      role: "server" as const,
      requestedSessionId,
      negotiatedSessionId: sessionId,
      frameId,
      controlStreamId: connection.streamId("control"),
      submitStreamId: connection.streamId("submit"),
      resultStreamId: connection.streamId("result"),
      submitTileCount: tileCount,
      resultTileCount: readResult(result).tileCount,
    };
  });
  return transcript;
}

/**
 * Serves one client's hello and nothing else.
 *
 * @param binding Carrier, for example `tcp({ port: 4433 })`.
 * @param options What differs from the defaults.
 * @returns The client's hello.
 * @throws NnrpError if it cannot listen, nobody comes in time, or the client sends something else.
 */
export async function runSmokeHelloServerOnce(
  binding: CarrierBinding,
  options: SmokeServerOptions = {},
): Promise<ClientHelloMetadata> {
  const [hello] = await serve(
    binding,
    options,
    1,
    (connection) => answerHello(connection, options.sessionId ?? 7, options),
  );
  return hello;
}

/**
 * Answers one TRANSPORT_PROBE on each of a number of connections.
 *
 * @param binding Carrier, for example `tcp({ port: 4433 })`.
 * @param options What differs from the defaults.
 * @returns The last answer.
 * @throws NnrpError if it cannot listen, nobody comes in time, or a client sends something else.
 */
export async function runSmokeProbeServerOnce(
  binding: CarrierBinding,
  options: SmokeProbeServerOptions = {},
): Promise<TransportProbeAckMetadata> {
  const { connectionCount = 1, ackDelayMs = 0 } = options;
  if (!(Number.isInteger(connectionCount) && connectionCount > 0)) {
    throw new NnrpValueError("must be positive", { field: "connectionCount", actual: connectionCount });
  }
  const delays = typeof ackDelayMs === "number"
    ? Array.from({ length: connectionCount }, () => ackDelayMs)
    : ackDelayMs;
  if (delays.length !== connectionCount) {
    throw new NnrpValueError("one delay per connection", {
      field: "ackDelayMs",
      expected: connectionCount,
      actual: delays.length,
    });
  }
  const acks = await serve(binding, options, connectionCount, (connection, index) => {
    return answerProbe(connection, delays[index]);
  });
  return acks[connectionCount - 1];
}

async function answerHello(
  connection: SmokeConnection,
  sessionId: number,
  answer: SmokeTransportAnswer,
): Promise<ClientHelloMetadata> {
  const { transportPolicy, acceptedTransportPolicy, activeTransportId } = answer;
  const ack = buildSmokeServerHelloAckPacket({
    sessionId,
    transportPolicy,
    acceptedTransportPolicy,
    activeTransportId,
  });
  const hello = await connection.receive("control", MessageType.CLIENT_HELLO);
  const metadata = decodeClientHelloMetadata(metadataOf(hello), 0, hello.metadata.length);
  connection.send("control", ack);
  return metadata;
}

async function answerProbe(connection: SmokeConnection, delayMs: number): Promise<TransportProbeAckMetadata> {
  const probe = await connection.receive("control", MessageType.TRANSPORT_PROBE);
  const { probeId, probePayloadBytes } = decodeTransportProbeMetadata(
    metadataOf(probe),
    0,
    probe.metadata.length,
  );
  if (probePayloadBytes !== probe.body.length) {
    throw new NnrpWireError("the body has another length", {
      field: "transport_probe.probe_payload_bytes",
      offset: 4,
      expected: probe.body.length,
      actual: probePayloadBytes,
    });
  }
  const metadata = { probeId, reserved: 0, serverRecvTsUs: BigInt(Math.round(performance.now() * 1000)) };
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  connection.send("control", buildTransportProbeAckPacket({ metadata }));
  return metadata;
}

/** Listens, serves so many connections one after the other, and stops listening. */
async function serve<T>(
  binding: CarrierBinding,
  { timeoutMs = SMOKE_TIMEOUT_MS, signal, onReady }: SmokeListenOptions,
  count: number,
  one: (connection: SmokeConnection, index: number) => Promise<T>,
): Promise<T[]> {
  const limits: WaitLimits = { timeoutMs, signal };
  const arrived: Carrier[] = [];
  let wake = () => {};
  const listener = await binding.listen((carrier) => {
    arrived.push(carrier);
    wake();
  });
  const outcomes: T[] = [];
  try {
    onReady?.(listener);
    while (outcomes.length < count) {
      if (arrived.length === 0) {
        await bounded("waiting for a client", limits, () => new Promise<void>((resolve) => wake = resolve));
      }
      const connection = new SmokeConnection(arrived.shift()!, limits);
      try {
        outcomes.push(await one(connection, outcomes.length));
        await connection.linger(LINGER_MS);
      } finally {
        await connection.close();
      }
    }
    return outcomes;
  } finally {
    for (const carrier of arrived) discard(carrier);
    await listener.close();
  }
}

/** Closes a connection that nobody serves. */
function discard(carrier: Carrier): void {
  const nothing = () => {};
  carrier.start({
    begin: nothing,
    packet: nothing,
    turn: nothing,
    fault: nothing,
    end: nothing,
    closed: nothing,
  });
  void carrier.close({ graceful: false });
}
