/**
 * NNRP on a WebTransport session, in browsers and on Deno. The client's first bidirectional stream is control; beside it there
 * is a small fixed set of long-lived bidirectional data streams: runtimes neither carry unidirectional streams between each other
 * nor stand hundreds of streams, and long ones are far cheaper. Nothing here names a runtime.
 *
 * @module
 */
import {
  type CarrierDatagrams,
  FrameTable,
  type Host,
  type Lane,
  laneOf,
  MAX_UNSHOWN_BYTES_BEFORE_HELLO,
  MessageType,
  NnrpWireError,
  type PacketCursor,
} from "@nnrp/core";
import { END_MARK_BYTES, endMark, readEndMark } from "./end_mark.ts";
import type { IncomingStream } from "./incoming_stream.ts";
import { OutgoingStream } from "./outgoing_stream.ts";
import { StreamCarrier } from "./stream_carrier.ts";
import { WebTransportDatagrams } from "./web_transport_datagrams.ts";

/** A data stream with so many bytes waiting is passed over for the next: fewer would halve the speed, bytes. */
const STICKY_BYTES = 64 * 1024;
/**
 * How long a browser waits for the server to close first: its own close drops what was written right before,
 * ms.
 */
const BROWSER_LEAVE_MS = 100;
/** Data streams of a client unless configured otherwise. */
export const DATA_STREAMS = 4;
/** Most data streams that a client may be configured to open, and a server accepts. */
export const MAX_DATA_STREAMS = 16;
/** Most that a client may send where nobody listens, bytes; HTTP/3 itself needs three streams and a little on them. */
const MAX_UNUSED_BYTES = 64 * 1024;
/** What such a stream counts for even if it brings nothing, bytes. */
const UNUSED_STREAM_BYTES = 2048;

/** One end of a WebTransport session as a carrier. */
export class WebTransportCarrier extends StreamCarrier {
  /** `"webtransport"`. */
  readonly name: string = "webtransport";
  /** Unreliable datagrams. */
  readonly datagrams: CarrierDatagrams;

  readonly #session: WebTransport;
  readonly #control: OutgoingStream;
  readonly #dataStreams: number; // most that this side opens; 0 on the server
  readonly #onClosed: () => void;
  readonly #data: OutgoingStream[] = [];
  readonly #routes = new FrameTable<OutgoingStream>(); // server: the stream that a frame's submit came on
  #current = 0;
  #dirty: OutgoingStream[] = [];
  #controlReadable: ReadableStream<Uint8Array> | null = null;
  readonly #unused: ReadableStream<ReadableStream<Uint8Array>> | null;
  #unusedBytes = 0;
  #seen = 0; // bidirectional streams, control included
  #endedStreams = 0;
  #expected = -1; // streams that the peer announced to end; −1: not announced yet
  #tails: Map<IncomingStream, Uint8Array> | null = null;

