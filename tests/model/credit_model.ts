/**
 * What FLOW_UPDATEs mean, written a second time from behaviour spec §10 ("Flow rules") and nothing else, to be compared with
 * the engine's answer.
 *
 * @module
 */
import {
  FlowUpdateBackpressureLevel,
  FlowUpdateFlags,
  type FlowUpdateMetadata,
  FlowUpdateReason,
  FlowUpdateScopeKind,
} from "@nnrp/core";

interface Scope {
  epoch: number;
  credit: number;
  lastNonzero: number;
  zeroEndsMs: number;
  pausedUntilMs: number | null;
}

const fresh = (): Scope => ({
  epoch: 0,
  credit: Infinity,
  lastNonzero: Infinity,
  zeroEndsMs: Infinity,
  pausedUntilMs: null,
});

/** Both scopes of one connection. */
export class CreditModel {
  readonly #scopes: Record<number, Scope> = {
    [FlowUpdateScopeKind.CONNECTION]: fresh(),
    [FlowUpdateScopeKind.SESSION]: fresh(),
  };

  /** Takes an update; whether it changes anything. */
  apply(update: FlowUpdateMetadata, nowMs: number): boolean {
    const scope = this.#scopes[update.scopeKind];
    if (scope === undefined) return false;
    this.#pass(nowMs);
    if (update.creditEpoch !== 0) {
      const ahead = (update.creditEpoch - scope.epoch) >>> 0;
      if (scope.epoch !== 0 && (ahead === 0 || ahead >= 0x80000000)) return false;
      scope.epoch = update.creditEpoch;
    }
    const retryEndsMs = update.flags & FlowUpdateFlags.RETRY_AFTER_VALID
      ? nowMs + update.retryAfterMs
      : Infinity;
    if (update.flags & FlowUpdateFlags.CREDIT_VALID) {
      scope.credit = update.scopeKind === FlowUpdateScopeKind.CONNECTION
        ? update.connectionCredit
        : update.sessionCredit;
      scope.zeroEndsMs = Infinity;
      if (scope.credit > 0) scope.lastNonzero = scope.credit;
    } else if (update.updateReason === FlowUpdateReason.RESUME && scope.credit === 0) {
      scope.credit = scope.lastNonzero;
    }
    if (scope.credit === 0 && retryEndsMs !== Infinity) scope.zeroEndsMs = retryEndsMs;
    const pauses = update.updateReason === FlowUpdateReason.PAUSE ||
      update.backpressureLevel === FlowUpdateBackpressureLevel.HARD ||
      (update.flags & FlowUpdateFlags.DRAIN_IN_FLIGHT_ONLY) !== 0;
    scope.pausedUntilMs = pauses ? retryEndsMs : null;
    return true;
  }

  /** How many frames may be in flight now. */
  allowed(nowMs: number): number {
    this.#pass(nowMs);
    const scopes = Object.values(this.#scopes);
    return scopes.some((s) => s.pausedUntilMs !== null) ? 0 : Math.min(...scopes.map((s) => s.credit));
  }

  #pass(nowMs: number): void {
    for (const scope of Object.values(this.#scopes)) {
      if (scope.pausedUntilMs !== null && nowMs >= scope.pausedUntilMs) scope.pausedUntilMs = null;
      if (nowMs >= scope.zeroEndsMs) {
        scope.credit = scope.lastNonzero;
        scope.zeroEndsMs = Infinity;
      }
    }
  }
}
