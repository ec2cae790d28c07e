/**
 * Who may take a session to another connection (behaviour spec §11): the tokens of a session, and the judgement of a
 * SESSION_MIGRATE. Random numbers and connections are the host's.
 *
 * @module
 */
import type { SessionMigrateMetadata } from "../../wire/metadata/session_migrate.ts";

/** What SESSION_MIGRATE_ACK says; 0 = accepted, any other number is a refusal. */
export const MigrateAcceptCode = {
  /** The session goes on here. */
  ACCEPTED: 0,
  /** The server moves no sessions, or not this way. */
  POLICY: 1,
  /** No such session, or not this client's: which of the two is not told. */
  UNKNOWN_SESSION: 2,
  /** Without a token a session moves to the other transport only, and says truly which one it leaves. */
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
  /** Its trace id. */
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
   * Makes MigrationTokens.
   *
   * @param first 16 random bytes, told to the client in SERVER_HELLO_ACK.
   */
  constructor(first: Uint8Array) {
    this.#current = first;
  }

  /**
   * Whether a proof opens the session.
   *
   * @param proof What the client sent.
   * @param unheard Whether the last move may never have been heard of by the client: its path is gone and brought no packet. The
   *   token of that move is good once more then.
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
  /** Whether both paths come from one host: all that is known of a client without token and auth block. */
  readonly sameHost: boolean;
}

/** Rules the server adds. */
export interface MigrationRules {
  /** Whether sessions without a token may move. */
  readonly requireToken: boolean;
}

/**
 * Judges a SESSION_MIGRATE.
 *
 * @param request What came.
 * @param newTransport Transport it came on.
 * @param live The session it asks for; undefined = there is none.
 * @returns A MigrateAcceptCode.
 */
export function judgeMigration(
  request: MigrateRequest,
  newTransport: number,
  live: LivePath | undefined,
  rules: MigrationRules,
): number {
  if (live === undefined) return MigrateAcceptCode.UNKNOWN_SESSION;
  if (live.tokens !== null) {
    return live.tokens.accepts(request.proof, live.unheard)
      ? MigrateAcceptCode.ACCEPTED
      : MigrateAcceptCode.UNKNOWN_SESSION;
  }
  const authenticated = live.authBlock.length > 0 || live.sameHost;
  if (!authenticated || !sameSecret(live.authBlock, request.proof)) return MigrateAcceptCode.UNKNOWN_SESSION;
  if (rules.requireToken) return MigrateAcceptCode.POLICY;
  const { oldTransportId, newTransportId } = request.metadata;
  const moves = oldTransportId === live.transport && newTransportId === newTransport &&
    oldTransportId !== newTransportId;
  return moves ? MigrateAcceptCode.ACCEPTED : MigrateAcceptCode.WRONG_TRANSPORT;
}
