/**
 * A session as the control path sees it: the handshake's outcome, flow updates and moves (behaviour spec §14.1).
 *
 * @module
 */
import type { Carrier, FlowUpdateEvent, FlowUpdateFields, ServerHelloAckMetadata } from "@nnrp/core";
import type { CloseOptions } from "./closing.ts";
import type { MigrateOptions } from "./migration.ts";
import type { ClientSession, MigrationOutcome } from "./session.ts";
import type { WaitOptions } from "@nnrp/runtime";

/** Made by `connectClientControl()`. */
export class ClientControlSession {
  /** The whole session, for frames later on. */
  readonly session: ClientSession;

  /**
   * Wraps a session that is open.
   *
   * @param session The session.
   */
  constructor(session: ClientSession) {
    this.session = session;
  }

  /** TransportId in use. */
  get transportId(): number {
    return this.session.transport;
  }
  /** The carrier in use. */
  get connection(): Carrier {
    return this.session.raw.carrier;
  }
  /** The id of the session, u32. */
  get sessionId(): number {
    return this.session.sessionId;
  }
  /** What the server agreed to. */
  get ackMetadata(): ServerHelloAckMetadata {
    return this.session.helloAck;
  }
  /** See {@linkcode ClientSession.sendFlowUpdate}. */
  sendFlowUpdate(fields: FlowUpdateFields): void {
    this.session.sendFlowUpdate(fields);
  }
  /** See {@linkcode ClientSession.receiveFlowUpdate}. */
  receiveFlowUpdate(options?: WaitOptions): Promise<FlowUpdateEvent> {
    return this.session.receiveFlowUpdate(options);
  }
  /** See {@linkcode ClientSession.migrate}. */
  migrate(options?: MigrateOptions): Promise<MigrationOutcome> {
    return this.session.migrate(options);
  }
  /** See {@linkcode ClientSession.close}. */
  close(options?: CloseOptions): Promise<void> {
    return this.session.close(options);
  }
  /** Same as {@linkcode ClientControlSession.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
