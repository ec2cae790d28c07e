/**
 * The flags of `nnrp peer serve`: those of the reference peer's `serve`, with its names, defaults and meanings, as a table
 * for the command and as one typed record for the server.
 *
 * @module
 */
import type { CommandInput, CommandOption } from "../command.ts";
import { CommandError } from "../command.ts";

/** What the flags say; times in ms. 0 means "off" wherever the field counts something. */
export interface ServeFlags {
  /** Carriers to listen on. */
  readonly transport: "tcp" | "quic" | "both";
  /** Host to bind. */
  readonly host: string;
  /** TCP port; 0 = pick one. */
  readonly port: number;
  /** UDP port of QUIC; 0 = pick one. */
  readonly quicPort: number;
  /** File with the certificate of the QUIC server. */
  readonly cert: string | undefined;
  /** File with its private key. */
  readonly key: string | undefined;
  /** File with the authority that clients are told of. */
  readonly ca: string | undefined;
  /** Folder where certificates are kept or made. */
  readonly certDir: string | undefined;
  /** Ends after this many sessions. */
  readonly sessions: number;
  /** Ends after this time at the latest. */
  readonly lifetimeMs: number;
  /** A connection that says nothing for this long is closed. */
  readonly idleTimeoutMs: number;
  /** Time a client has for its hello. */
  readonly helloTimeoutMs: number;
  /** Time the server takes to answer a hello. */
  readonly helloDelayMs: number;
  /** Forces this session id. */
  readonly sessionId: number;
  /** Model name in the SERVER_HELLO_ACK. */
  readonly modelName: string;
  /** Advertised limit. */
  readonly maxConcurrentFrames: number;
  /** Advertised and enforced limit, bytes. */
  readonly maxBodyBytes: number;
  /** The auth block must be this text. */
  readonly requireAuth: string | undefined;
  /** How a wrong auth block is refused. */
  readonly authReject: "error" | "ack" | "close";
  /** Answers every Nth frame with RESULT_DROP. */
  readonly dropEvery: number;
  /** Sends a RESULT_HINT with every Nth frame. */
  readonly hintEvery: number;
  /** Answers every Nth frame with class PARTIAL. */
  readonly partialEvery: number;
  /** Answers every Nth frame with class STALE_REUSE. */
  readonly staleEvery: number;
  /** Answers every Nth frame with class DEGRADED. */
  readonly degradedEvery: number;
  /** Never answers every Nth frame. */
  readonly silentEvery: number;
  /** Answers every Nth frame with a frame ERROR. */
  readonly errorEvery: number;
  /** Time until a frame is answered. */
  readonly delayMs: number;
  /** Up to this much is added to the delay, by the frame's number. */
  readonly jitterMs: number;
  /** Holds this many frames and answers the newest first. */
  readonly reorder: number;
  /** Sends PAUSE when the Nth frame comes. */
  readonly pauseAfter: number;
  /** Sends RESUME this long after the PAUSE. */
  readonly resumeAfterMs: number;
  /** Sends CLOSE after N frames. */
  readonly closeAfter: number;
  /** Answer to SESSION_PATCH. */
  readonly patch: "accept" | "partial" | "reject" | "rate-limit";
  /** Whether there is a cache. */
  readonly cache: boolean;
  /** Largest object the cache takes, bytes. */
  readonly cacheMaxObject: number;
  /** Answers CACHE_INVALIDATE with CACHE_ACK. */
  readonly ackInvalidate: boolean;
  /** Sends a PING this often. */
  readonly idlePingMs: number;
  /** Whether sessions may move. */
  readonly migrate: boolean;
  /** How long an old path is still read, ms. */
  readonly graceMs: number;
  /** Refuses probes. */
  readonly noProbe: boolean;
  /** Prints every submit too. */
  readonly verbose: boolean;
}

const number = (name: string, value: number, help: string, placeholder = "N"): CommandOption => ({
  name,
  type: "number",
  placeholder,
  help,
  default: value,
});
const text = (name: string, placeholder: string, help: string, value?: string): CommandOption => ({
  name,
  type: "string",
  placeholder,
  help,
  default: value,
});
const flag = (name: string, help: string): CommandOption => ({ name, type: "boolean", help });

