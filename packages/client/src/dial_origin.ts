/**
 * How a session was reached: what it needs to connect again, and to move.
 *
 * @module
 */
import type { Carrier } from "@nnrp/core";
import type { ClientTransportPlan } from "./dial_plan.ts";
import type { ResolvedTarget } from "./dial_target.ts";
import type { DialAttempt } from "./path_race.ts";
import type { TransportProbeSelection } from "./probe_selection.ts";
import type { ReconnectOptions } from "./reconnect.ts";

/** How a session was reached. */
export interface DialRecord {
  /** What was planned. */
  readonly plan: ClientTransportPlan;
  /** What was tried, in the order in which it ended. */
  readonly attempts: readonly DialAttempt[];
  /** Probes behind the choice; null if there were none. */
  readonly probeSelection: TransportProbeSelection | null;
}

/** How the session connects again, and moves. */
export interface DialOrigin {
  /** Address, carriers, ports. */
  readonly target: ResolvedTarget;
  /** Whether secrets may travel in plain text. */
  readonly allowPlaintextAuth: boolean;
  /** How the first connection was made. */
  readonly record: DialRecord;
  /** What to do after a loss; null = nothing. */
  readonly reconnect: ReconnectOptions | null;
  /** Longest time of each step of connecting again, ms. */
  readonly timeoutMs: number;
  /** Opens a connection as the first one was opened, without a hello. */
  connect(signal: AbortSignal): Promise<Carrier>;
  /** Whether a secret may travel on a connection that was opened here. */
  isPrivate(carrier: Carrier): boolean;
}
