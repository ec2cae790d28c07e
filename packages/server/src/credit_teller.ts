/**
 * Tells a client that nothing is read from it now: credit 0, and its credit back when it goes on (behaviour spec §10, FLOW_UPDATE).
 * What the application said about credit is said again then.
 *
 * @module
 */
import {
  FlowUpdateFlags,
  type FlowUpdateMetadata,
  flowUpdateOf,
  FlowUpdateReason,
  FlowUpdateScopeKind,
} from "@nnrp/core";

/** What it speaks through. */
export interface CreditVoice {
  /** Whether something can be sent to the client. */
  readonly canSend: boolean;
  /** Sends a FLOW_UPDATE. */
  sendFlowUpdate(fields: FlowUpdateMetadata): void;
}

/** See the module. */
export class CreditTeller {
  /** The credit that the client was told in the handshake, frames. */
  readonly credit: number;

  readonly #voice: CreditVoice;
  #application: FlowUpdateMetadata | null = null;
  #told = false; // whether the last word was credit 0 of this side's own
  #spoke = false; // whether anything was ever told
  #mayBeLost = false; // whether the last word was on a connection that is gone

  /**
   * Makes a CreditTeller.
   *
   * @param voice What it speaks through.
   * @param credit The credit that the client was told in the handshake, frames.
   */
  constructor(voice: CreditVoice, credit: number) {
    this.#voice = voice;
    this.credit = Math.min(credit, 0xffff);
  }

  /** The application sent a FLOW_UPDATE. */
  note(update: FlowUpdateMetadata): void {
    if (update.scopeKind === FlowUpdateScopeKind.SESSION) this.#application = update;
  }

  /** The session left its connection: the client may never have heard what was said there last. */
  connectionChanged(): void {
    this.#mayBeLost = this.#spoke || this.#application !== null;
  }

  /** Nothing is read now. */
  takeBack(): void {
    if ((this.#told && !this.#mayBeLost) || !this.#voice.canSend) return;
    this.#told = this.#spoke = true;
    this.#mayBeLost = false;
    this.#voice.sendFlowUpdate(flowUpdateOf({ credit: 0, updateReason: FlowUpdateReason.REDUCE }));
  }

  /** The client is read again. */
  giveBack(): void {
    if ((!this.#told && !this.#mayBeLost) || !this.#voice.canSend) return;
    this.#told = this.#mayBeLost = false;
    const credit = flowUpdateOf({ credit: this.credit, updateReason: FlowUpdateReason.RESUME });
    const said = this.#application;
    if (said === null) this.#voice.sendFlowUpdate(credit);
    // Unordered: the epoch it had has been taken, and a 0 without one would be its last word.
    else if (said.flags & FlowUpdateFlags.CREDIT_VALID) {
      this.#voice.sendFlowUpdate({ ...said, creditEpoch: 0 });
    } else {
      const { sessionCredit, flags } = credit;
      this.#voice.sendFlowUpdate({ ...said, creditEpoch: 0, sessionCredit, flags: said.flags | flags });
    }
  }
}