/** The options of the command, in the order of its help page. */
export const SERVE_OPTIONS: readonly CommandOption[] = [
  text("transport", "tcp|quic|both", "carriers to listen on", "both"),
  text("host", "HOST", "address to bind", "127.0.0.1"),
  number("port", 0, "TCP port, 0 picks one", "PORT"),
  number("quic-port", 0, "QUIC port, 0 picks one", "PORT"),
  text("cert", "FILE", "certificate of the QUIC server"),
  text("key", "FILE", "private key of the QUIC server"),
  text("ca", "FILE", "certificate authority told to clients"),
  text("cert-dir", "DIR", "reuse or create certificates here"),
  number("sessions", 0, "exit after N sessions"),
  number("lifetime", 120, "exit after S seconds at the latest", "S"),
  number("idle-timeout", 30, "seconds of silence that end a connection", "S"),
  number("hello-timeout", 10, "seconds a client has for its hello", "S"),
  number("session-id", 0, "force this session id"),
  text("model-name", "TEXT", "model name in the answer to the hello", "interop-model"),
  number("max-concurrent-frames", 8, "advertised frame limit"),
  number("max-body-bytes", 32 * 1024 * 1024, "largest body"),
  text("require-auth", "TEXT", "refuse clients whose auth block is not TEXT"),
  text("auth-reject", "error|ack|close", "how they are refused", "error"),
  number("hello-delay-ms", 0, "wait before answering the hello", "MS"),
  number("drop-every", 0, "answer every Nth frame with RESULT_DROP"),
  number("hint-every", 0, "send RESULT_HINT with every Nth frame"),
  number("partial-every", 0, "answer every Nth frame with class PARTIAL"),
  number("stale-every", 0, "answer every Nth frame with class STALE_REUSE"),
  number("degraded-every", 0, "answer every Nth frame with class DEGRADED"),
  number("silent-every", 0, "never answer every Nth frame"),
  number("error-every", 0, "answer every Nth frame with ERROR FRAME_EXPIRED"),
  number("delay-ms", 0, "answer this much later", "MS"),
  number("jitter-ms", 0, "and up to this much more", "MS"),
  number("reorder", 0, "hold K frames and answer the newest first", "K"),
  number("pause-after", 0, "send FLOW_UPDATE PAUSE when the Nth frame comes"),
  number("resume-after-ms", 300, "and RESUME this much later", "MS"),
  number("close-after", 0, "send CLOSE after N frames"),
  text("patch", "accept|partial|reject|rate-limit", "answer to SESSION_PATCH", "accept"),
  flag("cache", "keep cached objects and resolve references"),
  number("cache-max-object", 1 << 20, "largest cached object, bytes"),
  flag("ack-invalidate", "answer CACHE_INVALIDATE with CACHE_ACK"),
  text("migrate", "accept|reject", "answer to SESSION_MIGRATE", "accept"),
  number("grace-ms", 1000, "grace window of a migration", "MS"),
  flag("no-probe", "refuse TRANSPORT_PROBE"),
  number("probe-delay-ms", 0, "answer probes this much later", "MS"),
  number("idle-ping", 0, "send PING this often", "MS"),
  flag("verbose", "print every submit"),
];

/**
 * Flags that were given and have no effect yet, for a warning: scripts of the reference peer should still run.
 *
 * @param options Options of the command, defaults filled in.
 */
export function idleFlags(options: CommandInput["options"]): string[] {
  const names = ["probe-delay-ms"];
  const defaults = new Map(SERVE_OPTIONS.map((option) => [option.name, option.default]));
  return names.filter((name) => options[name] !== defaults.get(name));
}

/**
 * Reads the flags.
 *
 * @param options Options of the command, defaults filled in.
 * @throws CommandError with exit code 2 for a word that is not one of the allowed ones.
 */
export function readServeFlags(options: CommandInput["options"]): ServeFlags {
  const count = (name: string) => Number(options[name] ?? 0);
  const seconds = (name: string) => count(name) * 1000;
  const file = (name: string) => options[name] === undefined ? undefined : String(options[name]);
  const words = <T extends string>(name: string, ...allowed: T[]): T => {
    const given = allowed.find((word) => word === options[name]);
    if (given === undefined) {
      throw new CommandError(`--${name} must be ${allowed.join(", ")}, not ${options[name]}`, 2);
    }
    return given;
  };
  return {
    transport: words("transport", "tcp", "quic", "both"),
    host: String(options["host"]),
    port: count("port"),
    quicPort: count("quic-port"),
    cert: file("cert"),
    key: file("key"),
    ca: file("ca"),
    certDir: file("cert-dir"),
    sessions: count("sessions"),
    lifetimeMs: seconds("lifetime"),
    idleTimeoutMs: seconds("idle-timeout"),
    helloTimeoutMs: seconds("hello-timeout"),
    helloDelayMs: count("hello-delay-ms"),
    sessionId: count("session-id"),
    modelName: String(options["model-name"]),
    maxConcurrentFrames: count("max-concurrent-frames"),
    maxBodyBytes: count("max-body-bytes"),
    requireAuth: options["require-auth"] === undefined ? undefined : String(options["require-auth"]),
    authReject: words("auth-reject", "error", "ack", "close"),
    dropEvery: count("drop-every"),
    hintEvery: count("hint-every"),
    partialEvery: count("partial-every"),
    staleEvery: count("stale-every"),
    degradedEvery: count("degraded-every"),
    silentEvery: count("silent-every"),
    errorEvery: count("error-every"),
    delayMs: count("delay-ms"),
    jitterMs: count("jitter-ms"),
    reorder: count("reorder"),
    pauseAfter: count("pause-after"),
    resumeAfterMs: count("resume-after-ms"),
    closeAfter: count("close-after"),
    patch: words("patch", "accept", "partial", "reject", "rate-limit"),
    cache: options["cache"] === true,
    cacheMaxObject: count("cache-max-object"),
    ackInvalidate: options["ack-invalidate"] === true,
    idlePingMs: count("idle-ping"),
    migrate: words("migrate", "accept", "reject") === "accept",
    graceMs: count("grace-ms"),
    noProbe: options["no-probe"] === true,
    verbose: options["verbose"] === true,
  };
}
