/**
 * From an address to a session: chooses carriers, connects, shakes hands, all within one time limit (behaviour spec §5.4).
 *
 * @module
 */
import {
  type Carrier,
  type CarrierDialer,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpUnsupportedError,
  NnrpValueError,
} from "@nnrp/core";
import { type Endpoint, isLoopback, parseEndpoint } from "./endpoint.ts";
import { ClientSession } from "./session.ts";
import type { SessionOptions } from "./session_options.ts";
import type { WaitOptions } from "./wait.ts";

/** Longest time from the call to the session, ms. */
export const DIAL_TIMEOUT_MS = 10_000;

/** Options of {@linkcode dialClient}. */
export interface DialOptions extends SessionOptions, WaitOptions {
  /** Carriers to use, best first. Default: those this runtime has that the address allows. */
  readonly carriers?: readonly CarrierDialer[];
  /** Longest time from the call to the session, ms. Default 10,000. */
  readonly timeoutMs?: number;
  /**
   * Whether `auth` may travel in plain text to another machine. Default false: such a dial is refused before anything is sent.
   */
  readonly allowPlaintextAuth?: boolean;
}

/**
 * Connects to a server and opens a session.
 *
 * @param target `"nnrp://host:port"`, or a host with the port as second argument.
 * @param portOrOptions Port (1…65535), or the options.
 * @param maybeOptions Options, after a port.
 * @throws NnrpValueError for a wrong address, NnrpTransportError if nothing answers there, NnrpProtocolError if the server
 *   refuses, NnrpTimeoutError, NnrpUnsupportedError if this runtime has no carrier for the address.
 */
export async function dialClient(
  target: string | URL,
  portOrOptions?: number | DialOptions,
  maybeOptions?: DialOptions,
): Promise<ClientSession> {
  const withPort = typeof portOrOptions === "number";
  const options = (withPort ? maybeOptions : portOrOptions) ?? {};
  const endpoint = parseEndpoint(withPort ? `nnrp://${bracket(String(target))}:${portOrOptions}` : target);
  const carriers = await candidates(endpoint, options);
  const timeoutMs = options.timeoutMs ?? DIAL_TIMEOUT_MS;
  const startedMs = performance.now();
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new NnrpTimeoutError(`dialling ${describe(endpoint)}`, timeoutMs)),
    timeoutMs,
  );
  const signal = options.signal === undefined
    ? limit.signal
    : AbortSignal.any([options.signal, limit.signal]);
  try {
    const carrier = await connect(endpoint, carriers, signal);
    return await ClientSession.open(carrier, {
      ...options,
      signal,
      timeoutMs: Math.max(1, timeoutMs - (performance.now() - startedMs)),
    });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Opens a session on a carrier that is connected already.
 *
 * @throws As {@linkcode dialClient}.
 */
export function connectClientSession(
  carrier: Carrier,
  options: SessionOptions & WaitOptions = {},
): Promise<ClientSession> {
  return ClientSession.open(carrier, { timeoutMs: DIAL_TIMEOUT_MS, ...options });
}

async function candidates(endpoint: Endpoint, options: DialOptions): Promise<CarrierDialer[]> {
  const given = options.carriers ?? await runtimeCarriers();
  const fitting = given.filter((c) =>
    (endpoint.carrier === null || c.name === endpoint.carrier) && (!endpoint.encrypted || c.encrypted)
  );
  if (fitting.length === 0) {
    const names = given.map((c) => c.name).join(", ") || "none";
    throw new NnrpUnsupportedError(
      `no carrier here can reach ${describe(endpoint)}: ` +
        (endpoint.encrypted ? "it wants an encrypted one" : `it wants ${endpoint.carrier ?? "any"}`) +
        `, there are: ${names}`,
    );
  }
  if (
    options.auth !== undefined && options.auth.length > 0 && !isLoopback(endpoint.host) &&
    !options.allowPlaintextAuth
  ) {
    const safe = fitting.filter((c) => c.encrypted);
    if (safe.length === 0) {
      throw new NnrpValueError(
        `auth would travel in plain text to ${endpoint.host}; use nnrps://, or allowPlaintextAuth: true if the network is yours`,
        { field: "auth" },
      );
    }
    return safe;
  }
  return fitting;
}

/** Carriers of this runtime, loaded when first used. Browsers have none of these: name `webSocket()` or `webTransport()`. */
async function runtimeCarriers(): Promise<CarrierDialer[]> {
  const { tcp } = await import("@nnrp/tcp");
  return [tcp()];
}

async function connect(
  endpoint: Endpoint,
  carriers: readonly CarrierDialer[],
  signal: AbortSignal,
): Promise<Carrier> {
  const failures: unknown[] = [];
  for (const carrier of carriers) {
    try {
      signal.throwIfAborted();
      return await carrier.dial({ host: endpoint.host, port: endpoint.port }, { signal });
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  throw new NnrpTransportError(
    carriers[0].name,
    `no carrier reached ${describe(endpoint)}: ${
      failures.map((e) => e instanceof Error ? e.message : String(e)).join("; ")
    }`,
    { cause: failures },
  );
}

function bracket(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

function describe({ host, port }: Endpoint): string {
  return `${bracket(host)}:${port}`;
}
