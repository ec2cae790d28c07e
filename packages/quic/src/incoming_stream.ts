/**
 * One stream from the peer: where it stands, and the loop that reads it. Every stream has a packet reader of its own, so
 * packets may be cut anywhere and streams overtake each other (behaviour spec §3).
 *
 * @module
 */
import type { PacketReader } from "@nnrp/core";
import { giveBackReadBuffer, LARGE_READ, SMALL_READ, takeReadBuffer } from "./read_buffers.ts";

/** Offset of the message type in a packet. */
const TYPE_AT = 6;

/** Who owns the stream. */
export interface IncomingOwner {
  /** Resolves when reading may go on; null if it may now. Asked again after it resolved. */
  gate(stream: IncomingStream): Promise<void> | null;
  /** `bytes` bytes were received. */
  arrived(bytes: number): void;
  /** Resolves when what was read may be shown; null if it may now. Asked again after it resolved. */
  hold(stream: IncomingStream): Promise<void> | null;
  /**
   * Memory of what is held back, bytes.
   *
   * @returns Whether to read on meanwhile.
   */
  held(stream: IncomingStream, bytes: number): boolean;
  /**
   * A chunk is to be handled.
   *
   * @returns Whether its memory may be reused.
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
  /** Message type that its first packet claims; −1 until that byte came. */
  firstType = -1;
  /** Bytes of it that are read and not shown: held back, or of a packet that is not whole. */
  unshownBytes = 0;
  /** Whether a mark rather than FIN said that nothing more comes. */
  marked = false;
  /** Where answers to what it carries go, on carriers whose streams go both ways. */
  readonly back: unknown;

  #source: ByteSource | null = null;
  #next: Promise<ReadableStreamReadResult<Uint8Array>> | null = null; // a read begun while bytes were held back

  /**
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
      const source = this.#source = byteReader(readable);
      for (;;) {
        if (this.#next === null) {
          for (let gate = owner.gate(this); gate !== null; gate = owner.gate(this)) await gate;
        }
        const { value, done } = await (this.#next ?? source.read(takeReadBuffer(size)));
        this.#next = null;
        if (done) {
          if (value) giveBackReadBuffer(value.buffer);
          break;
        }
        this.#came(value, owner);
        const wait = owner.hold(this);
        const chunk = wait === null ? value : await this.#holdBack(value, wait, owner);
        size = value.length >= size ? LARGE_READ : value.length * 4 < SMALL_READ ? SMALL_READ : size;
        if (owner.received(this, chunk)) giveBackReadBuffer(chunk.buffer);
      }
    } catch (cause) {
      owner.broke(this, cause);
      return;
    }
    owner.ended(this);
  }

  #came(chunk: Uint8Array, owner: IncomingOwner): void {
    if (this.firstType < 0) this.firstType = chunk[TYPE_AT - this.bytes] ?? -1;
    this.bytes += chunk.length;
    owner.arrived(chunk.length);
  }

  /** Keeps bytes until they may be shown; reads on meanwhile if the owner wants that. Returns all there is then. */
  async #holdBack(first: Uint8Array, wait: Promise<void>, owner: IncomingOwner): Promise<Uint8Array> {
    let held = first;
    let over = false; // ended or failed: said again, by the same promise, once what is held was shown
    for (let until: Promise<void> | null = wait; until !== null; until = owner.hold(this)) {
      let open = false;
      let wake = (): void => {};
      void until.then(() => {
        open = true;
        wake();
      });
      while (!open) {
        const readOn = owner.held(this, held.buffer.byteLength) && !over;
        let result: ReadableStreamReadResult<Uint8Array> | undefined;
        // Not Promise.race: the wait may be long, and would remember every read that came before it.
        await new Promise<void>((done) => {
          wake = done;
          if (open || !readOn) return;
          this.#next ??= this.#source!.read(takeReadBuffer(SMALL_READ));
          this.#next.then((came) => {
            over = came.done;
            result = came;
            done();
          }, () => {
            over = true;
            done();
          });
        });
        if (result === undefined || result.done) continue;
        this.#next = null;
        this.#came(result.value, owner);
        held = appended(held, result.value, held !== first);
        giveBackReadBuffer(result.value.buffer);
      }
    }
    return held;
  }
}

/** Both, one after the other; behind the first if that memory is ours and has room. */
function appended(first: Uint8Array, more: Uint8Array, ours: boolean): Uint8Array {
  const length = first.length + more.length;
  if (ours && length <= first.buffer.byteLength) {
    const whole = new Uint8Array(first.buffer, 0, length);
    whole.set(more, first.length);
    return whole;
  }
  const room = Math.min(2 * length, length + LARGE_READ);
  const whole = new Uint8Array(new ArrayBuffer(room), 0, length);
  whole.set(first);
  whole.set(more, first.length);
  return whole;
}

/** What a stream is read from. */
interface ByteSource {
  read(into: Uint8Array<ArrayBuffer>): Promise<ReadableStreamReadResult<Uint8Array>>;
}

/** A reader into memory of ours, where the runtime has one for this stream. */
function byteReader(readable: ReadableStream<Uint8Array>): ByteSource {
  try {
    return readable.getReader({ mode: "byob" }) as never;
  } catch {
    return readable.getReader();
  }
}
