/**
 * Cuts packets out of a byte stream, in place, and refuses from the header alone what is malformed or too large
 * (wire spec §2, behaviour spec §2 and §9). Bytes come either in chunks ({@linkcode PacketReader.push}) or by reading into
 * the reader's own memory ({@linkcode PacketReader.target}, {@linkcode PacketReader.filled}).
 *
 * @module
 */
import type { CarrierLimits } from "../carrier.ts";
import { NnrpWireError } from "../errors.ts";
import { MessageType } from "./enums.ts";
import { checkHeader, refuseStart } from "./header.ts";
import { READ_BUFFER_LARGE, READ_BUFFER_SMALL, READ_FIRST_GRANT, READ_OWN_MEMORY } from "./limits.ts";
import { HeaderOffset, PacketCursor } from "./packet_cursor.ts";

const HEADER = HeaderOffset.END;
const MAGIC_LE = 0x50524e4e;
/** Reads in a row that wanted far less than the buffer before it is released. */
const QUIET_READS = 64;
/** A read that can hold no frame and no result, bytes: keep-alive of a session that is otherwise idle. */
const KEEP_ALIVE_READ = 2 * HEADER;
/** Quiet reads that one of those counts for: an idle session gives its buffer back within seconds, not minutes. */
const KEEP_ALIVE_WEIGHT = QUIET_READS / 2;
/** Reads of the usual size that a fresh buffer has room for: what was given out of a buffer is never written over. */
const READS_PER_BUFFER = 16;

const KNOWN_TYPE = new Uint8Array(256);
for (const type of Object.values(MessageType)) KNOWN_TYPE[type] = 1;

/** Packets whose bodies may be passed over: each concerns one frame, which can end alone. */
const SKIPPABLE = new Uint8Array(256);
SKIPPABLE[MessageType.FRAME_SUBMIT] = SKIPPABLE[MessageType.RESULT_PUSH] = 1;

/**
 * Judges a FRAME_SUBMIT or RESULT_PUSH from header and metadata, before memory is set aside for its body: one that is over the
 * body limit, or that is not whole yet and would need memory of its own. True: its body is read past and stored nowhere, and the
 * packet is not shown. False: it is taken, or refused if it is over the limit. Of the cursor nothing behind the metadata may be read.
 */
export type SkipJudge = (cursor: PacketCursor) => boolean;

/** A stream decoder with bounded memory. One per byte stream. */
export class PacketReader {
  readonly #limits: CarrierLimits;
  readonly #onPacket: (cursor: PacketCursor) => void;
  readonly #skips: SkipJudge | null;
  readonly #cursor = new PacketCursor();

  // The read buffer: bytes from #start to #end are received and not yet cut.
  #bytes: Uint8Array = EMPTY;
  #view: DataView = EMPTY_VIEW;
  #start = 0;
  #end = 0;
  #quietReads = 0;
  #peak = 0; // largest read since the buffer was renewed
  // False once something of the present buffer was given out: then it is only filled further, never written over.
  #reusable = true;

  // A packet with memory of its own: #own holds the first #ownHave bytes of #ownTotal.
  #own: Uint8Array | null = null;
  #ownHave = 0;
  #ownTotal = 0;

  #skipBytes = 0; // bytes of a body that is passed over, still to come
  #tooLong = false; // the packet judged last is over the body limit, and its sort may be passed over

  /**
   * A reader that holds no bytes yet.
   *
   * @param limits Read each time a header is judged, so they may change while the stream runs.
   * @param onPacket Shown each packet; the cursor is reused. Must not call the reader.
   * @param skips Decides about bodies that are passed over, while `limits.skipsBodies` is set. Must not call the reader either.
   *   Default: none are.
   */
  constructor(
    limits: CarrierLimits,
    onPacket: (cursor: PacketCursor) => void,
    skips: SkipJudge | null = null,
  ) {
    this.#limits = limits;
    this.#onPacket = onPacket;
    this.#skips = skips;
  }

