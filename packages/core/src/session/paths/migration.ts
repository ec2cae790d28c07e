/**
 * Who may take a session to another connection (behaviour spec §11): the tokens of a session, and the judgement of a
 * SESSION_MIGRATE. Random numbers and connections are the host's.
 *
 * @module
 */
import type { PeerIdentity } from "../../carrier.ts";
import type { SessionMigrateMetadata } from "../../wire/metadata/session_migrate.ts";

/** What SESSION_MIGRATE_ACK says; 0 = accepted, any other number is a refusal. */
export const MigrateAcceptCode = {
  /** The session goes on here. */
  ACCEPTED: 0,
  /** The server moves no sessions, or not this way. */
  POLICY: 1,
  /** No such session, or not this client's: the answer does not distinguish the two. */
  UNKNOWN_SESSION: 2,
  /** Without a token a session moves to the other transport only, and names the one it leaves truthfully. */
  WRONG_TRANSPORT: 3,
} as const;

/** A SESSION_MIGRATE as it came. */
export interface MigrateRequest {
  /** Its metadata. */
  readonly metadata: SessionMigrateMetadata;
  /** Session it asks for. */
  readonly sessionId: number;
  /** Its body: the token, or the auth block; a copy. */
  readonly proof: Uint8Array;
  /** Trace id of the packet, u64. */
  readonly traceId: bigint;
}

/** Whether two byte strings are equal, in a time that tells nothing about where they differ. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ (b[i % Math.max(1, b.length)] ?? 0);
  return difference === 0;
}

/** The tokens of one session: each is good for one move. */
export class MigrationTokens {
  #current: Uint8Array;
  #previous: Uint8Array | null = null;

  /**
   * Begins with the token of the handshake.
   *
   * @param first 16 random bytes, sent to the client in SERVER_HELLO_ACK.
   */
  constructor(first: Uint8Array) {
    this.#current = first;
  }

