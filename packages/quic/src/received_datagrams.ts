/**
 * Datagrams for those who loop over them, from a source that can be polled but not cancelled.
 *
 * @module
 */
import { PullIterator } from "@nnrp/runtime";

const DONE: IteratorResult<never, void> = { value: undefined, done: true };

/** See the module. */
export class ReceivedDatagrams {
  readonly #read: () => Promise<Uint8Array | null>;
  #reading: Promise<Uint8Array | null> | null = null; // of a loop that waits, or that was left while it did

  /** @param read Waits for the next one; null, or a rejection, is the end. Not called again before that. */
  constructor(read: () => Promise<Uint8Array | null>) {
    this.#read = read;
  }

  /** What comes in. What comes for a loop that was left is for the next one. */
  iterate(): AsyncGenerator<Uint8Array, void, undefined> {
    let leave: (() => void) | null = null; // of the step that waits
    return new PullIterator<Uint8Array>({
      next: () =>
        new Promise((resolve) => {
          let isLeft = false;
          leave = () => {
            isLeft = true;
            resolve(DONE);
          };
          const step = () => {
            const reading = this.#reading ??= this.#read().catch(() => null);
            void reading.then((bytes) => {
              if (isLeft) return;
              if (bytes !== null && reading !== this.#reading) return step(); // another loop took it
              this.#reading = null;
              resolve(bytes === null ? DONE : { value: bytes, done: false });
            });
          };
          step();
        }),
      end: () => leave?.(),
    });
  }
}
