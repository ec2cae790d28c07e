/**
 * Applies backpressure: credit 0 while nothing is read from a client, and its credit again when reading
 * resumes (behaviour spec §10, FLOW_UPDATE). Credit that the application set is sent again then.
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

/** What it sends through. */
export interface CreditVoice {
  /** Whether something can be sent to the client. */
  readonly canSend: boolean;
  /** Sends a FLOW_UPDATE. */
  sendFlowUpdate(fields: FlowUpdateMetadata): void;
}

/** See the module. */
export class CreditTeller {
  /** Credit granted in the handshake, frames in flight. */
  readonly credit: number;

  readonly #voice: CreditVoice;
  #application: FlowUpdateMetadata | null = null;
  #told = false; // whether the last update was this side's own credit 0
  #spoke = false; // whether any update was ever sent
  #mayBeLost = false; // whether the last update was sent on a connection that is gone

  /**
   * @param voice What it sends through.
   * @param credit Credit granted in the handshake, frames in flight.
   */
  constructor(voice: CreditVoice, credit: number) {
    this.#voice = voice;
    this.credit = Math.min(credit, 0xffff);
  }

  /** The application sent a FLOW_UPDATE. */
  note(update: FlowUpdateMetadata): void {
    if (update.scopeKind === FlowUpdateScopeKind.SESSION) this.#application = update;
  }

  /** The session left its connection: the client may never have received what was sent there last. */
  connectionChanged(): void {
    this.#mayBeLost = this.#spoke || this.#application !== null;
  }

  /** Reading is paused: sends credit 0. */
  takeBack(): void {
    if ((this.#told && !this.#mayBeLost) || !this.#voice.canSend) return;
    this.#told = this.#spoke = true;
    this.#mayBeLost = false;
    this.#voice.sendFlowUpdate(flowUpdateOf({ credit: 0, updateReason: FlowUpdateReason.REDUCE }));
  }

  /** Reading resumed: sends the credit again. */
  giveBack(): void {
    if ((!this.#told && !this.#mayBeLost) || !this.#voice.canSend) return;
    this.#told = this.#mayBeLost = false;
    const credit = flowUpdateOf({ credit: this.credit, updateReason: FlowUpdateReason.RESUME });
    const said = this.#application;
    if (said === null) this.#voice.sendFlowUpdate(credit);
    // Unordered: its epoch is used up, and a 0 without one would stay in force.
    else if (said.flags & FlowUpdateFlags.CREDIT_VALID) {
      this.#voice.sendFlowUpdate({ ...said, creditEpoch: 0 });
    } else {
      const { sessionCredit, flags } = credit;
      this.#voice.sendFlowUpdate({ ...said, creditEpoch: 0, sessionCredit, flags: said.flags | flags });
    }
  }
}