  /**
   * @param session The session; this object owns it.
   * @param control The control stream, on the client.
   * @param remote The peer's address.
   * @param host Provides the timers.
   * @param dataStreams Data streams of a client.
   * @param onClosed Called when the session is gone.
   * @param unused The connection's unidirectional streams, on the server: nothing of NNRP travels there, and what nobody reads
   * the stack would keep.
   */
  constructor(
    session: WebTransport,
    control: WebTransportBidirectionalStream | null,
    remote: string,
    host: Host,
    dataStreams: number,
    onClosed: () => void,
    unused: ReadableStream<ReadableStream<Uint8Array>> | null = null,
  ) {
    super(remote, host);
    this.#session = session;
    this.#dataStreams = control === null ? 0 : dataStreams;
    this.#onClosed = onClosed;
    this.#unused = unused;
    this.datagrams = new WebTransportDatagrams(session);
    this.#control = new OutgoingStream(this);
    this.outgoing.add(this.#control);
    if (control !== null) {
      this.#control.attach(control.writable.getWriter(), 0);
      this.#controlReadable = control.readable;
      this.#seen = 1;
      if (!("Deno" in globalThis)) this.ending.leaveDelayMs = BROWSER_LEAVE_MS;
    } else this.limits.maxUnshownBytes = MAX_UNSHOWN_BYTES_BEFORE_HELLO;
    // Whoever does not listen to this is ended by Deno when a peer vanishes.
    session.closed.then(
      (info) => this.connectionGone(info?.closeCode ?? 0, info?.reason ?? ""),
      (cause) => this.connectionGone(0, "", cause ?? new Error("the session broke off")),
    );
  }

  /** Starts reading. */
  protected startReading(): void {
    if (this.isClosed) return;
    if (this.#controlReadable !== null) this.receiving.read(this.#controlReadable, 0, true, this.#control);
    void this.#accept();
    if (this.#unused !== null) void this.#dropUnused(this.#unused);
  }

  /** Reads and drops what comes on streams that mean nothing: they are never paused, and may bring little. */
  async #dropUnused(streams: ReadableStream<ReadableStream<Uint8Array>>): Promise<void> {
    try {
      const reader = streams.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        void this.#drop(value);
      }
    } catch {
      // The session is gone; its own event reports that.
    }
  }

  async #drop(stream: ReadableStream<Uint8Array>): Promise<void> {
    this.#unusedCame(UNUSED_STREAM_BYTES);
    try {
      const reader = stream.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        this.#unusedCame(value.length);
      }
    } catch {
      // Reset, or the session is gone: either way nothing of it is missed.
    }
  }

  #unusedCame(bytes: number): void {
    this.#unusedBytes += bytes;
    if (this.#unusedBytes <= MAX_UNUSED_BYTES) return;
    this.fault(
      new NnrpWireError("too much came on unidirectional streams, which carry nothing here", {
        field: "stream",
        expected: `at most ${MAX_UNUSED_BYTES} bytes, each stream counting for ${UNUSED_STREAM_BYTES} more`,
        stage: "framing",
        limit: true,
      }),
    );
  }

  async #accept(): Promise<void> {
    try {
      const streams = this.#session.incomingBidirectionalStreams.getReader();
      for (;;) {
        for (let g = this.receiving.acceptGate(); g !== null; g = this.receiving.acceptGate()) await g;
        const { value, done } = await streams.read();
        if (done) return;
        this.#bidi(value as WebTransportBidirectionalStream);
      }
    } catch {
      // The session is gone; its own event reports that.
    }
  }

  #bidi(stream: WebTransportBidirectionalStream): void {
    const id = this.#seen * 4;
    this.#seen++;
    if (this.#dataStreams > 0 || this.#seen > MAX_DATA_STREAMS + 1) {
      const text = this.#dataStreams > 0
        ? "the server opened a stream"
        : "the client opened too many streams";
      this.fault(
        new NnrpWireError(text, {
          field: "stream",
          expected: this.#dataStreams > 0
            ? "streams that the client opened"
            : `at most ${MAX_DATA_STREAMS} data streams`,
          actual: `stream ${id}`,
          stage: "framing",
        }),
      );
      return;
    }
    const control = id === 0;
    const out = control ? this.#control : new OutgoingStream(this);
    if (!control) {
      this.#data.push(out);
      this.outgoing.add(out);
    }
    out.attach(stream.writable.getWriter(), id);
    this.receiving.read(stream.readable, id, control, out);
  }

  /** The type tells, on the control stream too: results whose stream is not known travel there. */
  laneOf(stream: IncomingStream, cursor: PacketCursor): Lane {
    const type = cursor.msgType;
    if (type === MessageType.FRAME_SUBMIT) {
      if (this.#dataStreams === 0) {
        this.#routes.set(cursor.frameId, cursor.viewId, stream.back as OutgoingStream);
      }
      return "submit";
    }
    return laneOf(type);
  }

  /** The stream a packet goes on: a frame's results travel on the one that its submit came on. */
  protected streamFor(lane: Lane, frameId: number, viewId: number): OutgoingStream {
    if (lane === "control") return this.#control;
    if (this.#dataStreams > 0) return this.#currentStream();
    const route = this.#routes.size > 0 ? this.#routes.get(frameId, viewId) : undefined;
    return route ?? this.#data[0] ?? this.#control;
  }

  /** The client's data stream in use; the next one once much waits on it. */
  #currentStream(): OutgoingStream {
    const current = this.#data[this.#current];
    if (current !== undefined && current.unsentBytes < STICKY_BYTES) return current;
    if (current !== undefined) this.#current = (this.#current + 1) % this.#dataStreams;
    return this.#data[this.#current] ?? this.#openData();
  }

  #openData(): OutgoingStream {
    const stream = new OutgoingStream(this);
    const id = this.#seen * 4;
    this.#seen++;
    this.#data.push(stream);
    this.outgoing.add(stream);
    void (async () => {
      try {
        const opened = await this.#session.createBidirectionalStream();
        stream.attach(opened.writable.getWriter(), id);
        this.receiving.read(opened.readable, id, false, stream);
      } catch (cause) {
        stream.fail(cause);
      }
    })();
    return stream;
  }

  /** Notes what is to be flushed. */
  protected written(
    stream: OutgoingStream,
    lane: Lane,
    frameId: number,
    viewId: number,
    last: boolean,
  ): void {
    this.receiving.lastIds[lane] = Math.max(
      0,
      stream === this.#control ? 0 : (this.#data.indexOf(stream) + 1) * 4,
    );
    if (last && lane === "result" && this.#routes.size > 0) this.#routes.delete(frameId, viewId);
    if (!stream.dirty) {
      stream.dirty = true;
      this.#dirty.push(stream);
    }
  }

  /** The frame ended another way: nothing more goes on its stream. */
  endFrame(lane: Lane, frameId: number, viewId: number): void {
    if (lane === "result" && this.#routes.size > 0) this.#routes.delete(frameId, viewId);
  }

  /** Sends what is collected. */
  flush(): void {
    if (this.#dirty.length === 0) return;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (let i = 0; i < dirty.length; i++) {
      dirty[i].dirty = false;
      dirty[i].flush();
    }
  }

  /** Ends every stream with a mark, for runtimes lose FIN: it holds the number of streams that end. */
  async endStreams(): Promise<void> {
    if (this.#control.id < 0) {
      // No client is left to notify.
      if (this.ending.closing !== null) this.disconnect(this.ending.closing.code, this.ending.closing.reason);
      return;
    }
    const streams = [this.#control, ...this.#data].filter((stream) => !stream.over);
    const mark = endMark(streams.length);
    for (const stream of streams) {
      this.append(stream, mark);
      stream.end();
    }
    await Promise.all(streams.map((stream) => stream.done));
  }

  /** Looks for the mark at the end of the stream; a closing side looks for nothing else. */
  override chunkShown(stream: IncomingStream, chunk: Uint8Array): void {
    if (this.receiving.discard) {
      try {
        stream.reader.push(chunk.slice());
      } catch {
        return; // Rubbish from a peer that is being left anyway.
      }
    }
    this.#lookForMark(stream, chunk);
  }

  #lookForMark(stream: IncomingStream, chunk: Uint8Array): void {
    const { pendingBytes } = stream.reader;
    if (pendingBytes === 0 || pendingBytes > END_MARK_BYTES || stream.marked) return;
    const before = this.#tails?.get(stream);
    const tail = before === undefined ? chunk.slice(-pendingBytes) : join(before, chunk).slice(-pendingBytes);
    const count = readEndMark(tail);
    if (count < 0) {
      (this.#tails ??= new Map()).set(stream, tail);
      return;
    }
    this.#tails?.delete(stream);
    stream.marked = true;
    this.#expected = count;
    this.#streamOver();
  }

  /** FIN stands for the mark where a peer sends it. */
  streamEnded(stream: IncomingStream): void {
    this.#tails?.delete(stream);
    if (stream.marked) return;
    if (stream.control && this.#expected < 0) this.#expected = 0;
    this.#streamOver();
  }

  #streamOver(): void {
    this.#endedStreams++;
    if (this.#expected >= 0 && this.#endedStreams >= this.#expected) this.peerFinished();
  }

  /** Closes the session; what is under way is lost. */
  disconnect(code: number, reason: string): void {
    try {
      this.#session.close({ closeCode: code, reason });
    } catch {
      // Gone already.
    }
  }

  /** Gives back what belongs to the session. */
  protected override release(): void {
    this.#dirty = [];
    this.#tails = null;
    this.#onClosed();
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
