/**
 * From an address to a session: chooses carriers, connects, runs the handshake, all within one time limit,
 * and keeps a record of what was tried (behaviour spec §5.4).
 *
 * @module
 */
import { checkNumbers } from "./option_checks.ts";
import {
  callBack,
  type Carrier,
  type CarrierDialer,
  type ClientHelloTransportPolicyExtension,
  fitToShow,
  type Host,
  NnrpCredentialError,
  NnrpProtocolError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpValueError,
  shownAddress,
  TransportId,
  TransportPolicy,
  wordsOf,
} from "@nnrp/core";
import { systemHost, type WaitOptions } from "@nnrp/runtime";
import {
  type ClientDialPolicy,
  type ClientTransportPlan,
  dialPolicyOf,
  orderCarriers,
  planClientTransport,
  portOf,
} from "./dial_plan.ts";
import {
  type DialTargetOptions,
  isPrivate,
  privateCarriers,
  type ResolvedTarget,
  resolveTarget,
} from "./dial_target.ts";
import { hasAuth } from "./credentials.ts";
import { DIAL_TIMEOUT_MS, HEAD_START_MS, HELLO_BEFORE_FALLBACK_MS, RECONNECT_ATTEMPTS } from "./defaults.ts";
import type { DialOrigin, DialRecord } from "./dial_origin.ts";
import { bracket, describeEndpoint } from "./endpoint.ts";
import { type DialAttempt, raceCarriers } from "./path_race.ts";
import { probeClientTransport, type ProbeOptions } from "./probe.ts";
import type { TransportProbeSelection } from "./probe_selection.ts";
import { canPass, retryAfterOf } from "./passing_failures.ts";
import { reconnectDelay, type ReconnectOptions } from "./reconnect.ts";
import { ClientSession } from "./session.ts";
import type { SessionOptions } from "./session_options.ts";
import { sleep, withinTime } from "./time_limit.ts";

/** Options of {@linkcode dialClient}. */
export interface DialOptions extends DialTargetOptions, SessionOptions, WaitOptions {
  /** Which transport is wanted. Default: `profile.transportPolicy`, or AUTO: QUIC first, TCP after 250 ms. */
  readonly dialPolicy?: ClientDialPolicy;
  /**
   * Probes the paths first and takes the best; an object sets how to probe. Only where there is a choice: a
   * transport that is preferred or forced is not measured (behaviour spec §5.2). Default false: an rc2 server
   * ends at a probe.
   */
  readonly probe?: boolean | Pick<ProbeOptions, "payloadBytes" | "sampleCount" | "warmup" | "timeoutMs">;
  /** Longest time from the call to the session, ms. Default 10,000. */
  readonly timeoutMs?: number;
  /**
   * Whether `auth` may travel in plain text to another machine. Default false: such a dial is refused before anything is sent.
   */
  readonly allowPlaintextAuth?: boolean;
  /**
   * Whether a connection that is lost, or that the server asks to leave, is replaced, and how. The first dial, too, is tried again
   * within `timeoutMs` after failures that can pass: refused, no answer, busy; not after wrong addresses, certificates or
   * credentials. Default false: the session ends.
   */
  readonly reconnect?: boolean | ReconnectOptions;
}

/**
 * Connects to a server and opens a session.
 *
 * @param target `"nnrp://host:port"`, or a host with the port as second argument.
 * @param portOrOptions Port (1…65535), or the options.
 * @param maybeOptions Options, after a port.
 * @throws NnrpValueError for a wrong address, NnrpTransportError if nothing answers there, NnrpProtocolError if the server
 *   refuses, NnrpCredentialError if a function that was asked for a credential fails, NnrpTimeoutError, NnrpUnsupportedError if this runtime has no carrier for the address, NnrpProbeError if probes
 *   were asked for and none was answered.
 */
