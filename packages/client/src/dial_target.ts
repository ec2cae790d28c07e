/**
 * From an address to the carriers that can reach it, with the rule that nothing secret travels in plain text (design: no silent
 * downgrade).
 *
 * @module
 */
import { type CarrierDialer, NnrpUnsupportedError, NnrpValueError } from "@nnrp/core";
import { familyPortOf, type TransportPorts } from "./dial_plan.ts";
import { bracket, describeEndpoint, type Endpoint, isLoopback, parseEndpoint } from "./endpoint.ts";
import { type ClientTlsOptions, runtimeCarriers } from "./runtime_carriers.ts";

/** Where and how to connect. */
export interface DialTargetOptions {
  /** Carriers to use, best first. Default: those this runtime has that the address allows. */
  readonly carriers?: readonly CarrierDialer[];
  /** Ports by transport, where they differ. Default: the one of the address, UDP and TCP alike. */
  readonly ports?: TransportPorts;
  /** Certificates for the default carriers; carriers that are given have their own. */
  readonly tls?: ClientTlsOptions;
}

/** An address with what can reach it. */
export interface ResolvedTarget {
  /** Host, port and carrier of the address. */
  readonly endpoint: Endpoint;
  /** Carriers, best first; at least one. */
  readonly carriers: readonly CarrierDialer[];
  /** Ports by transport, where they differ from the address. */
  readonly ports: TransportPorts | undefined;
}

/**
 * Finds the carriers for an address.
 *
 * @param target `nnrp://host:port`, or a host, if the port is given in `port`.
 * @throws NnrpValueError for a bad address, NnrpUnsupportedError if nothing here can reach it.
 */
export async function resolveTarget(
  target: string | URL,
  options: DialTargetOptions & { port?: number } = {},
): Promise<ResolvedTarget> {
  const text = String(target);
  const { port, ports } = options;
  const anyPort = port ?? Object.values(ports ?? {}).find((given) => given !== undefined);
  const hostOnly = !text.includes("://") && anyPort !== undefined;
  const endpoint = parseEndpoint(hostOnly ? `nnrp://${bracket(text)}:${anyPort}` : target, options.carriers);
  const given = options.carriers ?? await runtimeCarriers(endpoint, options.tls);
  const carriers = given.filter((c) =>
    (endpoint.carrier === null || c.name === endpoint.carrier) &&
    (!endpoint.encrypted || c.encrypted || c.canEncrypt === true) && hasPort(c, ports, port, hostOnly)
  );
  if (carriers.length === 0) {
    const names = given.map((c) => c.name).join(", ") || "none";
    throw new NnrpUnsupportedError(
      `no carrier here can reach ${describeEndpoint(endpoint)}: ` +
        (endpoint.carrier !== null
          ? `it wants ${endpoint.carrier}`
          : endpoint.encrypted
          ? "it wants an encrypted one"
          : "none has a port there") +
        `, there are: ${names}`,
    );
  }
  return { endpoint, carriers, ports };
}

/** With ports by transport and no other port, a transport without one does not exist (behaviour spec §5.2). */
function hasPort(
  carrier: CarrierDialer,
  ports: TransportPorts | undefined,
  port: number | undefined,
  hostOnly: boolean,
): boolean {
  if (ports === undefined || port !== undefined || !hostOnly) return true;
  return familyPortOf(carrier, ports) !== undefined;
}

/** Whether a carrier's bytes are encrypted on the way to an address, or never leave this machine. */
export function isPrivate(carrier: CarrierDialer, endpoint: Endpoint): boolean {
  return carrier.encrypted || (endpoint.encrypted && carrier.canEncrypt === true) ||
    isLoopback(endpoint.host);
}

/**
 * The carriers over which something secret may go.
 *
 * @throws NnrpValueError if there are none.
 */
export function privateCarriers(target: ResolvedTarget, what: string): CarrierDialer[] {
  const safe = target.carriers.filter((c) => isPrivate(c, target.endpoint));
  if (safe.length > 0) return safe;
  throw new NnrpValueError(
    `${what} would travel in plain text to ${target.endpoint.host}; use nnrps://, or allowPlaintextAuth: true if the network is yours`,
    { field: what },
  );
}
