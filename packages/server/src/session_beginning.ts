/**
 * What the handshake hands to the session that comes out of it.
 *
 * @module
 */
import type { ClientHelloContext, PatchRefusal, PatchRequest, SessionPath } from "@nnrp/core";

/** What a session begins with, beside its connection. */
export interface SessionBeginning {
  /** Its first path, started. */
  readonly path: SessionPath;
  /** The client's hello. */
  readonly hello: ClientHelloContext;
  /** Model named in the handshake. */
  readonly modelName: string;
  /** What the validator gave. */
  readonly principal: unknown;
  /** First token for moves; undefined for clients that get none. */
  readonly token: Uint8Array | undefined;
  /** Asks the application about patches; null = everything goes. */
  readonly judgePatch: ((patch: PatchRequest) => PatchRefusal | undefined) | null;
}