export async function dialClient(
  target: string | URL,
  portOrOptions?: number | DialOptions,
  maybeOptions?: DialOptions,
): Promise<ClientSession> {
  const withPort = typeof portOrOptions === "number";
  const given = (withPort ? maybeOptions : portOrOptions) ?? {};
  checkNumbers(given);
  const options = { ...given, runtime: given.runtime ?? systemHost() };
  const address = withPort ? `nnrp://${bracket(String(target))}:${portOrOptions}` : target;
  const timeoutMs = options.timeoutMs ?? DIAL_TIMEOUT_MS;
  const endsMs = options.runtime.now() + timeoutMs;
  const attempts: DialAttempt[] = [];
  const timedOut = (ms: number) => {
    const failures = attempts.every((a) => a.error === undefined)
      ? ""
      : ` (${describeFailures(attempts, false)})`;
    return new NnrpTimeoutError(`dialling ${shownAddress(address)}${failures}`, ms);
  };
  return await withinTime(
    options.runtime,
    { timeoutMs, signal: options.signal },
    timedOut,
    async (signal) => {
      const resolved = await resolveTarget(address, options);
      return await openPatiently(resolved, options, signal, endsMs, attempts);
    },
  );
}

/** With `reconnect`, what can pass is waited for from the first dial on, as after a loss. */
async function openPatiently(
  resolved: ResolvedTarget,
  options: DialOptions & { readonly runtime: Host },
  signal: AbortSignal,
  endsMs: number,
  attempts: DialAttempt[],
): Promise<ClientSession> {
  const { runtime } = options;
  const reconnect = reconnectOf(options);
  const maxAttempts = reconnect === null ? 1 : reconnect.maxAttempts ?? RECONNECT_ATTEMPTS;
  for (let attempt = 0;; attempt++) {
    try {
      return await open(resolved, options, signal, endsMs, attempts);
    } catch (error) {
      if (attempt + 1 >= maxAttempts || signal.aborted || !canPass(error)) throw error;
      const message = fitToShow(`try ${attempt + 1} to connect failed: ${wordsOf(error)}`);
      callBack(() => options.log?.({ type: "connect-failed", message, sessionId: 0, error }), () => {});
      const waitMs = retryAfterOf(error) + reconnectDelay(attempt, reconnect!, runtime.random());
      if (runtime.now() + waitMs >= endsMs) throw error; // it is more specific than a time-out
      await sleep(runtime, waitMs, signal);
    }
  }
}

function reconnectOf({ reconnect }: DialOptions): ReconnectOptions | null {
  return reconnect === true ? {} : reconnect || null;
}

