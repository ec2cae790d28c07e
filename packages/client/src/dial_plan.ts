/**
 * Which transports a client tries, in which order, and which policy its hello states (behaviour spec §5.1,
 * §5.2, §5.4). Pure: who dials is not its business.
 *
 * @module
 */
import {
  buildClientHello,
  type CarrierDialer,
  type ClientHello,
  type ClientHelloOptions,
  type ClientHelloTransportPolicyExtension,
  NnrpUnsupportedError,
  NnrpValueError,
  TransportId,
  TransportPolicy,
} from "@nnrp/core";
import type { TransportProbeSelection } from "./probe_selection.ts";

/** Ports by transport or by carrier name; what is not named is on the address's own port. */
export interface TransportPorts {
  /** UDP port of QUIC and WebTransport. */
  readonly quic?: number;
  /** TCP port of TCP and TLS. */
  readonly tcp?: number;
  /** TCP port of WebSocket. Default: that of `tcp`. */
  readonly websocket?: number;
  /** Ports of further carriers, by what their dialers declare as `portFamilies`. */
  readonly [family: string]: number | undefined;
}

/** Which transport the application wants. */
export interface ClientDialPolicy {
  /** Preferred TransportId. Default UNSPECIFIED. */
  readonly selectedTransportId?: number;
  /** The only TransportId allowed. Default UNSPECIFIED. */
  readonly forcedTransportId?: number;
}

/** A policy, and what it means locally. */
export interface ClientTransportPlan {
  /** TransportId to use; UNSPECIFIED = any. */
  readonly transportId: number;
  /** Extension 0x0101 of the hello; null = none. */
  readonly transportPolicy: ClientHelloTransportPolicyExtension | null;
}

/** A plan with the hello that goes with it. */
export interface ClientTransportBootstrap {
  /** Policy and what it means locally. */
  readonly plan: ClientTransportPlan;
  /** CLIENT_HELLO that states the policy. */
  readonly hello: ClientHello;
  /** Probes behind the choice; null if there were none. */
  readonly probeSelection: TransportProbeSelection | null;
}

/**
 * The extension of a hello for a policy (behaviour spec §5.1).
 *
 * @returns The extension 0x0101; null if there is nothing to say.
 * @throws NnrpValueError if both ids are given and differ, or one is none.
 */
export function resolveClientHelloTransportPolicy(
  policy: ClientDialPolicy = {},
): ClientHelloTransportPolicyExtension | null {
  const { selectedTransportId: selected = 0, forcedTransportId: forced = 0 } = policy;
  checkTransport(selected, "selectedTransportId");
  checkTransport(forced, "forcedTransportId");
  if (forced !== TransportId.UNSPECIFIED) {
    if (selected !== TransportId.UNSPECIFIED && selected !== forced) {
      throw new NnrpValueError("must not conflict with forcedTransportId", {
        field: "selectedTransportId",
        expected: forced,
        actual: selected,
      });
    }
    const quic = forced === TransportId.QUIC;
    return {
      transportPolicy: quic ? TransportPolicy.FORCE_QUIC : TransportPolicy.FORCE_TCP,
      preferredTransportId: forced,
    };
  }
  if (selected === TransportId.UNSPECIFIED) return null;
  const quic = selected === TransportId.QUIC;
  return {
    transportPolicy: quic ? TransportPolicy.PREFER_QUIC : TransportPolicy.PREFER_TCP,
    preferredTransportId: selected,
  };
}

/** Same as {@linkcode resolveClientHelloTransportPolicy}. */
export function toClientHelloTransportPolicy(
  policy: ClientDialPolicy,
): ClientHelloTransportPolicyExtension | null {
  return resolveClientHelloTransportPolicy(policy);
}

/**
 * What a policy means for dialling and for the hello.
 *
 * @throws NnrpValueError as {@linkcode resolveClientHelloTransportPolicy}.
 */
