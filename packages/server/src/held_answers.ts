/**
 * Answers that wait because their client has too much to take already: a client that does not read is not
 * served. They are accounted for, in order, and go out as the client takes what lies before them; those whose
 * frame ends otherwise are left out.
 *
 * @module
 */
import type { ReceivedSubmit, ResultFields } from "@nnrp/core";

/** An answer that waits. */
export interface HeldAnswer {
  /** What it answers. */
  readonly frame: ReceivedSubmit;
  /** Memory that it keeps, bytes. */
  readonly bytes: number;
  /** Its turn has come: writes it. Must not throw. */
  send(): void;
  /** Its frame ended otherwise: it is not sent. */
  left(): void;
}

/** The answers of one session that wait. */
export class HeldAnswers {
  /** Memory that they keep, bytes. */
  bytes = 0;

  readonly #line = new Set<HeldAnswer>();
  #sending = false;

  /** How many wait. */
  get size(): number {
    return this.#line.size;
  }

  /** Stands at the end of the line. */
  add(held: HeldAnswer): void {
    this.#line.add(held);
    this.bytes += held.bytes;
  }

  /** Sends from the front, as long as there is room. */
  sendWhile(hasRoom: () => boolean): void {
    if (this.#sending) return; // sending may cause another evaluation
    this.#sending = true;
    try {
      for (const held of this.#line) {
        if (!held.frame.settled && !hasRoom()) return;
        this.#take(held);
      }
    } finally {
      this.#sending = false;
    }
  }

  /** Releases those whose frame has ended. */
  sweep(): void {
    for (const held of this.#line) if (held.frame.settled) this.#take(held);
  }

  #take(held: HeldAnswer): void {
    this.#line.delete(held);
    this.bytes -= held.bytes;
    if (held.frame.settled) held.left();
    else held.send();
  }
}

/** Memory of payloads that a result keeps, bytes: it was not checked yet, so whatever has no length counts nothing. */
export function payloadBytesOf(result: ResultFields): number {
  let bytes = 0;
  const add = (payload: unknown) => {
    if (ArrayBuffer.isView(payload)) bytes += payload.byteLength;
  };
  const { typedPayloads, sections } = result ?? {};
  if (Array.isArray(typedPayloads)) { for (const typed of typedPayloads) add(typed?.payload); }
  if (Array.isArray(sections)) {
    for (const section of sections) {
      const tiles = section?.tilePayloads;
      if (Array.isArray(tiles)) { for (const tile of tiles) add(tile); }
    }
  }
  return bytes;
}
