/**
 * A packet where it lies: the reader's buffer, one DataView for all packets in it, and an offset. Reading a field costs a
 * DataView access and allocates nothing (wire spec §2).
 *
 * @module
 */

/** Offsets of the header fields (wire spec §2), shared by everything that reads or patches packets in place. */
export const HeaderOffset = {
  MAGIC: 0,
  VERSION_MAJOR: 4,
  WIRE_FORMAT: 5,
  MSG_TYPE: 6,
  HEADER_LEN: 7,
  FLAGS: 8,
  META_LEN: 12,
  BODY_LEN: 16,
  SESSION_ID: 20,
  FRAME_ID: 24,
  VIEW_ID: 28,
  ROUTE_ID: 30,
  TRACE_ID: 32,
  END: 40,
} as const;

/** One packet inside a larger buffer. A reader owns one cursor and moves it; read it during the call that shows it. */
export class PacketCursor {
  /** The buffer that holds the packet. */
  bytes: Uint8Array;
  /** The same memory as `bytes`. */
  view: DataView;
  /** Where the header begins, bytes. */
  offset = 0;
  /** Length of the metadata, bytes. */
  metaLength = 0;
  /** Length of the body, bytes. */
  bodyLength = 0;
  /** Set by {@linkcode PacketCursor.retain}: the reader then never writes over this packet's bytes. */
  retained = false;

  /**
   * A cursor on one whole packet, or, without arguments, one that a reader moves from packet to packet.
   *
   * @param bytes A buffer that holds a whole packet; none for a reader's own cursor.
   * @param offset Where the header begins.
   */
  constructor(bytes: Uint8Array = EMPTY, offset = 0) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    if (bytes.length >= offset + HeaderOffset.END) {
      this.metaLength = this.view.getUint32(offset + HeaderOffset.META_LEN, true);
      this.bodyLength = this.view.getUint32(offset + HeaderOffset.BODY_LEN, true);
    }
  }

  /** Message type, a MessageType. */
  get msgType(): number {
    return this.bytes[this.offset + HeaderOffset.MSG_TYPE];
  }
  /** Major version; any value is read. */
  get versionMajor(): number {
    return this.bytes[this.offset + HeaderOffset.VERSION_MAJOR];
  }
  /** HeaderFlags. */
  get flags(): number {
    return this.view.getUint32(this.offset + HeaderOffset.FLAGS, true);
  }
  /** Session id; 0 = none yet. */
  get sessionId(): number {
    return this.view.getUint32(this.offset + HeaderOffset.SESSION_ID, true);
  }
  /** Frame id, u32. */
  get frameId(): number {
    return this.view.getUint32(this.offset + HeaderOffset.FRAME_ID, true);
  }
  /** View id, u16. */
  get viewId(): number {
    return this.view.getUint16(this.offset + HeaderOffset.VIEW_ID, true);
  }
  /** Route id. */
  get routeId(): number {
    return this.view.getUint16(this.offset + HeaderOffset.ROUTE_ID, true);
  }
  /** Trace id, u64. */
  get traceId(): bigint {
    return this.view.getBigUint64(this.offset + HeaderOffset.TRACE_ID, true);
  }
  /** Where the metadata begins, bytes. */
  get metaOffset(): number {
    return this.offset + HeaderOffset.END;
  }
  /** Where the body begins, bytes. */
  get bodyOffset(): number {
    return this.offset + HeaderOffset.END + this.metaLength;
  }
  /** Length of the whole packet, bytes. */
  get length(): number {
    return HeaderOffset.END + this.metaLength + this.bodyLength;
  }

  /** Says that something of this packet's memory stays in use after the call. */
  retain(): void {
    this.retained = true;
  }

  /** A view on the metadata; retains the packet. */
  metadata(): Uint8Array {
    this.retained = true;
    return this.bytes.subarray(this.metaOffset, this.metaOffset + this.metaLength);
  }

  /** A view on the body; retains the packet. */
  body(): Uint8Array {
    this.retained = true;
    return this.bytes.subarray(this.bodyOffset, this.bodyOffset + this.bodyLength);
  }

  /** A cursor of its own on a copy of this packet, for keeping it beyond the call. */
  copy(): PacketCursor {
    return new PacketCursor(this.bytes.slice(this.offset, this.offset + this.length));
  }
}

const EMPTY = new Uint8Array(0);
