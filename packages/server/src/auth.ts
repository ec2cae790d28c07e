/**
 * Authenticating clients: the request to the application's validator, and its verdict.
 *
 * @module
 */
import type { ClientHelloContext, PeerIdentity } from "@nnrp/core";
import type { ServerSession } from "./session.ts";

/** What `authValidator` judges. */
export interface AuthRequest {
  /** Bytes the client sent; empty if none. */
  readonly authBlock: Uint8Array;
  /** The client's address. */
  readonly remote: string;
  /** TransportId of the connection. */
  readonly transport: number;
  /** Who the client proved to be by a certificate; undefined without one. */
  readonly peerIdentity?: PeerIdentity;
  /** Requested model (extension 0xF003); undefined if none. */
  readonly model: string | undefined;
  /** The whole hello. */
  readonly hello: ClientHelloContext;
  /**
   * Undefined for a hello. Otherwise the session wants to move here, or to come back after a loss: `remote`, `transport` and
   * `peerIdentity` are those of the new connection, everything else is as in its hello. It moves only if the verdict names the
   * same principal. A validator of passwords that are good once must not take them again here, but say
   * `{ principal: move.session.principal }` if that client is still welcome and `move.withToken` is true.
   */
  readonly move?: MoveQuestion;
}

/** A session that wants to move, as `authValidator` sees it (behaviour spec §11). */
export interface MoveQuestion {
  /** The session, on the connection that it leaves or lost. */
  readonly session: ServerSession;
  /** Whether its token was shown. If not, the auth block of its hello was, or a certificate of the same holder. */
  readonly withToken: boolean;
}

/** The verdict on a client: true, or its principal, accepts it; false, or `refuse`, refuses it. */
export type AuthVerdict =
  | boolean
  | {
    /** Who it is, as handlers see it. */
    readonly principal: unknown;
  }
  | {
    /**
     * `"error"`: ERROR AUTH_FAILED; `"ack"`: SERVER_HELLO_ACK with auth_status 1; `"close"`: closes the
     * connection silently.
     */
    readonly refuse: "error" | "ack" | "close";
    /** Diagnostic text sent to the client. */
    readonly diagnostic?: string;
  };

/**
 * Judges a client during its handshake, and again when its session moves to another connection ({@linkcode AuthRequest.move}). The
 * signal aborts when the handshake's time is over or the client is gone. What it throws is a refusal.
 */
export type AuthValidator = (request: AuthRequest, signal: AbortSignal) => AuthVerdict | Promise<AuthVerdict>;
