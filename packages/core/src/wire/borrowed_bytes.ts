/**
 * Which of the bytes that are to be sent lie in memory of the application, whose packets they belong to, and whether they are still
 * there (architecture, "Who owns the bytes").
 *
 * @module
 */
import type { NnrpValueError } from "../errors.ts";
import { vanishedError } from "./byte_arguments.ts";
import type { Lane } from "./metadata/registry.ts";

/** A committed packet that cannot be sent as it was handed over. */
export interface VanishedPacket {
  /** Its lane. */
  readonly lane: Lane;
  /** Its frame. */
  readonly frameId: number;
  /** Its view. */
  readonly viewId: number;
  /** Whether it was the last one of its frame on this lane. */
  readonly last: boolean;
  /** Names the field, how many bytes it had at the call, and how many are there now. */
  readonly error: NnrpValueError;
}

/** A range in memory of the application. Positions count all bytes that a queue ever collected. */
export interface BorrowedRange {
  /** The view. */
  readonly bytes: Uint8Array;
  /** How long it was when it was handed over, bytes. */
  readonly size: number;
  /** Where it begins. */
  readonly from: number;
  /** See `Outbox.append`. */
  readonly field: string;
  /** See `Outbox.append`. */
  readonly index: number;
  /** See `Outbox.append`. */
  readonly item: number;
}

/** A packet with such ranges, or behind one. */
export interface BorrowedPacket extends Omit<VanishedPacket, "error"> {
  /** Where it begins. */
  readonly from: number;
  /** Where it ends. */
  readonly to: number;
}

/** A {@linkcode BorrowedPacket} of which bytes have vanished. */
export interface LostPacket extends BorrowedPacket {
  /** See {@linkcode VanishedPacket}. */
  readonly error: NnrpValueError;
}

/** Whether some of the ranges are not there any more. */
export function anyVanished(ranges: readonly BorrowedRange[]): boolean {
  for (let i = 0; i < ranges.length; i++) if (ranges[i].bytes.length !== ranges[i].size) return true;
  return false;
}

/** The packets of which ranges have vanished, in their order. */
export function lostPackets(
  packets: readonly BorrowedPacket[],
  ranges: readonly BorrowedRange[],
): readonly LostPacket[] {
  const gone = ranges.filter(({ bytes, size }) => bytes.length !== size);
  return packets.flatMap((packet) => {
    const range = gone.find(({ from }) => from >= packet.from && from < packet.to);
    if (range === undefined) return [];
    const { field, index, item, size, bytes } = range;
    const name = field.replace("#", String(index)).replace("#", String(item));
    return [{ ...packet, error: vanishedError(name, size, bytes.length) }];
  });
}

/**
 * The same, with what belongs to the frames of such packets and comes behind them: an answer without one of its parts would be taken
 * for a whole one.
 */
export function lostWithFollowers(
  packets: readonly BorrowedPacket[],
  ranges: readonly BorrowedRange[],
): readonly LostPacket[] {
  const lost = lostPackets(packets, ranges);
  return packets.flatMap((packet) => {
    const first = lost.find((other) => other.from <= packet.from && isSameFrame(other, packet));
    return first === undefined ? [] : [{ ...packet, error: first.error }];
  });
}

/** One for each frame: the first, and whether one of them was its last. */
export function oncePerFrame(lost: readonly LostPacket[]): readonly LostPacket[] {
  const firsts = lost.filter((packet, i) => lost.findIndex((other) => isSameFrame(other, packet)) === i);
  return firsts.map((first) => ({
    ...first,
    last: lost.some((other) => other.last && isSameFrame(other, first)),
  }));
}

function isSameFrame(a: VanishedPacket | BorrowedPacket, b: BorrowedPacket): boolean {
  return a.lane === b.lane && a.frameId === b.frameId && a.viewId === b.viewId;
}
