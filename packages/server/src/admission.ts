/**
 * How a session was admitted, and whether its client may take it to another connection: the server's side of
 * the rules in core's `migration.ts` (behaviour spec §11).
 *
 * @module
 */
import {
  type ArrivalPath,
  type Carrier,
  catchLater,
  judgeMigration,
  type LivePath,
  MigrateAcceptCode,
  type MigrateRequest,
  type MigrationJudgement,
  NnrpValueError,
  type PeerIdentity,
  type SecondVerdict,
} from "@nnrp/core";
import { shownValue } from "./answer_check.ts";
import type { AuthRequest, AuthValidator } from "./auth.ts";
import type { MigrationOptions } from "./options.ts";
import { namesSomebody, samePlainValue } from "./same_principal.ts";
import type { ServerSession } from "./session.ts";
import type { SessionCore } from "./session_core.ts";
import type { Judged } from "./verdict.ts";

/** How a session was admitted; a new object whenever that changes. */
export interface Admission {
  /** Who judged it; undefined = nobody. */
  readonly validator: AuthValidator | undefined;
  /** What was judged, on the connection that the session has now. */
  readonly request: AuthRequest;
  /** The principal that the validator named. */
  readonly principal: unknown;
  /** Certificate its client began with, as renewed by moves; undefined if it began without. */
  readonly peerIdentity: PeerIdentity | undefined;
}

/** The validator's verdict on a move. */
export interface MoveVerdict {
  /** How the session was admitted at that time: what the validator judged. */
  readonly admission: Admission;
  /** Its verdict. */
  readonly judged: Judged;
}

/**
 * Judges a move as things are now.
 *
 * @param request The SESSION_MIGRATE.
 * @param arrival The connection it came on.
 * @param asked The session it asks for, and how that was admitted; undefined = there is none.
 * @param verdict What the validator said; null = it was not asked.
 * @param options The rules.
 */
export function judgeMove(
  request: MigrateRequest,
  arrival: Carrier,
  asked: { readonly core: SessionCore; readonly admission: Admission } | undefined,
  verdict: MoveVerdict | null,
  options: MigrationOptions,
): MigrationJudgement & {
  /** What the application's `samePrincipal` threw. */
  readonly error?: unknown;
} {
  const { requireToken = false, allowWithoutToken = false, samePrincipal = samePlainValue } = options;
  const rules = { requireToken, allowWithoutToken };
  if (asked === undefined || !isMovable(asked.core)) {
    return judgeMigration(request, arrivalOf(arrival, undefined), undefined, rules);
  }
  const { core, admission } = asked;
  const live: LivePath = {
    transport: core.carrier.transport,
    tokens: core.tokens,
    authBlock: core.hello.authBlock,
    unheard: core.paths.unheard,
    peerIdentity: admission.peerIdentity,
    admittedAs: admission.validator === undefined
      ? "none"
      : namesSomebody(admission.principal)
      ? "somebody"
      : "nobody",
  };
  let second: SecondVerdict | undefined;
  // A verdict on an admission that was replaced meanwhile is no verdict: the validator is asked anew.
  if (verdict !== null && verdict.admission === admission) {
    try {
      second = compare(admission, verdict.judged, samePrincipal);
    } catch (error) {
      const why = "migration.samePrincipal failed";
      return { verdict: "refused", code: MigrateAcceptCode.UNKNOWN_SESSION, why, error };
    }
  }
  return judgeMigration(request, arrivalOf(arrival, core.carrier), live, rules, second);
}

function compare(
  { principal }: Admission,
  judged: Judged,
  samePrincipal: (before: unknown, now: unknown) => boolean,
): SecondVerdict {
  if (!judged.accepted) return { accepted: false, samePrincipal: false };
  const before = namesSomebody(principal);
  const now = namesSomebody(judged.principal);
  // Only a clear yes counts, as with verdicts: a forgotten `return` opens no door.
  const same = before && now ? isSame(samePrincipal(principal, judged.principal)) : before === now;
  return { accepted: true, samePrincipal: same };
}

function isMovable({ state }: SessionCore): boolean {
  return state === "active" || state === "suspended";
}

function arrivalOf({ transport, peerIdentity, remote }: Carrier, now: Carrier | undefined): ArrivalPath {
  return { transport, peerIdentity, sameHost: now !== undefined && hostOf(now.remote) === hostOf(remote) };
}

/** What the validator is asked about a move: the hello as it was, the connection as it is. */
export function moveRequest(
  { request }: Admission,
  arrival: Carrier,
  session: ServerSession,
  withToken: boolean,
): AuthRequest {
  return { ...request, ...connectionOf(arrival), move: { session, withToken } };
}

/** The admission of a session after its move to this connection. */
export function movedAdmission(admission: Admission, arrival: Carrier): Admission {
  const connection = connectionOf(arrival);
  return {
    ...admission,
    request: { ...admission.request, ...connection },
    // Who began without a certificate needs none later, though it showed one in between.
    peerIdentity: admission.peerIdentity === undefined ? undefined : connection.peerIdentity,
  };
}

function connectionOf({ remote, transport, peerIdentity }: Carrier) {
  return { remote, transport, peerIdentity };
}

/** An address without its port. */
function hostOf(remote: string): string {
  const colon = remote.lastIndexOf(":");
  return colon >= 0 && /^\d+$/.test(remote.slice(colon + 1)) ? remote.slice(0, colon) : remote;
}

/**
 * What `samePrincipal` says: a promise or anything else that is no verdict moves no session, and the log
 * reports why.
 */
function isSame(verdict: unknown): boolean {
  if (typeof verdict === "boolean") return verdict;
  catchLater(verdict, () => {});
  throw new NnrpValueError("is no verdict: no session moves by it", {
    field: "migration.samePrincipal()",
    expected: "true or false",
    actual: shownValue(verdict),
  });
}
