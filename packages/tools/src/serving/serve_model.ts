/**
 * Runs a model behind a server until it is told to stop, then lets frames in flight finish.
 *
 * @module
 */
import process from "node:process";
import { type NnrpServer, NnrpTransportError, serve } from "@nnrp/server";
import { CommandError, type CommandInput } from "../command.ts";
import { type ServedAddress, servedAddresses } from "./addresses.ts";
import { type Bindings, bindingsOf, type ListenChoice } from "./bindings.ts";
import { EventLog } from "./event_log.ts";
import { type ModelOptions, openModel, type ServedModel } from "./model.ts";

/** Options of {@linkcode serveModel}. */
export interface ServeModelOptions extends ModelOptions, ListenChoice {
  /** `"super-resolution"`, `"echo"`, or the path of an ONNX file. */
  readonly model: string;
  /** Whether output is JSON, one object a line. */
  readonly json: boolean;
  /** Whether the end of standard input stops the server too. */
  readonly untilEof: boolean;
}

/** The first line of `--json`. */
export interface ListeningLine extends ServedAddress {
  /** Always `"listening"`. */
  readonly event: "listening";
  /** All addresses; the fields beside are those of the first. */
  readonly addresses: readonly ServedAddress[];
  /** Path of the authority that `--dev-cert` made, for `--ca` of clients; null = none was made. */
  readonly ca: string | null;
  /** SHA-256 of the certificate that `--dev-cert` made, base64, for browsers; null = none was made. */
  readonly certificateSha256: string | null;
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
  const bindings = await bindingsOf(options);
  let model: ServedModel | undefined;
  try {
    model = await openModel(options.model, options);
    const log = new EventLog(input.print, options.json);
    const server = await listen(options, bindings, model, log);
    announce(server, bindings, model, options.json, input.print);
    await stopped(input.signal, options.untilEof);
    if (!options.json && server.stats.sessions > 0) {
      const { sessions } = server.stats;
      log.line(
        `stopping: ${sessions} session${sessions === 1 ? " finishes its" : "s finish their"} frames ` +
          "(Ctrl-C again to stop at once)",
      );
    }
    const hurry = () => process.exit(130);
    process.once("SIGINT", hurry);
    await server.close();
    process.removeListener("SIGINT", hurry);
    log.summary(server.stats);
    return 0;
  } finally {
    await bindings.clean();
    await model?.close();
  }
}

async function listen(
  options: ServeModelOptions,
  { listen }: Bindings,
  model: ServedModel,
  log: EventLog,
): Promise<NnrpServer> {
  try {
    return await serve({
      listen: [...listen],
      concurrency: model.concurrency,
      profile: { modelName: model.name },
      log: (event) => log.event(event),
    }, log.counting(model.handler));
  } catch (error) {
    if (!(error instanceof NnrpTransportError)) throw error;
    throw new CommandError(isBusy(error.cause) ? busy(error.transport, options) : error.message);
  }
}

function busy(carrier: string, { host, port, tlsPort, quicPort, webSocketPort }: ListenChoice): string {
  const [taken, flag] = carrier === "tls"
    ? [tlsPort, "--tls-port"]
    : carrier === "quic"
    ? [quicPort, "--quic-port"]
    : carrier === "websocket"
    ? [webSocketPort, "--websocket-port"]
    : [port, "--port"];
  return `port ${taken} on ${host} is taken by another program; stop that one, or choose another port with ${flag} ` +
    `(${flag} 0 takes any free one)`;
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Error &&
    (cause.name === "AddrInUse" || (cause as { code?: unknown }).code === "EADDRINUSE");
}

function announce(
  server: NnrpServer,
  { dev, secureWebSocket, webTransport }: Bindings,
  model: ServedModel,
  json: boolean,
  print: (line: string) => void,
): void {
  const addresses = servedAddresses(server, secureWebSocket, webTransport);
  const [first] = addresses;
  if (json) {
    const line: ListeningLine = {
      event: "listening",
      ...first,
      model: model.name,
      runtime: model.runtime ?? null,
      addresses,
      ca: dev?.caFile ?? null,
      certificateSha256: dev?.sha256 ?? null,
    };
    print(JSON.stringify(line));
    return;
  }
  const runtime = model.runtime === undefined ? "" : `ONNX Runtime ${model.runtime}`;
  if (addresses.length === 1 && dev === null) {
    const how = [first.carrier, runtime].filter((part) => part !== "").join(", ");
    return print(`serving ${model.name} at ${first.address} (${how}); Ctrl-C stops`);
  }
  print(`serving ${model.name}${runtime === "" ? "" : ` (${runtime})`}; Ctrl-C stops`);
  const width = Math.max(...addresses.map(({ carrier }) => carrier.length));
  for (const { carrier, address } of addresses) print(`  ${carrier.padEnd(width)}  ${address}`);
  if (dev === null) return;
  print(`certificate of this run, good for ${dev.hosts.join(", ")}`);
  print(`  clients   --ca ${dev.caFile}`);
  print(`  browsers  SHA-256 "${dev.sha256}"`);
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
