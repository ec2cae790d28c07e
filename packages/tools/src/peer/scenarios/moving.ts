/**
 * Scenarios about two transports at once: probing them, and moving a session from one to the other.
 *
 * @module
 */
import {
  connectClientSessionWithProbe,
  NnrpProbeError,
  NnrpValueError,
  probeClientTransport,
} from "@nnrp/client";
import { enumName, TransportId } from "@nnrp/core";
import { check, refusal } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import { tensorRequest } from "../frames.ts";
import type { JsonLine } from "../json_lines.ts";
import { echoOne } from "./echo.ts";

/** The session moves to the other transport; smaller ids are refused here, greater ones answered there. */
export async function migrate(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial({ requestedSessionId: 910 });
  for (const frameId of [1, 2, 3]) await echoOne(env, session, frameId);
  const from = session.transport;
  const outcome = await session.migrate({
    ...env.both,
    selectedTransportId: otherThan(from),
    lastResultFrameId: 3,
  });
  const ack = outcome.ackMetadata!;
  check(outcome.accepted && ack.graceWindowMs > 0, "ack", ack);
  check(session.transport === otherThan(from) && session.sessionId === 910, "path", session.carrierName);
  const resume = outcome.resumeFromFrameId;
  check(resume >= 4, "resume_from_frame_id", resume);
  if (session.accepted.migrationToken === null) { // with a token ids are as free as before
    const error = await refusal(
      session.submit(tensorRequest(resume - 1)),
      "a frame below resume_from_frame_id",
    );
    check(error instanceof NnrpValueError, "expected a refusal before sending", String(error));
  }
  for (let frameId = resume; frameId < resume + 3; frameId++) await echoOne(env, session, frameId);
  return { resume, grace_ms: ack.graceWindowMs };
}

/** The server refuses; the session works on where it was. */
export async function migrateReject(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial({ requestedSessionId: 911 });
  await echoOne(env, session, 1);
  const outcome = await session.migrate({ ...env.both, selectedTransportId: otherThan(session.transport) });
  check(!outcome.accepted && outcome.status === "failed", "should be refused", outcome.ackMetadata);
  await echoOne(env, session, 2);
  return { accept_code: outcome.ackMetadata!.acceptCode };
}

/** Three scored probes of 32 KiB per transport, each on its own connection; then a session on the winner. */
export async function probe(env: ScenarioEnvironment): Promise<JsonLine> {
  const { host } = env.options;
  const selection = await probeClientTransport(host, { ...env.both, timeoutMs: env.timeoutMs });
  const { quicSummary, tcpSummary } = selection;
  check(quicSummary?.successCount === 3 && tcpSummary?.successCount === 3, "probe counts", [
    quicSummary?.successCount,
    tcpSummary?.successCount,
  ]);
  const session = await connectClientSessionWithProbe(host, {
    ...env.both,
    requestedSessionId: 12,
    timeoutMs: 2 * env.timeoutMs,
    keepAliveMs: 0,
  });
  env.closeAtEnd(session);
  await echoOne(env, session, 1);
  return {
    winner: enumName(TransportId, session.transport),
    quic_rtt_us: quicSummary!.medianRoundTripUs,
    tcp_rtt_us: tcpSummary!.medianRoundTripUs,
  };
}

/** Probes answered by ERROR: every sample fails, and the client says so instead of hanging. */
export async function probeFallback(env: ScenarioEnvironment): Promise<JsonLine> {
  const probing = probeClientTransport(env.options.host, { ...env.both, timeoutMs: 2000 });
  const error = await refusal(probing, "probes that all fail");
  check(error instanceof NnrpProbeError, "expected NnrpProbeError", String(error));
  return { error: error.message };
}

function otherThan(transport: number): number {
  return transport === TransportId.TCP ? TransportId.QUIC : TransportId.TCP;
}
