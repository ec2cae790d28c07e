/**
 * How many frames without progress a peer may send: pings, pongs, empty and tiny pieces. A burst is free,
 * then a steady rate; payload pays for more, in proportion, so that what a frame costs here is never out of
 * proportion to what it brings. Nothing sets a count back to zero: a byte between two pings buys a thousandth
 * of a ping.
 *
 * @module
 */
import { ControlRate } from "@nnrp/core";
import { CloseCode } from "./close_code.ts";
import { FrameViolation } from "./frame_header.ts";

/** Burst of frames without progress, for each of the two kinds. */
export const IDLE_FRAMES = 1000;
/** The same per second in the long run: a ping every 30 ms. */
export const IDLE_FRAMES_PER_SECOND = 33;
/** Payload that pays for one more ping or pong, bytes. */
export const BYTES_PER_CONTROL_FRAME = 1024;
/** Payload that pays for the data frame it comes in, bytes: what a peer that writes small pieces brings on average. */
export const BYTES_PER_DATA_FRAME = 16;

/** The budgets of one peer; full at first. */
export class FrameBudget {
  readonly #control = new ControlRate({ burst: IDLE_FRAMES, perSecond: IDLE_FRAMES_PER_SECOND });
  readonly #data = new ControlRate({ burst: IDLE_FRAMES, perSecond: IDLE_FRAMES_PER_SECOND });
  readonly #clock: () => number;

  /** @param clock Milliseconds of a monotonic clock; read for frames without progress only. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** A ping or pong came. @throws FrameViolation if there were too many. */
  control(): void {
    if (!this.#control.spend(this.#clock())) throw tooMany("pings and pongs");
  }

  /** A data frame, or a message where frames cannot be seen, of `bytes` payload came. @throws FrameViolation as above. */
  data(bytes: number): void {
    const gain = bytes / BYTES_PER_DATA_FRAME - 1;
    if (gain < 0) {
      if (!this.#data.spend(this.#clock(), -gain)) throw tooMany("empty and tiny frames");
      return;
    }
    this.#data.earn(gain);
    this.#control.earn(bytes / BYTES_PER_CONTROL_FRAME);
  }
}

function tooMany(what: string): FrameViolation {
  return new FrameViolation(
    CloseCode.POLICY,
    "frame",
    `too many ${what}`,
    `${IDLE_FRAMES} at once, then ${IDLE_FRAMES_PER_SECOND} per second`,
  );
}
