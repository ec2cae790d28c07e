/**
 * Measures paths to a server: TRANSPORT_PROBEs over fresh connections, all transports at once (behaviour spec §5.3).
 *
 * @module
 */
import {
  type Carrier,
  type CarrierDialer,
  type Host,
  MAX_BODY_BYTES_BEFORE_HELLO,
  NnrpConnectionClosedError,
  NnrpTimeoutError,
  NnrpValueError,
  ProbeExchange,
  TransportId,
} from "@nnrp/core";
import { systemHost, waitFor, type WaitOptions } from "@nnrp/runtime";
import { PROBE_PAYLOAD_BYTES, PROBE_SAMPLE_COUNT, PROBE_TIMEOUT_MS } from "./defaults.ts";
import { type DialTargetOptions, type ResolvedTarget, resolveTarget } from "./dial_target.ts";
import { portOf } from "./dial_plan.ts";
import { type DialAttempt, raceCarriers } from "./path_race.ts";
import {
  selectTransport,
  TransportProbeResult,
  type TransportProbeSelection,
  TransportProbeSummary,
} from "./probe_selection.ts";
import { withinTime } from "./time_limit.ts";

/** Options of {@linkcode probeClientTransport}. */
export interface ProbeOptions extends DialTargetOptions, WaitOptions {
  /** Bytes of each probe's body, 1 or more. Default 32,768. */
  readonly payloadBytes?: number;
  /** Probes that count, for each transport, 1 or more. Default 3. */
  readonly sampleCount?: number;
  /** Whether one more goes ahead that does not count. Default false. */
  readonly warmup?: boolean;
  /** Only this transport. Default: all that have a carrier. */
  readonly transportId?: number;
  /** Longest time for connecting, and again for the answer, ms. Default 10,000. */
  readonly timeoutMs?: number;
  /** Provides time, timers and random numbers. Default: the machine. */
  readonly runtime?: Host;
}

/**
 * Probes every transport that has a carrier here, and chooses the best.
 *
 * @param target Address of the server.
 * @throws NnrpProbeError if no probe was answered, NnrpValueError for bad options, the signal's reason.
 */
export async function probeClientTransport(
  target: string | URL,
  options: ProbeOptions = {},
): Promise<TransportProbeSelection> {
  const { sampleCount = PROBE_SAMPLE_COUNT, payloadBytes = PROBE_PAYLOAD_BYTES, warmup = false } = options;
  positive(sampleCount, "sampleCount");
  positive(payloadBytes, "payloadBytes");
  const runtime = options.runtime ?? systemHost();
  const resolved = await resolveTarget(target, options);
  const summary = (transportId: number) => {
    const carrier = resolved.carriers.find((c) => c.transport === transportId);
    if (carrier === undefined || (options.transportId ?? transportId) !== transportId) return null;
    return probeCarrier(carrier, resolved, { ...options, sampleCount, payloadBytes, warmup, runtime });
  };
  const [quicSummary, tcpSummary] = await Promise.all([summary(TransportId.QUIC), summary(TransportId.TCP)]);
  return selectTransport({ quic: quicSummary, tcp: tcpSummary });
}

/** How one carrier is probed. */
export interface ProbeRound extends WaitOptions {
  /** Probes that count. */
  readonly sampleCount: number;
  /** Bytes of each probe's body. */
  readonly payloadBytes: number;
  /** Whether one more goes ahead that does not count. */
  readonly warmup: boolean;
  /** Provides clock, timers and random numbers. */
  readonly runtime: Host;
}

/** Probes one carrier, one probe after the other, each on a connection of its own. */
export async function probeCarrier(
  carrier: CarrierDialer,
  target: ResolvedTarget,
  options: ProbeRound,
): Promise<TransportProbeSummary> {
  const results: TransportProbeResult[] = [];
  let failureCount = 0;
  let probeId = Math.floor(options.runtime.random() * 2 ** 32);
  for (let i = options.warmup ? -1 : 0; i < options.sampleCount; i++) {
    probeId = (probeId + 1) >>> 0;
    try {
      const result = await probeOnce(carrier, target, probeId, options);
      if (i >= 0) results.push(result);
    } catch {
      options.signal?.throwIfAborted();
      if (i >= 0) failureCount++;
    }
  }
  return new TransportProbeSummary({ transportId: carrier.transport, results, failureCount });
}

/**
 * One probe on a fresh connection.
 *
 * @param probeId Its number, u32.
 * @throws NnrpTransportError, NnrpTimeoutError, NnrpProtocolError if the server refuses probes.
 */
export async function probeOnce(
  dialer: CarrierDialer,
  { endpoint, ports }: ResolvedTarget,
  probeId: number,
  { payloadBytes, runtime, signal, timeoutMs = PROBE_TIMEOUT_MS }: Omit<ProbeRound, "sampleCount" | "warmup">,
): Promise<TransportProbeResult> {
  const limits = { timeoutMs, signal };
  const carrier = await connectWithin(
    dialer,
    {
      host: endpoint.host,
      port: portOf(dialer, endpoint.port, ports),
      path: endpoint.path,
      encrypted: endpoint.encrypted,
    },
    limits,
    runtime,
  );
  try {
    return await waitFor<TransportProbeResult>(
      runtime,
      limits,
      (ms) => new NnrpTimeoutError("the TRANSPORT_PROBE_ACK", ms),
      (resolve, reject) => {
        const exchange = new ProbeExchange(carrier, probeId);
        carrier.limits.maxBodyBytes = MAX_BODY_BYTES_BEFORE_HELLO;
        carrier.start({
          begin: () => {},
          packet: (cursor) => {
            try {
              const times = exchange.receive(cursor, runtime.now());
              if (times === undefined) return;
              const { transport: transportId } = dialer;
              resolve(
                new TransportProbeResult({ transportId, probeId, probePayloadBytes: payloadBytes, ...times }),
              );
            } catch (error) {
              reject(error);
            }
          },
          turn: () => {},
          fault: reject,
          end: () =>
            reject(new NnrpConnectionClosedError(carrier.name, "closed before the probe was answered")),
          closed: (info) => reject(info.error ?? new NnrpConnectionClosedError(carrier.name, info.reason)),
        });
        exchange.ask(payloadBytes, runtime.now());
        return () => {};
      },
    );
  } finally {
    void carrier.close({ graceful: false });
  }
}

/** Dials within a time limit. */
async function connectWithin(
  dialer: CarrierDialer,
  target: Parameters<CarrierDialer["dial"]>[0],
  limits: { timeoutMs: number; signal?: AbortSignal },
  runtime: Host,
): Promise<Carrier> {
  const attempts: DialAttempt[] = [];
  const dial = (d: CarrierDialer, signal: AbortSignal) => d.dial(target, { signal, runtime });
  // A race of one: it ends in time though a dialer does not.
  const won = await withinTime(
    runtime,
    limits,
    (ms) => new NnrpTimeoutError("the connection", ms),
    (signal) => raceCarriers([dialer], { dial, signal, attempts, headStartMs: Infinity, host: runtime }),
  );
  if (won === null) throw attempts[0].error;
  return won.carrier;
}

function positive(value: number, field: string): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new NnrpValueError("must be positive", { field, expected: "1 or more", actual: value });
}
