/**
 * Credentials that may expire: tokens, certificates, trust anchors. They are given once, or requested
 * whenever they are needed.
 *
 * @module
 */

/** What a credential source is called with. */
export interface CredentialRequest {
  /**
   * Aborts when the answer is not awaited any more: it was given, the dial timed out, or the session closes.
   */
  readonly signal: AbortSignal;
}

/**
 * Returns a credential, or a promise of one; called before each connection, or each hello, that needs it.
 * What it throws or rejects with is the `cause` of the {@linkcode NnrpCredentialError} that this one try ends
 * with; what it gives is checked as a fixed value is.
 */
export type CredentialSource<T> = (request: CredentialRequest) => T | Promise<T>;

/** A credential that stays what it is, or where to ask for it. */
export type Credential<T> = T | CredentialSource<T>;
