/**
 * `nnrp peer drive`: plays scenarios one after another, prints a verdict for each and a summary.
 *
 * @module
 */
import type { CommandInput } from "../command.ts";
import { within } from "./check.ts";
import { type DriveOptions, ScenarioEnvironment, type ScenarioPlay } from "./environment.ts";
import { type JsonLine, jsonLines } from "./json_lines.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";

/**
 * Plays what the options name.
 *
 * @param options What to drive, and how.
 * @param io Where verdicts go, and the signal that ends it early.
 * @returns Exit code: 0 all ok, 1 a failure, 2 an unknown scenario.
 */
export async function drivePeer(
  options: DriveOptions,
  io: Pick<CommandInput, "print" | "signal">,
): Promise<number> {
  const emit = jsonLines(io.print);
  const names = chosen(options.scenario);
  const unknown = names.filter((name) => !(name in SCENARIOS));
  if (unknown.length > 0) {
    emit({ error: `unknown scenarios ${unknown.join(", ")}` });
    return 2;
  }
  let failed = 0;
  let skipped = 0;
  for (const name of names) {
    if (io.signal.aborted) break;
    const row = await verdict(name, SCENARIOS[name], options);
    emit(row);
    failed += row["ok"] ? 0 : 1;
    skipped += "skipped" in row ? 1 : 0;
  }
  const passed = names.length - failed - skipped;
  emit({ summary: true, transport: options.transport, passed, failed, skipped });
  return failed > 0 ? 1 : 0;
}

function chosen(scenario: string): string[] {
  if (scenario === "all") return Object.keys(SCENARIOS);
  if (scenario === "plain") return Object.keys(SCENARIOS).filter((name) => !SCENARIOS[name].flags);
  return scenario.split(",");
}

async function verdict(name: string, scenario: Scenario, options: DriveOptions): Promise<JsonLine> {
  const { transport } = options;
  const row = { scenario: name, transport };
  if (scenario.only && scenario.only !== transport) {
    return { ...row, ok: true, skipped: `${scenario.only} only` };
  }
  if (scenario.both && !(options.tcpPort && options.quicPort)) {
    return { ...row, ok: true, skipped: "needs --tcp-port and --quic-port" };
  }
  const start = performance.now();
  const ms = () => Math.round(performance.now() - start);
  try {
    const detail = await play(scenario.play, options);
    return { ...row, ok: true, ms: ms(), ...(detail ? { detail } : {}) };
  } catch (error) {
    return { ...row, ok: false, ms: ms(), error: String(error).slice(0, 600) };
  }
}

async function play(scenario: ScenarioPlay, options: DriveOptions): Promise<JsonLine | void> {
  const env = new ScenarioEnvironment(options);
  try {
    return await within(scenario(env), options.limitMs, "the scenario");
  } finally {
    await env.close();
  }
}
