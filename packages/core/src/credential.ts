/**
 * What proves who somebody is and may age: tokens, certificates, whom to trust. It is given once, or asked for whenever it is needed.
 *
 * @module
 */

/** For what a credential is asked. */
export interface CredentialRequest {
  /** Aborts when nobody waits for the answer any more: it was given, the time of the dial is over, or the session closes. */
  readonly signal: AbortSignal;
}

/**
 * Gives a credential, now or later; asked before each connection, or each hello, that needs it. What it throws or rejects with is the
 * `cause` of the {@linkcode NnrpCredentialError} that this one try ends with; what it gives is checked as a fixed value is.
 */
export type CredentialSource<T> = (request: CredentialRequest) => T | Promise<T>;

/** A credential that stays what it is, or where to ask for it. */
export type Credential<T> = T | CredentialSource<T>;
