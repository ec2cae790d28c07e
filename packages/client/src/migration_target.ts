/**
 * The connection a session moves to: which carriers may be taken, and dialling them (behaviour spec §11; design: no silent
 * downgrade).
 *
 * @module
 */
import {
  type Carrier,
  type CarrierDialer,
  type Host,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpUnsupportedError,
  NnrpValueError,
  wordsOf,
} from "@nnrp/core";
import { planClientTransport, portOf } from "./dial_plan.ts";
import { isPrivate, type ResolvedTarget, resolveTarget } from "./dial_target.ts";
import { describeEndpoint } from "./endpoint.ts";
import type { DialOrigin } from "./dial_origin.ts";
import type { MigrateOptions } from "./migration.ts";
import { MIGRATE_TIMEOUT_MS } from "./defaults.ts";
import { type DialAttempt, raceCarriers } from "./path_race.ts";
import { withinTime } from "./time_limit.ts";

/** What is to be known of a session that moves. */
export interface MovingSession {
  /** Provides clock and timers. */
  readonly runtime: Host;
  /** How it was dialled; null = it was opened on a carrier. */
  readonly origin: DialOrigin | null;
  /** TransportId in use. */
  readonly transport: number;
  /** Name of the carrier in use. */
  readonly carrierName: string;
}

/**
 * Connects where a session may move to.
 *
 * @param session The session.
 * @param hasToken Whether its server gave a token: then the same transport will do.
 * @throws As {@linkcode ClientSession.migrate}.
 */
export async function dialForMove(
  session: MovingSession,
  hasToken: boolean,
  options: MigrateOptions,
): Promise<Carrier> {
  const target = await targetOf(session, options);
  const carriers = allowed(session, target, hasToken, options);
  const timeoutMs = options.timeoutMs ?? MIGRATE_TIMEOUT_MS;
  const { runtime } = session;
  const attempts: DialAttempt[] = [];
  const { host, port, path, encrypted } = target.endpoint;
  const dial = (dialer: CarrierDialer, signal: AbortSignal) =>
    dialer.dial({ host, port: portOf(dialer, port, target.ports), path, encrypted }, { signal, runtime });
  const won = await withinTime(
    runtime,
    { timeoutMs, signal: options.signal },
    (ms) => new NnrpTimeoutError("the new connection", ms),
    (signal) => raceCarriers(carriers, { dial, signal, attempts, headStartMs: Infinity, host: runtime }),
  );
  if (won !== null) return won.carrier;
  if (attempts.length === 1) throw attempts[0].error;
  throw new NnrpTransportError(
    carriers[0].name,
    `no other path to ${describeEndpoint(target.endpoint)}: ${
      attempts.map((a) => wordsOf(a.error)).join("; ")
    }`,
    { cause: attempts.map((a) => a.error) },
  );
}

async function targetOf(session: MovingSession, options: MigrateOptions): Promise<ResolvedTarget> {
  const dialled = session.origin?.target;
  if (dialled === undefined && options.host === undefined) {
    throw new NnrpValueError("is needed: the session was not dialled by address", {
      field: "host",
      expected: "where to move to, with carriers",
      actual: "undefined",
    });
  }
  if (options.host !== undefined && (dialled === undefined || options.host !== dialled.endpoint.host)) {
    return await resolveTarget(options.host, { ...options, carriers: options.carriers ?? dialled?.carriers });
  }
  const { endpoint } = dialled!;
  return {
    endpoint: { ...endpoint, port: options.port ?? endpoint.port, carrier: null },
    carriers: options.carriers ?? dialled!.carriers,
    ports: options.ports ?? (options.port === undefined ? dialled!.ports : undefined),
  };
}

function allowed(
  session: MovingSession,
  target: ResolvedTarget,
  hasToken: boolean,
  options: MigrateOptions,
): CarrierDialer[] {
  const plan = planClientTransport(options);
  const named = options.carrier !== undefined || plan.transportId !== 0;
  if (!hasToken && plan.transportId !== 0 && plan.transportId === session.transport) {
    throw new NnrpValueError(
      "is in use already; without a token a session moves to the other transport only",
      {
        field: "selectedTransportId",
        expected: session.transport === 1 ? "2 (TCP)" : "1 (QUIC)",
        actual: plan.transportId,
      },
    );
  }
  let carriers = target.carriers.filter((c) =>
    (options.carrier === undefined || c.name === options.carrier) &&
    (plan.transportId === 0 || c.transport === plan.transportId) &&
    (hasToken || c.transport !== session.transport)
  );
  // Without a wish another path is meant; with a token a fresh connection of the same kind is one, too.
  const others = carriers.filter((c) => c.name !== session.carrierName);
  if (!named && others.length > 0) carriers = others;
  if (carriers.length === 0) {
    const names = target.carriers.map((c) => c.name).join(", ") || "none";
    throw new NnrpUnsupportedError(
      `no carrier to move to from ${session.carrierName}: there are ${names}` +
        (hasToken ? "" : "; without a token it must be of the other transport"),
    );
  }
  const open = options.allowPlaintextAuth ?? session.origin?.allowPlaintextAuth ?? false;
  const safe = open ? carriers : carriers.filter((c) => isPrivate(c, target.endpoint));
  if (safe.length === 0) {
    throw new NnrpValueError(
      `the session and its token would travel in plain text to ${target.endpoint.host}; ` +
        "move to an encrypted carrier, or pass allowPlaintextAuth: true if the network is yours",
      { field: "carrier" },
    );
  }
  return safe;
}
