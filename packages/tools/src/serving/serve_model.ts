/**
 * Runs a model behind a server until it is told to stop, then lets frames in flight finish.
 *
 * @module
 */
import process from "node:process";
import { type NnrpServer, NnrpTransportError, serve } from "@nnrp/server";
import { CommandError, type CommandInput } from "../command.ts";
import { EventLog } from "./event_log.ts";
import { type ModelOptions, openModel, type ServedModel } from "./model.ts";

/** Options of {@linkcode serveModel}. */
export interface ServeModelOptions extends ModelOptions {
  /** `"super-resolution"`, `"echo"`, or the path of an ONNX file. */
  readonly model: string;
  /** Host to listen on. */
  readonly host: string;
  /** Port to listen on; 0 = any free one. */
  readonly port: number;
  /** Whether output is JSON, one object a line. */
  readonly json: boolean;
  /** Whether the end of standard input stops the server too. */
  readonly untilEof: boolean;
}

/** The first line of `--json`. */
export interface ListeningLine {
  /** Always `"listening"`. */
  readonly event: "listening";
  /** Address for clients. */
  readonly address: string;
  /** Carrier, for example `"tcp"`. */
  readonly carrier: string;
  /** Bound host. */
  readonly host: string;
  /** Bound port. */
  readonly port: number;
  /** Name of the model. */
  readonly model: string;
  /** What runs the model; null for the echo. */
  readonly runtime: string | null;
}

/**
 * Serves until the input's signal aborts.
 *
 * @returns 0 after an orderly end.
 * @throws CommandError for a busy port, a missing model and the like.
 */
export async function serveModel(
  options: ServeModelOptions,
  input: Pick<CommandInput, "print" | "signal">,
): Promise<number> {
  const model = await openModel(options.model, options);
  try {
    const log = new EventLog(input.print, options.json);
    const server = await listen(options, model, log);
    announce(server, model, options, input.print);
    await stopped(input.signal, options.untilEof);
    if (!options.json && server.stats.sessions > 0) {
      log.line(
        `stopping: ${server.stats.sessions} sessions finish their frames (Ctrl-C again to stop at once)`,
      );
    }
    const hurry = () => process.exit(130);
    process.once("SIGINT", hurry);
    await server.close();
    process.removeListener("SIGINT", hurry);
    log.summary(server.stats);
    return 0;
  } finally {
    await model.close();
  }
}

async function listen(options: ServeModelOptions, model: ServedModel, log: EventLog): Promise<NnrpServer> {
  const { host, port } = options;
  try {
    return await serve({
      host,
      port,
      concurrency: model.concurrency,
      profile: { modelName: model.name },
      log: (event) => log.event(event),
    }, log.counting(model.handler));
  } catch (error) {
    if (!(error instanceof NnrpTransportError)) throw error;
    throw new CommandError(isBusy(error.cause) ? busy(host, port) : error.message);
  }
}

function busy(host: string, port: number): string {
  return `port ${port} on ${host} is taken by another program; stop that one, or choose another port with --port ` +
    `(--port 0 takes any free one)`;
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Error &&
    (cause.name === "AddrInUse" || (cause as { code?: unknown }).code === "EADDRINUSE");
}

function announce(
  server: NnrpServer,
  model: ServedModel,
  options: ServeModelOptions,
  print: (line: string) => void,
): void {
  const { name, host, port } = server.addresses[0];
  const address = `nnrp://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (options.json) {
    const line: ListeningLine = {
      event: "listening",
      address,
      carrier: name,
      host,
      port,
      model: model.name,
      runtime: model.runtime ?? null,
    };
    print(JSON.stringify(line));
    return;
  }
  const runtime = model.runtime === undefined ? "" : `, ONNX Runtime ${model.runtime}`;
  print(`serving ${model.name} at ${address} (${name}${runtime}); Ctrl-C stops`);
}

/** Resolves when the signal aborts or, if wished, standard input ends. */
function stopped(signal: AbortSignal, untilEof: boolean): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener("abort", done);
      if (untilEof) process.stdin.pause();
      resolve();
    };
    if (signal.aborted) return done();
    signal.addEventListener("abort", done);
    if (!untilEof) return;
    process.stdin.once("end", done);
    process.stdin.once("close", done);
    process.stdin.resume();
  });
}