async function open(
  resolved: ResolvedTarget,
  options: DialOptions & { readonly runtime: Host },
  signal: AbortSignal,
  endsMs: number,
  attempts: DialAttempt[],
): Promise<ClientSession> {
  const { runtime, allowPlaintextAuth = false } = options;
  const secret = hasAuth(options.auth) && !allowPlaintextAuth;
  const target = secret ? { ...resolved, carriers: privateCarriers(resolved, "auth") } : resolved;
  const policy = options.dialPolicy ?? dialPolicyOf(options.profile?.transportPolicy);
  let plan = planClientTransport(policy);
  let order = orderCarriers(target.carriers, plan);
  let probeSelection: TransportProbeSelection | null = null;
  if (options.probe && order.length > 1 && plan.transportId === TransportId.UNSPECIFIED) {
    const how = options.probe === true ? {} : options.probe;
    probeSelection = await probeClientTransport(addressOf(target), {
      ports: target.ports,
      ...how,
      carriers: order,
      signal,
      runtime,
    });
    plan = planClientTransport({ selectedTransportId: probeSelection.selectedTransportId });
    order = orderCarriers(target.carriers, plan);
  }
  const record: DialRecord = { plan, attempts, probeSelection };
  const failed = new Set<CarrierDialer>();
  const trusted = new WeakSet<Carrier>();
  const dial = async (dialer: CarrierDialer, at: AbortSignal) => {
    const { host, port, path, encrypted } = target.endpoint;
    try {
      const to = { host, port: portOf(dialer, port, target.ports), path, encrypted };
      const carrier = await dialer.dial(to, { signal: at, runtime });
      if (allowPlaintextAuth || isPrivate(dialer, target.endpoint)) trusted.add(carrier);
      return carrier;
    } catch (error) {
      if (!at.aborted) failed.add(dialer);
      throw error;
    }
  };
  const race = (carriers: readonly CarrierDialer[], at: AbortSignal, tried: DialAttempt[]) =>
    raceCarriers(carriers, {
      dial,
      signal: at,
      attempts: tried,
      headStartMs: headStart(plan),
      host: runtime,
    });
  const reconnect = reconnectOf(options);
  const origin: DialOrigin = {
    target,
    allowPlaintextAuth,
    record,
    reconnect,
    timeoutMs: options.timeoutMs ?? DIAL_TIMEOUT_MS,
    async connect(at) {
      const tried: DialAttempt[] = [];
      const won = await race(order, at, tried);
      if (won === null) throw unreachable(target, tried);
      return won.carrier;
    },
    isPrivate: (carrier) => trusted.has(carrier),
  };
  let carriers = order;
  for (;;) {
    const won = await race(carriers, signal, attempts);
    if (won === null) throw unreachable(target, attempts);
    const at = attempts.length - 1; // the race ended with the winner
    carriers = carriers.filter((c) => c !== won.dialer && !failed.has(c));
    const leftMs = Math.max(1, Math.ceil(endsMs - runtime.now()));
    const answerTimeoutMs = carriers.length > 0 ? Math.min(leftMs / 2, HELLO_BEFORE_FALLBACK_MS) : leftMs;
    try {
      return await ClientSession.open(won.carrier, {
        ...options,
        transportPolicy: options.transportPolicy ?? toldPolicy(plan),
        signal,
        timeoutMs: leftMs,
        answerTimeoutMs,
        origin,
      });
    } catch (error) {
      // A server that refuses, refuses on every carrier, and so does whoever gives credentials; one that is
      // silent here may answer on another.
      if (carriers.length === 0 || signal.aborted || isSaidEverywhere(error)) throw error;
      attempts[at] = { ...attempts[at], chosen: false, error };
    }
  }
}

/** Whether the hello would fail alike on another carrier. */
function isSaidEverywhere(error: unknown): boolean {
  return error instanceof NnrpProtocolError || error instanceof NnrpCredentialError ||
    error instanceof NnrpValueError;
}

/** AUTO gives QUIC a head start; a preference is given up only after a failure. */
function headStart(plan: ClientTransportPlan): number {
  return plan.transportId === TransportId.UNSPECIFIED ? HEAD_START_MS : Infinity;
}

function toldPolicy(plan: ClientTransportPlan): ClientHelloTransportPolicyExtension | undefined {
  return plan.transportPolicy === null || plan.transportPolicy.transportPolicy === TransportPolicy.AUTO
    ? undefined
    : plan.transportPolicy;
}

function addressOf({ endpoint }: ResolvedTarget): string {
  return `${endpoint.encrypted ? "nnrps" : "nnrp"}://${describeEndpoint(endpoint)}`;
}

function unreachable({ endpoint }: ResolvedTarget, attempts: readonly DialAttempt[]): unknown {
  const failures = attempts.map((a) => a.error);
  if (failures.length === 1) return failures[0];
  return new NnrpTransportError(
    attempts[0]?.carrier ?? "any",
    `cannot connect to ${describeEndpoint(endpoint)}: ${describeFailures(attempts, true)}`,
    { cause: failures },
  );
}

/** Why carriers failed, those that failed alike together; `all`: no other carrier was tried. */
function describeFailures(attempts: readonly DialAttempt[], all: boolean): string {
  const names = new Map<string, string[]>();
  for (const { carrier, error } of attempts) {
    if (error === undefined) continue;
    const words = wordsOf(error).replace(/^cannot connect to \S+: /, "");
    names.set(words, [...names.get(words) ?? [], carrier]);
  }
  if (all && names.size === 1) return [...names.keys()][0];
  return [...names].map(([words, carriers]) => `${carriers.join(", ")} – ${words}`).join(" · ");
}
