/**
 * The demo from beginning to end: server, stream, picture, report.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, platform } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { splitYCbCr } from "@nnrp/backends";
import type { ClientSession } from "@nnrp/client";
import { CommandError, type CommandInput } from "../command.ts";
import { connect } from "../connect.ts";
import { cropPicture, type Picture } from "../picture/picture.ts";
import { encodePng, readPng } from "../picture/png.ts";
import { demoReport } from "../report/demo_report.ts";
import type { PhaseOptions, PhaseRecord } from "./phase.ts";
import { openingPhase, shortBudget, shortPhases } from "./phases.ts";
import { comparePhotograph } from "./photograph.ts";
import { processOutput, Progress } from "./progress.ts";
import { Scene } from "./scene.ts";
import { type ServerProcess, startServer } from "./server_process.ts";
import { snapshotPicture } from "./snapshot.ts";
import { DemoStream } from "./stream.ts";
import { summaryLines } from "./summary.ts";

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

/** See `assets/README.md` for where it comes from. */
const PHOTOGRAPH: URL = new URL("../../assets/coffee.png", import.meta.url);
/** The view at its original size, pixels: 24 tiles, which a machine without anything special does in half a budget. */
const VIEW = { width: 384, height: 256 };
/** Side of a tile in the large picture, pixels. */
const LARGE_TILE = 64;
/** Work before the clock starts, ms. */
const WARM_UP_MS = 500;
/** Rounds of the view's motion. */
const ROUNDS = 4;

/**
 * Runs it.
 *
 * @returns 0; whatever goes wrong is thrown.
 * @throws CommandError for what a person can mend.
 */
export async function runDemo(options: DemoOptions, input: CommandInput): Promise<number> {
  const photo = evenSize((await readPng(PHOTOGRAPH)).picture);
  await makeFolder(options.out);
  input.print("starting a server (the first time this fetches ONNX Runtime) …");
  const server = await startServer(options.runtime, input.signal);
  let session: ClientSession | null = null;
  try {
    session = await connect(server.listening.address, { signal: input.signal });
    return await streamAndReport(options, input, photo, server, session);
  } catch (error) {
    if (input.signal.aborted) throw new CommandError("stopped", 130);
    throw error;
  } finally {
    await session?.close();
    await server.stop();
  }
}

async function streamAndReport(
  options: DemoOptions,
  input: CommandInput,
  photo: Picture,
  server: ServerProcess,
  session: ClientSession,
): Promise<number> {
  const { address, runtime, carrier } = server.listening;
  const luma = splitYCbCr(photo.width, photo.height, photo.rgb).y;
  const scene = new Scene(luma, VIEW.width, VIEW.height, options.seconds * 1000 / ROUNDS);
  const stream = new DemoStream(session, scene);
  const view = { width: VIEW.width / 2, height: VIEW.height / 2, tiles: stream.tiles };
  input.print(`server at ${address} (${carrier}, ONNX Runtime ${runtime}), process ${server.pid}`);
  input.print(
    `view of ${view.width}x${view.height} pixels in ${view.tiles} tiles, ${options.fps} frames/s; dB tell the gain over bicubic`,
  );
  input.print("");

  const progress = new Progress(processOutput(input.print));
  const run = async (phase: PhaseOptions): Promise<PhaseRecord> => {
    progress.begin(`budget ${phase.name}`);
    const record = await stream.run(phase, (state) => progress.update(state), input.signal);
    progress.end(record);
    input.signal.throwIfAborted();
    return record;
  };
  await stream.warmUp(WARM_UP_MS);
  const records = [await run(openingPhase(options))];
  for (const phase of shortPhases(options, shortBudget(records[0], stream.tiles))) {
    records.push(await run(phase));
  }

  const comparison = await comparePhotograph(session, photo, input.signal);
  const png = encodePng(comparison.picture);
  const pictureFile = join(options.out, "side-by-side.png");
  const reportFile = join(options.out, "report.html");
  await writeFile(pictureFile, png);
  const rttMs = await session.ping();
  await writeFile(
    reportFile,
    demoReport({
      date: new Date().toISOString(),
      environment: environment(session, server, rttMs),
      view,
      comparison: { ...comparison, png },
      phases: records.map((record) => ({ record, snapshot: snapshotPng(record) })),
    }),
  );
  input.print("");
  for (const line of summaryLines(records)) input.print(line);
  const { networkPsnr, bicubicPsnr } = comparison;
  input.print("");
  input.print(
    `whole photograph: network ${networkPsnr.toFixed(1)} dB, bicubic ${
      bicubicPsnr.toFixed(1)
    } dB against the original`,
  );
  input.print(`picture: ${pictureFile}`);
  input.print(`report:  ${reportFile}`);
  if (options.open) openFile(reportFile);
  return 0;
}

function snapshotPng(record: PhaseRecord): Uint8Array | null {
  if (record.snapshot === null) return null;
  return encodePng(snapshotPicture(record.snapshot.picture, record.snapshot.shown, LARGE_TILE));
}

function environment(session: ClientSession, server: ServerProcess, rttMs: number): [string, string][] {
  const deno = (globalThis as { Deno?: { version: { deno: string } } }).Deno;
  const model = cpus()[0]?.model.trim();
  return [
    ["Runtime", deno === undefined ? `Node ${process.version}` : `Deno ${deno.version.deno}`],
    ["Network", `${session.modelName}, ONNX Runtime ${server.listening.runtime}`],
    ["Carrier", `${session.carrierName}, round trip ${rttMs.toFixed(2)} ms`],
    ["Cores", `${availableParallelism()}${model ? ` (${model})` : ""}`],
    ["System", `${platform()} ${process.arch}`],
  ];
}

/** The photograph without an odd last column and row: half of it must be whole pixels. */
function evenSize(photo: Picture): Picture {
  const width = photo.width & ~1;
  const height = photo.height & ~1;
  return width === photo.width && height === photo.height ? photo : cropPicture(photo, 0, 0, width, height);
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`cannot make the folder ${path}: ${why}; choose another one with --out`);
  }
}

/** Shows a file in the browser, if there are a person and a browser. Nothing happens where there are not. */
function openFile(path: string): void {
  if (!process.stdout.isTTY || process.env["CI"]) return;
  const [command, ...args] = platform() === "darwin"
    ? ["open", path]
    : platform() === "win32"
    ? ["cmd", "/c", "start", "", path]
    : ["xdg-open", path];
  const child = spawn(command, args, { stdio: "ignore", detached: true });
  child.on("error", () => {}); // no such program: the path was printed
  child.unref();
}