export function planClientTransport(policy: ClientDialPolicy = {}): ClientTransportPlan {
  const transportPolicy = resolveClientHelloTransportPolicy(policy);
  const { selectedTransportId = 0, forcedTransportId = 0 } = policy;
  return { transportId: forcedTransportId || selectedTransportId, transportPolicy };
}

/**
 * A plan and its hello without any I/O: what is selected or forced, else the winner of a probe (behaviour spec §5.2).
 *
 * @throws NnrpValueError for a conflict.
 */
export function bootstrapClientTransport(
  options: ClientHelloOptions & ClientDialPolicy & { probeSelection?: TransportProbeSelection } = {},
): ClientTransportBootstrap {
  const { probeSelection, selectedTransportId, forcedTransportId, ...hello } = options;
  const told = (selectedTransportId ?? 0) !== 0 || (forcedTransportId ?? 0) !== 0;
  const plan = planClientTransport(
    told || probeSelection === undefined
      ? { selectedTransportId, forcedTransportId }
      : { selectedTransportId: probeSelection.selectedTransportId },
  );
  return {
    plan,
    hello: buildClientHello({ ...hello, transportPolicy: plan.transportPolicy ?? undefined }),
    probeSelection: probeSelection ?? null,
  };
}

/** The dial policy that a TransportPolicy of a profile means. */
export function dialPolicyOf(transportPolicy: number | undefined): ClientDialPolicy {
  switch (transportPolicy) {
    case TransportPolicy.PREFER_QUIC:
      return { selectedTransportId: TransportId.QUIC };
    case TransportPolicy.PREFER_TCP:
      return { selectedTransportId: TransportId.TCP };
    case TransportPolicy.FORCE_QUIC:
      return { forcedTransportId: TransportId.QUIC };
    case TransportPolicy.FORCE_TCP:
      return { forcedTransportId: TransportId.TCP };
    default:
      return {};
  }
}

/**
 * The carriers a policy allows, best first: forced, only that transport; preferred, that one first; else QUIC first.
 *
 * @throws NnrpUnsupportedError if a forced transport has no carrier here.
 */
export function orderCarriers(
  carriers: readonly CarrierDialer[],
  plan: ClientTransportPlan,
): CarrierDialer[] {
  const policy = plan.transportPolicy?.transportPolicy;
  const { transportId } = plan;
  if (policy === TransportPolicy.FORCE_QUIC || policy === TransportPolicy.FORCE_TCP) {
    const allowed = carriers.filter((c) => c.transport === transportId);
    if (allowed.length > 0) return allowed;
    const wanted = transportId === TransportId.QUIC ? "QUIC" : "TCP";
    const names = carriers.map((c) => c.name).join(", ") || "none";
    throw new NnrpUnsupportedError(
      `${wanted} is forced, but there is no carrier for it here; there are: ${names}`,
    );
  }
  const first = transportId === TransportId.UNSPECIFIED ? TransportId.QUIC : transportId;
  return [...carriers.filter((c) => c.transport === first), ...carriers.filter((c) => c.transport !== first)];
}

/** The port a carrier dials. */
export function portOf(carrier: CarrierDialer, port: number, ports: TransportPorts | undefined): number {
  return familyPortOf(carrier, ports) ?? port;
}

/** The port that is given for a carrier's transport; undefined = none. */
export function familyPortOf(carrier: CarrierDialer, ports: TransportPorts | undefined): number | undefined {
  const families = carrier.portFamilies ?? [carrier.transport === TransportId.QUIC ? "quic" : "tcp"];
  const family = families.find((name) => ports?.[name] !== undefined);
  return family === undefined ? undefined : ports![family];
}

function checkTransport(id: number, field: string): void {
  if (id === TransportId.UNSPECIFIED || id === TransportId.QUIC || id === TransportId.TCP) return;
  throw new NnrpValueError("is no transport", { field, expected: "0, 1 (QUIC) or 2 (TCP)", actual: id });
}
