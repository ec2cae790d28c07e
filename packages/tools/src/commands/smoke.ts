/**
 * `nnrp smoke client` and `nnrp smoke server-once`: one session, one frame, nine lines, as the reference's `nnrp-quic-smoke`
 * (behaviour spec §15, "CLI").
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { NnrpUnsupportedError } from "@nnrp/core";
import { printLines } from "../output_gate.ts";
import { type Command, CommandError, type CommandInput, type CommandOption } from "../command.ts";
import type { SmokeTranscript } from "../smoke/mod.ts";

/** Longest time of a timer, ms: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const COMMON: readonly CommandOption[] = [
  { name: "timeout", type: "number", placeholder: "SECONDS", help: "longest time of each wait", default: 10 },
  {
    name: "transport",
    type: "string",
    placeholder: "tcp|quic",
    help: "carrier to use",
    default: "quic",
  },
  { name: "json", type: "boolean", help: "print one JSON object instead of nine lines" },
];
const host = (help: string): CommandOption => ({
  name: "host",
  type: "string",
  placeholder: "HOST",
  help,
  default: "127.0.0.1",
});
const LINES =
  "It prints nine lines of key=value: role, requested_session_id, negotiated_session_id, frame_id, " +
  "control_stream_id, submit_stream_id, result_stream_id, submit_tile_count, result_tile_count; the ids of streams are made " +
  "up on TCP. Exit code 0: all went well, 1: something failed, in one line on standard error, 2: wrong usage. Flags and " +
  "lines are those of nnrp-py's nnrp-quic-smoke.";

/** The client's side. */
export const smokeClientCommand: Command = {
  name: "smoke client",
  summary: "smoke test against a server: one session, one frame",
  description:
    `Opens a session with a smoke server, submits one frame and waits for its result. ${LINES} A QUIC server's ` +
    "certificate is verified against --cafile, or with --verify-peer alone against the authorities of the system; nnrp-py " +
    "verifies nothing without --verify-peer, which Deno's QUIC cannot do.",
  options: [
    host("server to test"),
    { name: "port", type: "number", help: "port of the server", required: true },
    { name: "requested-session-id", type: "number", help: "session to ask for", default: 1 },
    { name: "frame-id", type: "number", help: "frame to submit", default: 101 },
    {
      name: "cafile",
      type: "string",
      placeholder: "FILE",
      help: "certificate authority of the server, PEM (QUIC)",
    },
    { name: "verify-peer", type: "boolean", help: "verify the server's certificate (QUIC)" },
    ...COMMON,
  ],
  examples: ["smoke client --port 4433 --cafile ca.pem", "smoke client --port 4433 --transport tcp --json"],
  demonstrations: [{
    about: "A server in one terminal, the client in another:",
    server: "smoke server-once --transport tcp --port PORT",
    line: "smoke client --transport tcp --port PORT",
  }],
  async run(input) {
    const { options, signal } = input;
    const transport = transportOf(options["transport"]);
    const port = wholeOption(options["port"], "port", 1, 65535);
    const cafile = options["cafile"];
    const verify = options["verify-peer"] === true;
    if (transport === "tcp" && (cafile !== undefined || verify)) {
      throw new CommandError("--cafile and --verify-peer are for --transport quic: TCP is not encrypted", 2);
    }
    const timeoutMs = timeoutOf(options["timeout"]);
    const caCerts = cafile === undefined ? undefined : [readText(String(cafile), "cafile")];
    const dialer = transport === "tcp"
      ? (await import("@nnrp/tcp")).tcp()
      : (await import("@nnrp/quic")).quic({
        caCerts,
        insecureSkipVerify: caCerts === undefined && !verify,
        connectTimeoutMs: timeoutMs,
      });
    const { runSmokeClient } = await import("../smoke/mod.ts");
    const transcript = await run(
      signal,
      "Deno verifies every QUIC certificate: give the server's authority with --cafile, or say --verify-peer",
      () =>
        runSmokeClient(dialer, { host: String(options["host"]), port }, {
          requestedSessionId: wholeOption(options["requested-session-id"], "requested-session-id"),
          frameId: wholeOption(options["frame-id"], "frame-id"),
          timeoutMs,
          signal,
        }),
    );
    return await report(transcript, input);
  },
};

