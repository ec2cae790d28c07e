/**
 * Frames of a server whose application receives them itself, until it does.
 *
 * @module
 */
import { Fifo, type NnrpError, type ReceivedSubmit } from "@nnrp/core";
import type { WaitOptions } from "./session_types.ts";

interface Receiver {
  /** Whether it waits no longer. */
  gone: boolean;
  resolve(frame: ReceivedSubmit): void;
  reject(error: NnrpError): void;
  /** Nothing will come; null = not to be told. */
  readonly end: (() => void) | null;
}

/** A first-in first-out list; bounded by the engine's limit of frames in flight. */
export class SubmitInbox {
  readonly #frames = new Fifo<ReceivedSubmit>((frame) => frame.place !== this);
  readonly #receivers = new Fifo<Receiver>((receiver) => receiver.gone);
  #ended: NnrpError | null = null;
  #drained = false;

  /** Frames waiting. */
  get size(): number {
    return this.#frames.size;
  }

  /** A frame came. */
  push(frame: ReceivedSubmit): void {
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) {
      receiver.gone = true;
      receiver.resolve(frame);
      return;
    }
    frame.place = this;
    this.#frames.push(frame);
  }

  /** The frame was cancelled before anybody received it. */
  remove(frame: ReceivedSubmit): void {
    if (frame.place !== this) return;
    frame.place = null;
    this.#frames.left();
  }

  /** The session drains: what came can still be received, nothing more will come. */
  drain(): void {
    this.#drained = true;
    this.#finish();
  }

  /** The session is over. */
  end(error: NnrpError): void {
    this.#ended = error;
    this.#drained = true;
    for (const frame of this.#frames.clear()) frame.place = null;
    for (const receiver of this.#receivers.clear()) {
      receiver.gone = true;
      receiver.reject(error);
    }
  }

  /** The next frame, or null when none will come. */
  next(): Promise<ReceivedSubmit | null> {
    const frame = this.#take();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#drained) return Promise.resolve(null);
    return new Promise((resolve) =>
      this.#receivers.push({
        gone: false,
        resolve,
        reject: () => resolve(null),
        end: () => resolve(null),
      })
    );
  }

  /** The next frame within a time. */
  receive(options: WaitOptions, onTimeout: (ms: number) => NnrpError): Promise<ReceivedSubmit> {
    const frame = this.#take();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const { timeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        if (receiver.gone) return;
        receiver.gone = true;
        this.#receivers.left();
      };
      const receiver: Receiver = {
        gone: false,
        resolve: (next) => {
          settle();
          resolve(next);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        end: null,
      };
      const onAbort = () => receiver.reject(signal!.reason);
      if (timeoutMs !== undefined && timeoutMs !== Infinity) {
        timer = setTimeout(() => receiver.reject(onTimeout(timeoutMs)), timeoutMs);
      }
      signal?.addEventListener("abort", onAbort);
      this.#receivers.push(receiver);
    });
  }

  #take(): ReceivedSubmit | undefined {
    const frame = this.#frames.shift();
    if (frame !== undefined) frame.place = null;
    return frame;
  }

  /** Nothing will come: those who may be told so are, the others wait for the end of the session. */
  #finish(): void {
    if (this.#frames.size > 0) return;
    for (const receiver of this.#receivers.clear()) {
      if (receiver.end === null) this.#receivers.push(receiver);
      else receiver.end();
    }
  }
}