  /**
   * Whether a proof opens the session.
   *
   * @param proof What the client sent.
   * @param unheard Whether the client may never have learned of the last move: its path is gone and brought
   *   no packet. The token of that move is good once more then.
   */
  accepts(proof: Uint8Array, unheard: boolean): boolean {
    const current = sameSecret(this.#current, proof);
    const previous = this.#previous !== null && sameSecret(this.#previous, proof);
    return current || (previous && unheard);
  }

  /**
   * The session moved: the next token.
   *
   * @param next 16 random bytes.
   * @param shown The token that opened the way: the newest one the client surely knows. Default: the current one.
   */
  rotate(next: Uint8Array, shown: Uint8Array = this.#current): void {
    this.#previous = shown;
    this.#current = next;
  }
}

/** What is known of the session that a SESSION_MIGRATE asks for. */
export interface LivePath {
  /** Transport it is on. */
  readonly transport: number;
  /** Its tokens; null if its client asked for none. */
  readonly tokens: MigrationTokens | null;
  /** Auth block of its hello. */
  readonly authBlock: Uint8Array;
  /** See {@linkcode MigrationTokens.accepts}. */
  readonly unheard: boolean;
  /** Certificate its client began with, as renewed by later moves; undefined = none. */
  readonly peerIdentity: PeerIdentity | undefined;
  /** What a validator said when it let the client in: `"none"` = there was none, `"nobody"` = it named no principal. */
  readonly admittedAs: "none" | "nobody" | "somebody";
}

/** What is known of the connection that the session is to move to. */
export interface ArrivalPath {
  /** Its transport. */
  readonly transport: number;
  /** Certificate shown on it; undefined = none. */
  readonly peerIdentity: PeerIdentity | undefined;
  /** Whether it comes from the host that the session is with: all that is known of a client that shows nothing. */
  readonly sameHost: boolean;
}

/** Rules the server adds. */
export interface MigrationRules {
  /** Whether only sessions with a token may move. */
  readonly requireToken: boolean;
  /** Whether a session without token moves although no validator names its client: the auth block or the host must do. */
  readonly allowWithoutToken: boolean;
}

/** What the validator said when it was asked about the new connection. */
export interface SecondVerdict {
  /** Whether it lets the client in. */
  readonly accepted: boolean;
  /** Whether it names the principal that the session has. */
  readonly samePrincipal: boolean;
}

/** What becomes of a SESSION_MIGRATE. */
export type MigrationJudgement =
  | {
    /** `"moves"`: it is accepted; `"ask"`: it is, if the validator still agrees: ask it and judge again. */
    readonly verdict: "moves" | "ask";
  }
  | {
    /** It is not accepted. */
    readonly verdict: "refused";
    /** MigrateAcceptCode sent to the peer. */
    readonly code: number;
    /** Explanation for the log only. */
    readonly why: string;
  };

const MOVES: MigrationJudgement = { verdict: "moves" };
const ASK: MigrationJudgement = { verdict: "ask" };

/** A peer that proved nothing gets the same answer, whether there is such a session or not. */
function unknown(why: string): MigrationJudgement {
  return { verdict: "refused", code: MigrateAcceptCode.UNKNOWN_SESSION, why };
}

/**
 * Whether two certificates name the same holder: same subject, issuer and alternative names, as a renewed one has. Certificates
 * that name nobody are the same only if they are one.
 */
export function sameHolder(a: PeerIdentity, b: PeerIdentity): boolean {
  if (a.fingerprint256 === b.fingerprint256) return true;
  if (a.subject === "" && (a.altNames ?? "") === "") return false;
  return a.subject === b.subject && a.issuer === b.issuer && a.altNames === b.altNames;
}

/**
 * Judges a SESSION_MIGRATE. Call it again with what is known then whenever time has passed: while a validator thought, the session
 * may have ended, moved elsewhere, or lost its connection.
 *
 * @param request What came.
 * @param arrival The connection it came on.
 * @param live The session it asks for; undefined = there is none.
 * @param rules What the server adds.
 * @param second What the validator says of the new connection; undefined = it was not asked.
 */
export function judgeMigration(
  request: MigrateRequest,
  arrival: ArrivalPath,
  live: LivePath | undefined,
  rules: MigrationRules,
  second?: SecondVerdict,
): MigrationJudgement {
  if (live === undefined) return unknown("there is no such session");
  const had = live.peerIdentity;
  const has = arrival.peerIdentity;
  const sameCertificate = had !== undefined && has !== undefined && sameHolder(had, has);
  if (live.tokens !== null) {
    if (!live.tokens.accepts(request.proof, live.unheard)) return unknown("its token was not shown");
  } else {
    if (!sameSecret(live.authBlock, request.proof)) {
      return unknown("it has no token, and the auth block of its hello was not shown");
    }
    const shown = live.authBlock.length > 0 || sameCertificate;
    if (!shown || live.admittedAs !== "somebody") {
      if (!rules.allowWithoutToken) {
        return unknown(
          shown
            ? "it has no token, and no auth validator names its client; migration.allowWithoutToken would allow it"
            : "it has no token, and nothing was shown instead; migration.allowWithoutToken would allow it",
        );
      }
      if (!shown && !arrival.sameHost) return unknown("it has no token, and its client is another host");
    }
  }
  if (had !== undefined && has === undefined) {
    return unknown("its client proved who it is by a certificate, and none was shown here");
  }
  if (live.admittedAs !== "none") {
    if (second === undefined) return ASK;
    if (!second.accepted) return unknown("the auth validator does not let its client in any more");
    if (!second.samePrincipal) return unknown("the auth validator names another principal");
  }
  if (had !== undefined && live.admittedAs !== "somebody" && !sameCertificate) {
    return unknown(
      "the certificate is another holder's, and no auth validator says that it is the same client",
    );
  }
  return live.tokens !== null ? MOVES : judgeTransports(request, arrival, live, rules);
}

/** Without a token a session changes its transport, and its client names it truthfully. */
function judgeTransports(
  request: MigrateRequest,
  arrival: ArrivalPath,
  live: LivePath,
  rules: MigrationRules,
): MigrationJudgement {
  if (rules.requireToken) {
    return { verdict: "refused", code: MigrateAcceptCode.POLICY, why: "it has no token" };
  }
  const { oldTransportId, newTransportId } = request.metadata;
  const moves = oldTransportId === live.transport && newTransportId === arrival.transport &&
    oldTransportId !== newTransportId;
  return moves ? MOVES : {
    verdict: "refused",
    code: MigrateAcceptCode.WRONG_TRANSPORT,
    why: "without a token a session moves to the other transport only",
  };
}
