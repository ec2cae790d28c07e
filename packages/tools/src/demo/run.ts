/**
 * The demo from beginning to end: server, stream, picture, report.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import process from "node:process";
import { join } from "node:path";
import { splitYCbCr } from "@nnrp/backends";
import { BudgetPolicy, type ClientSession } from "@nnrp/client";
import { CommandError, type CommandInput } from "../command.ts";
import { connect } from "../connect.ts";
import { encodePng, readPng } from "../picture/png.ts";
import { type PhaseOptions, PhaseRecord } from "./phase.ts";
import { type Comparison, comparePhotograph } from "./photograph.ts";
import { processOutput, Progress } from "./progress.ts";
import { Scene } from "./scene.ts";
import { startServer } from "./server_process.ts";
import { DemoStream } from "./stream.ts";

/** Options of {@linkcode runDemo}. */
export interface DemoOptions {
  /** How long to stream, in all, s. */
  readonly seconds: number;
  /** Latency budget of a frame, ms. */
  readonly budgetMs: number;
  /** Frames of the view per second. */
  readonly fps: number;
  /** Folder to write to. */
  readonly out: string;
  /** ONNX Runtime of the server. */
  readonly runtime: string;
  /** Whether to open the report, if there is a person at a terminal. */
  readonly open: boolean;
}
const PHOTO: URL = new URL("../../assets/coffee.png", import.meta.url);
export async function runDemo(options: DemoOptions, input: CommandInput): Promise<number> {
  const photo = (await readPng(PHOTO)).picture;
  const server = await startServer(options.runtime, input.signal);
  const session = await connect(server.listening.address, { signal: input.signal });
  const scene = new Scene(splitYCbCr(photo.width, photo.height, photo.rgb).y, 384, 256, options.seconds * 250);
  const stream = new DemoStream(session, scene);
  const progress = new Progress(processOutput(input.print));
  const P = BudgetPolicy;
  const mk = (name: string, part: number, budgetMs: number, policy: number): PhaseOptions => ({ name, title: name, explanation: "", durationMs: options.seconds * 1000 * part, fps: options.fps, budgetMs, serverBudgetMs: budgetMs - 1, policy });
  const all = P.ALLOW_PARTIAL | P.ALLOW_STALE_REUSE;
  for (const ph of [mk("comfortable", .5, options.budgetMs, all | P.ALLOW_DROP), mk("tight no drop", .25, 8, all), mk("tight whole", .25, 8, P.ALLOW_STALE_REUSE)]) {
    progress.begin(ph.name);
    const r = await stream.run(ph, (x) => progress.update(x), input.signal);
    progress.end(r);
    const n = r.numbers();
    input.print(`   skipped ${r.skipped} held ${r.frames.filter((f) => f.held).length} submitted ${n.submitted} within ${n.withinBudget} fresh ${n.fresh} p90 ${n.p90}`);
  }
  const cmp = await comparePhotograph(session, photo, input.signal);
  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, "side-by-side.png"), encodePng(cmp.picture));
  await session.close(); await server.stop();
  return 0;
}
