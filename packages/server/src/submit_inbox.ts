/**
 * Frames of a server whose application receives them itself, until it does.
 *
 * @module
 */
import type { NnrpError, ReceivedSubmit } from "@nnrp/core";
import type { WaitOptions } from "./session_types.ts";

interface Receiver {
  resolve(frame: ReceivedSubmit): void;
  reject(error: NnrpError): void;
  end(): void;
}

/** A first-in first-out list; bounded by the engine's limit of frames in flight. */
export class SubmitInbox {
  #frames: ReceivedSubmit[] = [];
  #receivers: Receiver[] = [];
  #ended: NnrpError | null = null;
  #drained = false;

  /** Frames waiting. */
  get size(): number {
    return this.#frames.length;
  }

  /** A frame came. */
  push(frame: ReceivedSubmit): void {
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) receiver.resolve(frame);
    else this.#frames.push(frame);
  }

  /** The frame was cancelled before anybody received it. */
  remove(frame: ReceivedSubmit): void {
    const at = this.#frames.indexOf(frame);
    if (at >= 0) this.#frames.splice(at, 1);
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
    this.#frames = [];
    const receivers = this.#receivers;
    this.#receivers = [];
    for (const receiver of receivers) receiver.reject(error);
  }

  /** The next frame, or null when none will come. */
  next(): Promise<ReceivedSubmit | null> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#drained) return Promise.resolve(null);
    return new Promise((resolve) =>
      this.#receivers.push({ resolve, reject: () => resolve(null), end: () => resolve(null) })
    );
  }

  /** The next frame within a time. */
  receive(options: WaitOptions, onTimeout: (ms: number) => NnrpError): Promise<ReceivedSubmit> {
    const frame = this.#frames.shift();
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
        const at = this.#receivers.indexOf(receiver);
        if (at >= 0) this.#receivers.splice(at, 1);
      };
      const receiver: Receiver = {
        resolve: (next) => {
          settle();
          resolve(next);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        end: () => {},
      };
      const onAbort = () => receiver.reject(signal!.reason);
      if (timeoutMs !== undefined && timeoutMs !== Infinity) {
        timer = setTimeout(() => receiver.reject(onTimeout(timeoutMs)), timeoutMs);
      }
      signal?.addEventListener("abort", onAbort);
      this.#receivers.push(receiver);
    });
  }

  #finish(): void {
    if (this.#frames.length > 0) return;
    for (const receiver of [...this.#receivers]) receiver.end();
  }
}
