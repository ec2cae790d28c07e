/**
 * Which check belongs to which feature on which layer: L0 fixed bytes there and back, L1 rules of one message, L3 a live
 * session.
 *
 * @module
 */
import type { Check } from "./check.ts";
import { goldenPrelude, preludeRules } from "./checks/body_regions.ts";
import { cacheLifecycle, fixedCacheMessages } from "./checks/cache.ts";
import { clientHelloRules, goldenClientHello } from "./checks/client_hello.ts";
import { flowUpdateRules, goldenFlowUpdate } from "./checks/flow_update.ts";
import { goldenFrameSubmit, mixedSubmitRules } from "./checks/frame_submit.ts";
import { fixedHeader, headerRules } from "./checks/header.ts";
import { probedSession, quicSession, tcpSession } from "./checks/live_session.ts";
import { goldenReference, referenceRules } from "./checks/object_reference.ts";
import { goldenResultHint, resultHintRules } from "./checks/result_hint.ts";
import { degradedRules, goldenResult, partialRules, staleReuseRules } from "./checks/results.ts";
import { goldenSessionPatchAck, sessionPatchAckRules } from "./checks/session_patch_ack.ts";
import { fixedTensor, tensorRules } from "./checks/tensor.ts";
import { fixedProbe, probeRules } from "./checks/transport_probe.ts";
import { goldenTypedPayloads, typedPayloadRules } from "./checks/typed_payloads.ts";

/** Checks of one feature by layer. */
export type FeatureChecks = Readonly<Record<string, Check>>;

/** All features of the baseline. */
export const FEATURES: Readonly<Record<string, FeatureChecks>> = {
  "header.fixed_shape": { L0: fixedHeader, L1: headerRules },
  "control.client_hello": { L0: goldenClientHello, L1: clientHelloRules },
  "control.session_patch_ack": { L0: goldenSessionPatchAck, L1: sessionPatchAckRules },
  "flow_update": { L0: goldenFlowUpdate, L1: flowUpdateRules },
  "result_hint": { L0: goldenResultHint, L1: resultHintRules },
  "frame_submit.mixed": { L0: goldenFrameSubmit, L1: mixedSubmitRules },
  "payload.tensor": { L0: fixedTensor, L1: tensorRules },
  "payload.typed": { L0: goldenTypedPayloads, L1: typedPayloadRules },
  "body_region.prelude": { L0: goldenPrelude, L1: preludeRules },
  "object_reference.cache": { L0: goldenReference, L1: referenceRules },
  "cache.lifecycle": { L0: fixedCacheMessages, L1: cacheLifecycle },
  "result_push.partial": { L0: goldenResult, L1: partialRules },
  "result_push.stale_reuse": { L0: goldenResult, L1: staleReuseRules },
  "result_push.degraded": { L0: goldenResult, L1: degradedRules },
  "transport.probe": { L0: fixedProbe, L1: probeRules, L3: probedSession },
  "transport.tcp": { L3: tcpSession },
  "transport.quic": { L3: quicSession },
};

/**
 * Checks for a case. A feature may be named by its first words alone, `"result_push"`: then all its parts are checked.
 *
 * @returns Empty if nothing is known of it.
 */
export function checksFor(layer: string, feature: string): readonly Check[] {
  const named = Object.hasOwn(FEATURES, feature)
    ? [FEATURES[feature]]
    : Object.entries(FEATURES).filter(([name]) => name.startsWith(`${feature}.`)).map(([, checks]) => checks);
  return [...new Set(named.flatMap((checks) => Object.hasOwn(checks, layer) ? [checks[layer]] : []))];
}
