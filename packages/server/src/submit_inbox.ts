/**
 * Frames of a server whose application receives them itself, until it does.
 *
 * @module
 */
import { Fifo, type Host, type NnrpError, NnrpTimeoutError, type ReceivedSubmit } from "@nnrp/core";
import { PullIterator, waitFor, type WaitOptions } from "@nnrp/runtime";
import type { FrameTaker } from "./frame_taker.ts";

const DONE: IteratorResult<never, void> = { value: undefined, done: true };

/** Who waits for a frame. */
interface Receiver {
  /** A frame came. */
  resolve(frame: ReceivedSubmit): void;
  /** The session is over. */
  reject(error: NnrpError): void;
  /** The session drains; null = it waits on, until the session is over. */
  readonly drained: (() => void) | null;
}

/** A first-in first-out list; bounded by the engine's limit of frames in flight. */
export class SubmitInbox implements FrameTaker {
  /** The application sees for itself what waits. */

  readonly #host: Host;
  readonly #frames = new Fifo<ReceivedSubmit>((frame) => frame.place !== this);
  readonly #receivers = new Set<Receiver>(); // in the order in which they came
  #ended: NnrpError | null = null;
  #drained = false;

  /** @param host Provides the timers. */
  constructor(host: Host) {
    this.#host = host;
  }

  /** Frames waiting. */
  get size(): number {
    return this.#frames.size;
  }

  /** See FrameTaker. */
  take(frame: ReceivedSubmit): void {
    for (const receiver of this.#receivers) {
      this.#receivers.delete(receiver);
      receiver.resolve(frame);
      return;
    }
    frame.place = this;
    this.#frames.push(frame);
  }

  /** See FrameTaker. */
  forget(frame: ReceivedSubmit): void {
    if (frame.place !== this) return;
    frame.place = null;
    this.#frames.left();
  }

  /** See FrameTaker: the application starts what it likes. */
  wake(): void {}

  /** See FrameTaker: what came can still be received, nothing more will come. */
  drain(): void {
    this.#drained = true;
    if (this.#frames.size > 0) return;
    for (const receiver of this.#receivers) {
      if (receiver.drained === null) continue;
      this.#receivers.delete(receiver);
      receiver.drained();
    }
  }

  /** See FrameTaker. */
  end(error: NnrpError): void {
    this.#ended = error;
    this.#drained = true;
    for (const frame of this.#frames.clear()) frame.place = null;
    for (const receiver of this.#receivers) receiver.reject(error);
    this.#receivers.clear();
  }

  /** All frames as they come, until none will come any more. */
  iterate(): AsyncGenerator<ReceivedSubmit, void, undefined> {
    let leave: (() => void) | null = null; // of the step that waits
    return new PullIterator<ReceivedSubmit>({
      next: () => {
        const value = this.#next();
        if (value !== undefined) return Promise.resolve({ value, done: false });
        if (this.#drained) return Promise.resolve(DONE);
        return new Promise((resolve) => {
          const end = () => resolve(DONE);
          const take = (frame: ReceivedSubmit) => resolve({ value: frame, done: false });
          const receiver: Receiver = { resolve: take, reject: end, drained: end };
          this.#receivers.add(receiver);
          leave = () => {
            if (this.#receivers.delete(receiver)) end();
          };
        });
      },
      end: () => leave?.(),
    });
  }

  /**
   * The next frame within a time.
   *
   * @throws NnrpTimeoutError, the signal's reason, or what ended the session.
   */
  receive(options: WaitOptions): Promise<ReceivedSubmit> {
    const frame = this.#next();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const onTimeout = (ms: number) => new NnrpTimeoutError("the next frame", ms);
    return waitFor<ReceivedSubmit>(this.#host, options, onTimeout, (resolve, reject) => {
      const receiver: Receiver = { resolve, reject, drained: null };
      this.#receivers.add(receiver);
      return () => void this.#receivers.delete(receiver);
    });
  }

  #next(): ReceivedSubmit | undefined {
    const frame = this.#frames.shift();
    if (frame !== undefined) frame.place = null;
    return frame;
  }
}
