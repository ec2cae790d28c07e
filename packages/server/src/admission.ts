/**
 * Who let a session in, and whether its client may take it to another connection: the server's side of the rules in core's
 * `migration.ts` (behaviour spec §11).
 *
 * @module
 */
import {
  type ArrivalPath,
  judgeMigration,
  type LivePath,
  MigrateAcceptCode,
  type MigrateRequest,
  type MigrationJudgement,
  type PeerIdentity,
  type SecondVerdict,
} from "@nnrp/core";
import type { AuthRequest, AuthValidator, MigrationOptions } from "./options.ts";
import { namesSomebody, samePlainValue } from "./same_principal.ts";
import type { ServerSession } from "./session.ts";
import type { Judged } from "./verdict.ts";

/** How a session was let in; a new one whenever that changes. */
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

/** What the validator said when it was asked about a move. */
export interface MoveVerdict {
  /** How the session was let in at that time: what it was asked about. */
  readonly admission: Admission;
  /** What it said. */
  readonly judged: Judged;
}

/**
 * Judges a move as things are now.
 *
 * @param request The SESSION_MIGRATE.
 * @param shell The connection it came on.
 * @param session The session it asks for; undefined = there is none.
 * @param admission How that session was let in.
 * @param verdict What the validator said; null = it was not asked.
 */
export function judgeMove(
  request: MigrateRequest,
  shell: ServerSession,
  session: ServerSession | undefined,
  admission: Admission | undefined,
  verdict: MoveVerdict | null,
  options: MigrationOptions,
): MigrationJudgement & {
  /** What the application's `samePrincipal` threw. */
  readonly error?: unknown;
} {
  const { requireToken = false, allowWithoutToken = false } = options;
  if (session === undefined || admission === undefined || !isMovable(session)) {
    return judgeMigration(request, arrivalOf(shell, undefined), undefined, {
      requireToken,
      allowWithoutToken,
    });
  }
  const live: LivePath = {
    transport: session.transport,
    tokens: session.tokens,
    authBlock: session.hello.authBlock,
    unheard: session.unheard,
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
      second = compare(admission, verdict.judged, options.samePrincipal ?? samePlainValue);
    } catch (error) {
      const why = "migration.samePrincipal failed";
      return { verdict: "refused", code: MigrateAcceptCode.UNKNOWN_SESSION, why, error };
    }
  }
  const rules = { requireToken, allowWithoutToken };
  return judgeMigration(request, arrivalOf(shell, session), live, rules, second);
}

function compare(
  { principal }: Admission,
  judged: Judged,
  samePrincipal: (before: unknown, now: unknown) => boolean,
): SecondVerdict {
  if (!judged.accepted) return { accepted: false, samePrincipal: false };
  const before = namesSomebody(principal);
  const now = namesSomebody(judged.principal);
  // Only what clearly says so counts, as with verdicts: a forgotten `return` opens no door.
  const same = before && now ? samePrincipal(principal, judged.principal) === true : before === now;
  return { accepted: true, samePrincipal: same };
}

function isMovable({ state }: ServerSession): boolean {
  return state === "active" || state === "suspended";
}

function arrivalOf(shell: ServerSession, session: ServerSession | undefined): ArrivalPath {
  const { transport, peerIdentity, remote } = shell;
  return {
    transport,
    peerIdentity,
    sameHost: session !== undefined && hostOf(session.remote) === hostOf(remote),
  };
}

/** What the validator is asked about a move: the hello as it was, the connection as it is. */
export function moveRequest(
  admission: Admission,
  shell: ServerSession,
  session: ServerSession,
): AuthRequest {
  const withToken = session.tokens !== null;
  return { ...admission.request, ...connectionOf(shell), move: { session, withToken } };
}

/** How a session is let in after its move to this connection. */
export function movedAdmission(admission: Admission, path: ServerSession): Admission {
  const connection = connectionOf(path);
  return {
    ...admission,
    request: { ...admission.request, ...connection },
    // Who began without a certificate needs none later, though it showed one in between.
    peerIdentity: admission.peerIdentity === undefined ? undefined : connection.peerIdentity,
  };
}

function connectionOf({ remote, transport, peerIdentity }: ServerSession) {
  return { remote, transport, peerIdentity };
}

/** An address without its port. */
function hostOf(remote: string): string {
  const colon = remote.lastIndexOf(":");
  return colon >= 0 && /^\d+$/.test(remote.slice(colon + 1)) ? remote.slice(0, colon) : remote;
}