  /** Bytes kept of a packet that is not whole yet. */
  get pendingBytes(): number {
    return this.#own !== null ? this.#ownHave : this.#end - this.#start;
  }

  /** Memory taken by a packet that is not whole yet, bytes: what was set aside for it, and what it has of the read buffer. */
  get heldBytes(): number {
    return (this.#own === null ? 0 : this.#own.length) + this.#end - this.#start;
  }

  /**
   * Releases all memory: the stream is over, and a reader that is still referenced must not keep what it last
   * read.
   */
  clear(): void {
    this.#bytes = EMPTY;
    this.#view = EMPTY_VIEW;
    this.#start =
      this.#end =
      this.#ownHave =
      this.#ownTotal =
      this.#skipBytes =
        0;
    this.#own = null;
    this.#letGo();
  }

  /** The cursor outlives the call, in the hands of whoever was shown a packet too: it must not keep a large one alive. */
  #letGo(): void {
    this.#cursor.bytes = EMPTY;
    this.#cursor.view = EMPTY_VIEW;
  }

  /** What is wrong with a stream that ends here; null if nothing is. */
  endError(name: string): NnrpWireError | null {
    const rest = this.pendingBytes;
    if (this.#skipBytes > 0) return endedInside(name, `all but ${this.#skipBytes} bytes`);
    return rest === 0 ? null : this.startError() ?? endedInside(name, `its first ${rest} bytes`);
  }

  /** Why the bytes that are not cut yet are no beginning of a packet; null if they are, or there are none. */
  startError(): NnrpWireError | null {
    const rest = this.pendingBytes;
    if (rest === 0 || this.#skipBytes > 0) return null;
    return refuseStart(
      this.#own !== null ? this.#own.subarray(0, rest) : this.#bytes.subarray(this.#start, this.#end),
    );
  }

  /** Where the next read may write; never empty. Valid until {@linkcode PacketReader.filled} or {@linkcode PacketReader.push}. */
  target(): Uint8Array {
    if (this.#own !== null) {
      this.#growOwn();
      return this.#own.subarray(this.#ownHave);
    }
    if (this.#bytes.length === 0) this.#renew();
    else if (this.#bytes.length - this.#end < this.#bytes.length >> 2) this.#makeRoom();
    return this.#bytes.subarray(this.#end);
  }

  /**
   * Takes note that `count` bytes were read into the target, and cuts.
   *
   * @throws NnrpWireError (stage framing) at the first bad header; packets before it were shown.
   */
  filled(count: number): void {
    if (this.#own !== null) {
      this.#ownHave += count;
      if (this.#ownHave === this.#ownTotal) this.#showOwn();
      return;
    }
    if (this.#skipBytes > 0) { // the buffer held nothing else
      const skipped = Math.min(count, this.#skipBytes);
      this.#skipBytes -= skipped;
      this.#start += skipped;
    }
    this.#end += count;
    if (count > this.#peak) this.#peak = count;
    if (count * READS_PER_BUFFER > this.#bytes.length >> 1) this.#quietReads = 0;
    else this.#quietReads += count <= KEEP_ALIVE_READ ? KEEP_ALIVE_WEIGHT : 1;
    const full = this.#end === this.#bytes.length;
    this.#cursor.retained = false;
    this.#start = this.#cut(this.#bytes, this.#view, this.#start, this.#end);
    if (this.#cursor.retained) this.#reusable = false;
    if (this.#own !== null) return;
    if (full && this.#bytes.length < READ_BUFFER_LARGE) this.#renew();
    else if (this.#start !== this.#end) return;
    else if (this.#quietReads >= QUIET_READS && this.#bytes.length > READ_BUFFER_SMALL) {
      this.#peak = count; // what was read before it fell quiet says nothing any more
      this.#renew();
    } else if (this.#reusable) this.#start = this.#end = 0;
  }

  /**
   * Takes a chunk whose memory the reader may keep: it must not be written over afterwards.
   *
   * @throws NnrpWireError (stage framing) at the first bad header; packets before it were shown.
   */
  push(chunk: Uint8Array): void {
    let at = Math.min(chunk.length, this.#skipBytes);
    this.#skipBytes -= at;
    while (this.#own !== null && at < chunk.length) {
      this.#growOwn();
      const take = Math.min(
        this.#ownTotal - this.#ownHave,
        this.#own.length - this.#ownHave,
        chunk.length - at,
      );
      this.#own.set(chunk.subarray(at, at + take), this.#ownHave);
      this.#ownHave += take;
      at += take;
      if (this.#ownHave === this.#ownTotal) this.#showOwn();
      const skipped = Math.min(chunk.length - at, this.#skipBytes);
      this.#skipBytes -= skipped;
      at += skipped;
    }
    if (at === chunk.length) return;
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const stop = this.#cut(chunk, view, at, chunk.length);
    this.#letGo();
    if (stop < chunk.length && this.#own === null) this.#beginOwn(chunk, stop, chunk.length, HEADER);
  }

  /** Shows all whole packets between `start` and `end`; returns where the first that is not whole begins. */
  #cut(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const cursor = this.#cursor;
    cursor.bytes = bytes;
    cursor.view = view;
    while (end - start >= HEADER) {
      const total = this.#judge(view, start);
      if (start + total > end || this.#tooLong) {
        cursor.offset = start;
        const wanted = this.#wanted(end - start, total);
        if (wanted < 0) {
          start += total;
          if (start < end) continue;
          this.#skipBytes = start - end;
          return end;
        }
        if (wanted < total && bytes === this.#bytes) return start; // the metadata is still to come
        if (wanted < total) {
          this.#beginOwn(bytes, start, end, wanted);
          return end;
        }
        if (total > READ_OWN_MEMORY || bytes !== this.#bytes) {
          this.#beginOwn(bytes, start, end, total);
          return end;
        }
        return start;
      }
      cursor.offset = start;
      start += total;
      this.#onPacket(cursor);
    }
    return start;
  }

  /** Length of the packet whose header begins at `at`, or a refusal. */
  #judge(view: DataView, at: number): number {
    const word = view.getUint32(at + 4, true); // version, wire format 0, type, header length 40
    if (
      view.getUint32(at, true) !== MAGIC_LE || (word & 0xff00ff00) !== 0x28000000 ||
      KNOWN_TYPE[(word >>> 16) & 0xff] === 0
    ) {
      checkHeader(view, at);
    }
    const metaLength = view.getUint32(at + HeaderOffset.META_LEN, true);
    const bodyLength = view.getUint32(at + HeaderOffset.BODY_LEN, true);
    const limits = this.#limits;
    if (metaLength > limits.maxMetadataBytes) {
      throw tooLong("header.meta_len", metaLength, limits.maxMetadataBytes);
    }
    this.#tooLong = bodyLength > limits.maxBodyBytes;
    if (this.#tooLong && !this.#maySkip((word >>> 16) & 0xff)) {
      this.#tooLong = false;
      const probe = ((word >>> 16) & 0xff) === MessageType.TRANSPORT_PROBE;
      const limit = probe ? Math.max(limits.maxProbeBodyBytes, limits.maxBodyBytes) : limits.maxBodyBytes;
      if (bodyLength > limit) throw tooLong("header.body_len", bodyLength, limit);
    }
    this.#cursor.metaLength = metaLength;
    this.#cursor.bodyLength = bodyLength;
    return HEADER + metaLength + bodyLength;
  }

  #maySkip(msgType: number): boolean {
    return SKIPPABLE[msgType] !== 0 && this.#skips !== null && this.#limits.skipsBodies === true;
  }

  /**
   * How much of the packet at the cursor is wanted, of which `have` bytes are there: all of it, what it takes to ask whether its body
   * is to be passed over, or (−1) nothing.
   */
  #wanted(have: number, total: number): number {
    const cursor = this.#cursor;
    if (!this.#maySkip(cursor.msgType)) return total;
    if (!this.#tooLong && total <= READ_OWN_MEMORY) return total;
    const head = HEADER + cursor.metaLength;
    if (have < head) return head;
    if (this.#skips!(cursor)) return -1;
    if (this.#tooLong) throw tooLong("header.body_len", cursor.bodyLength, this.#limits.maxBodyBytes);
    return total;
  }

  /** Moves an unfinished packet into memory of its own, as much of it as may be believed. */
  #beginOwn(bytes: Uint8Array, start: number, end: number, total: number): void {
    const own = new Uint8Array(Math.min(total, Math.max(READ_FIRST_GRANT, end - start)));
    own.set(bytes.subarray(start, end));
    this.#own = own;
    this.#ownHave = end - start;
    this.#ownTotal = total;
    this.#start = this.#end = bytes === this.#bytes ? end : this.#end;
  }

  /** More memory for the own packet once what was granted is really full. */
  #growOwn(): void {
    const own = this.#own!;
    if (this.#ownHave < own.length || own.length === this.#ownTotal) return;
    const grown = new Uint8Array(Math.min(this.#ownTotal, own.length * 4));
    grown.set(own);
    this.#own = grown;
  }

  #showOwn(): void {
    const own = this.#own!;
    const view = new DataView(own.buffer, own.byteOffset, own.byteLength);
    const total = this.#judge(view, 0);
    if (total > this.#ownTotal || this.#tooLong) {
      // So far only the head of a packet was known to be needed.
      const cursor = this.#cursor;
      cursor.bytes = own;
      cursor.view = view;
      cursor.offset = 0;
      const wanted = this.#wanted(this.#ownHave, total);
      if (wanted < 0) {
        this.#own = null;
        this.#skipBytes = total - this.#ownHave;
        this.#ownHave = 0;
      } else {
        this.#ownTotal = wanted;
        const grown = new Uint8Array(Math.min(wanted, READ_FIRST_GRANT));
        grown.set(own);
        this.#own = grown;
      }
      return;
    }
    this.#own = null;
    this.#ownHave = 0;
    this.#cut(own, view, 0, own.length);
    this.#letGo();
    if (this.#start === this.#end && this.#reusable) this.#start = this.#end = 0;
  }

  /** Room for the next read when the buffer's end is near. */
  #makeRoom(): void {
    const rest = this.#end - this.#start;
    if (this.#reusable && this.#start >= rest) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#start = 0;
      this.#end = rest;
    } else this.#renew();
  }

  /** A fresh buffer for several reads of the size that was seen lately; it begins with what is not cut yet. */
  #renew(): void {
    const rest = this.#end - this.#start;
    let size = READ_BUFFER_SMALL;
    while (size < READ_BUFFER_LARGE && size < this.#peak * READS_PER_BUFFER) size *= 2;
    const bytes = new Uint8Array(Math.max(size, rest * 2));
    if (rest > 0) bytes.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#start = 0;
    this.#end = rest;
    this.#reusable = true;
    this.#quietReads = 0;
    this.#peak = 0;
  }
}

function endedInside(name: string, actual: string): NnrpWireError {
  return new NnrpWireError(`${name} ended inside a packet`, {
    field: "packet",
    expected: "a whole packet",
    actual,
    stage: "framing",
  });
}

function tooLong(field: string, actual: number, limit: number): NnrpWireError {
  return new NnrpWireError("longer than this side accepts", {
    field,
    offset: field === "header.meta_len" ? HeaderOffset.META_LEN : HeaderOffset.BODY_LEN,
    expected: `at most ${limit}`,
    actual,
    stage: "framing",
    limit: true,
  });
}

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);
