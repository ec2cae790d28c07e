/**
 * One stream from the peer: where it stands, and the loop that reads it. Every stream has a packet reader of its own, so
 * packets may be cut anywhere and streams overtake each other (behaviour spec §3).
 *
 * @module
 */
import type { PacketReader } from "@nnrp/core";
import { giveBackReadBuffer, LARGE_READ, SMALL_READ, takeReadBuffer } from "./read_buffers.ts";

/** Who owns the stream. */
export interface IncomingOwner {
  /** Resolves when reading may go on; null if it may now. */
  gate(): Promise<void> | null;
  /** Resolves when what was read may be shown; null if it may now. Asked again after it resolved. */
  hold(stream: IncomingStream, chunk: Uint8Array): Promise<void> | null;
  /**
   * Bytes came.
   *
   * @returns Whether the memory is free again.
   */
  received(stream: IncomingStream, chunk: Uint8Array): boolean;
  /** The peer finished the stream. */
  ended(stream: IncomingStream): void;
  /** The stream cannot be read any more: reset by the peer, or the connection is gone. */
  broke(stream: IncomingStream, cause: unknown): void;
}

/** A stream that packets come in on. */
export class IncomingStream {
  /** Id of the stream. */
  readonly id: number;
  /** Whether it is the control stream. */
  readonly control: boolean;
  /** Cuts its packets. */
  readonly reader: PacketReader;
  /** Bytes received. */
  bytes = 0;
  /** Whether a mark rather than FIN said that nothing more comes. */
  marked = false;
  /** Where answers to what it carries go, on carriers whose streams go both ways. */
  readonly back: unknown;

  /**
   * Makes an IncomingStream.
   *
   * @param id Id of the stream.
   * @param control Whether it is the control stream.
   * @param reader Cuts its packets.
   * @param back Where answers go, if the stream goes both ways.
   */
  constructor(id: number, control: boolean, reader: PacketReader, back: unknown) {
    this.id = id;
    this.control = control;
    this.reader = reader;
    this.back = back;
  }

  /** Reads until the end. Never rejects. */
  async read(readable: ReadableStream<Uint8Array>, owner: IncomingOwner, firstRead: number): Promise<void> {
    let size = firstRead;
    try {
      const reader = byteReader(readable);
      for (;;) {
        for (let gate = owner.gate(); gate !== null; gate = owner.gate()) await gate;
        const { value, done } = await reader.read(takeReadBuffer(size));
        if (done) {
          if (value) giveBackReadBuffer(value.buffer);
          break;
        }
        this.bytes += value.length;
        for (let wait = owner.hold(this, value); wait !== null; wait = owner.hold(this, value)) await wait;
        size = value.length >= size ? LARGE_READ : value.length * 4 < SMALL_READ ? SMALL_READ : size;
        if (owner.received(this, value)) giveBackReadBuffer(value.buffer);
      }
    } catch (cause) {
      owner.broke(this, cause);
      return;
    }
    owner.ended(this);
  }
}

/** A reader into memory of ours, where the runtime has one for this stream. */
function byteReader(
  readable: ReadableStream<Uint8Array>,
): { read(into: Uint8Array<ArrayBuffer>): Promise<ReadableStreamReadResult<Uint8Array>> } {
  try {
    return readable.getReader({ mode: "byob" }) as never;
  } catch {
    return readable.getReader();
  }
}
