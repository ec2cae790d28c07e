/**
 * What `nnrp probe` does: measures every transport to a server and shows which is best (behaviour spec §5.3).
 *
 * @module
 */
import {
  NnrpProbeError,
  probeClientTransport,
  selectTransport,
  shownAddress,
  type TransportProbeSelection,
  type TransportProbeSummary,
} from "@nnrp/client";
import { parseEndpoint } from "@nnrp/client/internal";
import { enumName, TransportId } from "@nnrp/core";
import { CommandError, type CommandInput } from "../command.ts";
import { checkAddress } from "../connect.ts";
import { gatedStyleOf } from "../output_gate.ts";
import { NO_TERMINAL, type Style } from "../terminal_style.ts";
import { milliseconds } from "./milliseconds.ts";
import type { ServerChoice } from "./server_options.ts";
import { table } from "./table.ts";

/** What to measure. */
export interface ProbePlan extends ServerChoice {
  /** Probes that count, for each transport. */
  readonly sampleCount: number;
  /** Bytes of each. */
  readonly payloadBytes: number;
  /** Whether one more goes ahead that does not count. */
  readonly warmup: boolean;
  /** JSON instead of a table. */
  readonly json: boolean;
}

/** Probes a server; returns the exit code. */
export async function probe(plan: ProbePlan, input: CommandInput): Promise<number> {
  const { address } = plan;
  checkAddress(address);
  let selection: TransportProbeSelection;
  try {
    selection = await measure(plan);
  } catch (error) {
    if (!(error instanceof NnrpProbeError)) throw error;
    const shown = shownAddress(address);
    throw new CommandError(
      `${shown} answered no probe: nobody is there, or it takes no probes; nnrp info ${shown} tells which`,
    );
  }
  if (plan.json) input.print(JSON.stringify(selectionJson(plan, selection)));
  else {for (const line of selectionLines(plan, selection, gatedStyleOf(input.terminal ?? NO_TERMINAL))) {
      input.print(line);
    }}
  return 0;
}

/** With `--ca` an `nnrp://` address means TLS first; where that is not answered, plain TCP is what the server may speak. */
async function measure({ address, dial, ...options }: ProbePlan): Promise<TransportProbeSelection> {
  const { sampleCount, payloadBytes, warmup } = options;
  const probing = { ...dial, sampleCount, payloadBytes, warmup };
  const plain = dial.tls !== undefined && address.startsWith("nnrp://");
  let first: TransportProbeSelection | null = null;
  try {
    first = await probeClientTransport(address, probing);
    if (!plain || first.tcpSummary === null || first.tcpSummary.successCount > 0) return first;
  } catch (error) {
    if (!plain || !(error instanceof NnrpProbeError)) throw error;
  }
  try {
    const { tcpSummary } = await probeClientTransport(address.replace("nnrp://", "nnrp+tcp://"), probing);
    return selectTransport({ quic: first?.quicSummary ?? null, tcp: tcpSummary });
  } catch (error) {
    if (first === null || !(error instanceof NnrpProbeError)) throw error;
    return first;
  }
}

/** A selection as plain data. */
export function selectionJson(
  plan: Pick<ProbePlan, "address" | "payloadBytes">,
  selection: TransportProbeSelection,
): unknown {
  return {
    address: shownAddress(plan.address),
    payloadBytes: plan.payloadBytes,
    selected: enumName(TransportId, selection.selectedTransportId),
    quic: summaryJson(selection.quicSummary),
    tcp: summaryJson(selection.tcpSummary),
  };
}

function summaryJson(summary: TransportProbeSummary | null): unknown {
  if (summary === null) return null;
  const answered = summary.successCount > 0;
  return {
    answered: summary.successCount,
    failed: summary.failureCount,
    medianRoundTripUs: answered ? summary.medianRoundTripUs : null,
    medianThroughputBytesPerSec: answered ? summary.medianThroughputBytesPerSec : null,
    roundTripsUs: summary.results.map((result) => result.roundTripUs),
  };
}

/** A selection as a table. */
export function selectionLines(
  plan: Pick<ProbePlan, "address" | "payloadBytes">,
  selection: TransportProbeSelection,
  style: Style,
): string[] {
  const row = (id: number, summary: TransportProbeSummary | null): string[] => {
    const mark = id === selection.selectedTransportId ? "selected" : "";
    const name = enumName(TransportId, id);
    if (summary === null) return [name, "not tried", "", "", "", mark];
    const sent = summary.successCount + summary.failureCount;
    const counts = `${summary.successCount} of ${sent}`;
    if (summary.successCount === 0) return [name, counts, "", "", "", mark];
    const trips = summary.results.map((result) => result.roundTripUs / 1000);
    return [
      name,
      counts,
      milliseconds(summary.medianRoundTripUs / 1000),
      `${milliseconds(Math.min(...trips))} to ${milliseconds(Math.max(...trips))}`,
      `${(summary.medianThroughputBytesPerSec / 1e6).toFixed(1)} MB/s`,
      mark,
    ];
  };
  const rows = [
    ["transport", "answered", "median", "range", "throughput", ""],
    row(TransportId.QUIC, selection.quicSummary),
    row(TransportId.TCP, selection.tcpSummary),
  ];
  const [head, ...body] = table(rows);
  return [
    `${shownAddress(plan.address)}, probes of ${plan.payloadBytes} bytes`,
    "",
    style.faint(head),
    ...body.map((line) => line.endsWith("selected") ? style.good(line) : line),
    ...(selection.quicSummary === null ? ["", style.faint(whyNoQuic(plan.address))] : []),
  ];
}

/** QUIC needs certificates that this address does not speak of, or a runtime that has it. */
function whyNoQuic(address: string): string {
  const { encrypted, carrier } = parseEndpoint(address);
  if (carrier !== null) return `${address.split("://")[0]} allows no QUIC; nnrps:// allows both`;
  const { Deno } = globalThis as { Deno?: { connectQuic?: unknown } };
  return encrypted || typeof Deno?.connectQuic !== "function"
    ? "QUIC: this runtime has none; Deno has, with --unstable-net"
    : "QUIC is encrypted: it is probed with nnrps://, or with --ca FILE";
}