/** The server's side. */
export const smokeServerOnceCommand: Command = {
  name: "smoke server-once",
  summary: "serve one smoke test and end",
  description: `Waits for one smoke client, opens a session and answers its frame. ${LINES}`,
  options: [
    host("address to listen on"),
    {
      name: "port",
      type: "number",
      help: "port to listen on; 0 = a free one, told on standard error",
      required: true,
    },
    { name: "certificate", type: "string", placeholder: "FILE", help: "certificate chain, PEM (QUIC)" },
    { name: "private-key", type: "string", placeholder: "FILE", help: "private key, PEM (QUIC)" },
    { name: "session-id", type: "number", help: "session to open", default: 7 },
    ...COMMON,
  ],
  examples: [
    "smoke server-once --port 4433 --certificate cert.pem --private-key key.pem",
    "smoke server-once --port 4433 --transport tcp",
  ],
  demonstrations: [{
    server: "smoke server-once --transport tcp --port PORT --json",
    line: "smoke client --transport tcp --port PORT --json",
  }],
  async run(input) {
    const { options, signal, warn } = input;
    const transport = transportOf(options["transport"]);
    const port = wholeOption(options["port"], "port", 0, 65535);
    const host = String(options["host"]);
    const pem = (["certificate", "private-key"] as const).map((name) => {
      const file = options[name];
      if (transport === "quic" && file === undefined) {
        throw new CommandError(`--${name} is missing: QUIC needs it, --transport tcp does not`, 2);
      }
      if (transport === "tcp" && file !== undefined) {
        throw new CommandError(`--${name} is for --transport quic: TCP is not encrypted`, 2);
      }
      return file === undefined ? "" : readText(String(file), name);
    });
    const binding = transport === "tcp"
      ? (await import("@nnrp/tcp")).tcp({ host, port })
      : (await import("@nnrp/quic")).quic({ host, port, cert: pem[0], key: pem[1] });
    const { runSmokeServerOnce } = await import("../smoke/mod.ts");
    const transcript = await run(signal, null, () =>
      runSmokeServerOnce(binding, {
        sessionId: wholeOption(options["session-id"], "session-id"),
        timeoutMs: timeoutOf(options["timeout"]),
        signal,
        onReady: (bound) => warn(`waiting for one client on ${bound.name} ${bound.host}:${bound.port}`),
      }));
    return await report(transcript, input);
  },
};

async function report(transcript: SmokeTranscript, { options, print }: CommandInput): Promise<number> {
  const { renderSmokeTranscript, smokeTranscriptFields } = await import("../smoke/mod.ts");
  if (options["json"] === true) print(JSON.stringify(smokeTranscriptFields(transcript)));
  else printLines(print, renderSmokeTranscript(transcript));
  return 0;
}

/**
 * A stopped test says so, and that a carrier cannot leave certificates unverified is said in flags; everything else is said by
 * the error itself.
 */
async function run(
  signal: AbortSignal,
  unverified: string | null,
  test: () => Promise<SmokeTranscript>,
): Promise<SmokeTranscript> {
  try {
    return await test();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const refused = error instanceof NnrpUnsupportedError && unverified !== null &&
      /verif/.test(error.message);
    throw refused ? new CommandError(unverified) : error;
  }
}

function transportOf(given: unknown): "tcp" | "quic" {
  if (given === "tcp" || given === "quic") return given;
  throw new CommandError(`--transport must be tcp or quic, not ${given}`, 2);
}

function wholeOption(given: unknown, name: string, least = 0, most = 0xffff_ffff): number {
  const number = Number(given);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new CommandError(`--${name} must be a whole number from ${least} to ${most}, not ${given}`, 2);
}

function timeoutOf(seconds: unknown): number {
  if (Number(seconds) > 0) return Math.min(Math.ceil(Number(seconds) * 1000), MAX_TIMER_MS);
  throw new CommandError(`--timeout must be more than 0 seconds, not ${seconds}`, 2);
}

function readText(file: string, option: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`cannot read --${option} ${file}: ${why.split("\n")[0]}`);
  }
}
