/**
 * The connection calls of the peer's documentation (behaviour spec §14.1): sessions on a carrier that is open or by host and
 * ports, with or without probing first. `dialClient()` is the short way.
 *
 * @module
 */
import type { Carrier } from "@nnrp/core";
import type { ClientDialPolicy } from "./dial_plan.ts";
import { ClientControlSession } from "./control_session.ts";
import { DIAL_TIMEOUT_MS } from "./defaults.ts";
import { dialClient, type DialOptions } from "./dial.ts";
import { ClientSession } from "./session.ts";
import type { SessionOptions } from "./session_options.ts";
import type { WaitOptions } from "@nnrp/runtime";

/**
 * Opens a session on a carrier that is connected already, or by host: `ports` or `port` tell where.
 *
 * @throws As {@linkcode dialClient}.
 */
export function connectClientSession(
  target: Carrier | string,
  options: DialOptions & ClientDialPolicy & { port?: number } = {},
): Promise<ClientSession> {
  if (typeof target !== "string") return openOn(target, options);
  return dialClient(target, withPolicy(options));
}

/**
 * As {@linkcode connectClientSession} by host, on the transport that wins the probes (behaviour spec §5.3). The hello says that
 * it is preferred.
 *
 * @throws NnrpProbeError if nothing was answered; as {@linkcode dialClient}.
 */
export function connectClientSessionWithProbe(
  target: string,
  options: DialOptions & { port?: number } = {},
): Promise<ClientSession> {
  return dialClient(target, { ...options, probe: options.probe || true });
}

/** As {@linkcode connectClientSession}, for applications that want the control path only. */
export async function connectClientControl(
  target: Carrier | string,
  options: DialOptions & ClientDialPolicy & { port?: number } = {},
): Promise<ClientControlSession> {
  return new ClientControlSession(await connectClientSession(target, options));
}

/** As {@linkcode connectClientSessionWithProbe}, for applications that want the control path only. */
export async function connectClientControlWithProbe(
  target: string,
  options: DialOptions & { port?: number } = {},
): Promise<ClientControlSession> {
  return new ClientControlSession(await connectClientSessionWithProbe(target, options));
}

function openOn(carrier: Carrier, options: SessionOptions & WaitOptions): Promise<ClientSession> {
  return ClientSession.open(carrier, { ...options, timeoutMs: options.timeoutMs ?? DIAL_TIMEOUT_MS });
}

function withPolicy(options: DialOptions & ClientDialPolicy): DialOptions {
  const { selectedTransportId, forcedTransportId } = options;
  if (!selectedTransportId && !forcedTransportId) return options;
  return { ...options, dialPolicy: options.dialPolicy ?? { selectedTransportId, forcedTransportId } };
}
