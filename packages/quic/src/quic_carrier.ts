/**
 * NNRP on a QUIC connection of Deno (behaviour spec §3): the client's first bidirectional stream is control; frames travel on
 * unidirectional streams that end with them. Small packets of one turn share a stream, for a stream costs far more than a
 * packet; all results of one frame stay on one stream.
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
  NnrpWireError,
  type PacketCursor,
} from "@nnrp/core";
import type { IncomingStream } from "./incoming_stream.ts";
import { OutgoingStream } from "./outgoing_stream.ts";
import { QuicDatagrams } from "./quic_datagrams.ts";
import { StreamCarrier } from "./stream_carrier.ts";

/** A packet of this size ends the stream it shares with smaller ones before it, bytes: nobody waits behind it. */
const SHARED_BYTES = 32 * 1024;
/** Streams without a byte that a peer may send; one has a meaning: it is the last. */
const MAX_EMPTY_STREAMS = 64;
/** Streams that may be on their way to being opened at once; more wait. */
const MAX_OPENING = 64;

/** A raw QUIC connection as a carrier. */
export class QuicCarrier extends StreamCarrier {
  /** `"quic"`. */
  readonly name: string = "quic";
  /** Unreliable datagrams. */
  readonly datagrams: CarrierDatagrams;

  readonly #conn: Deno.QuicConn;
  readonly #client: boolean;
  readonly #onClosed: () => void;
  readonly #control: OutgoingStream;
  readonly #ownStreams = new FrameTable<OutgoingStream>(); // of frames that have more than one result
  #submits: OutgoingStream | null = null; // what collects small submits
  #results: OutgoingStream | null = null; // and small final results
  #submitGate: OutgoingStream | null = null; // the one that is being sent: the next waits and collects meanwhile
  #resultGate: OutgoingStream | null = null;
  #dirty: OutgoingStream[] = [];
  #toOpen: OutgoingStream[] = [];
  #opening = 0;
  #opened = 0;
  #controlReadable: ReadableStream<Uint8Array> | null = null;
  #controlEnded = false;
  #emptyStreams = 0; // from the peer: the first ends its sending
  #others: WritableStream<Uint8Array>[] = []; // answering halves of further bidirectional streams: kept, for dropping one ends it

  /**
   * @param conn The connection; this object owns it.
   * @param control The control stream, on the client.
   * @param remote The peer's address.
   * @param host Provides the timers.
   * @param onClosed Called when the connection is gone.
   */
  constructor(
    conn: Deno.QuicConn,
    control: Deno.QuicBidirectionalStream | null,
    remote: string,
    host: Host,
    onClosed: () => void,
  ) {
    super(remote, host);
    this.#conn = conn;
    this.#client = control !== null;
    this.#onClosed = onClosed;
    this.datagrams = new QuicDatagrams(conn);
    this.#control = new OutgoingStream(this);
    this.outgoing.add(this.#control);
    if (control !== null) {
      this.#control.attach(control.writable.getWriter(), Number(control.writable.id));
      this.#controlReadable = control.readable;
    } else this.limits.maxUnshownBytes = MAX_UNSHOWN_BYTES_BEFORE_HELLO;
    conn.closed.then(
      ({ closeCode, reason }) => this.connectionGone(closeCode, reason),
      (cause) => this.connectionGone(0, "", cause),
    );
  }

  /** Starts reading. */
  protected startReading(): void {
    if (this.isClosed) return;
    if (this.#controlReadable !== null) this.receiving.read(this.#controlReadable, 0, true);
    void this.#acceptUni();
    void this.#acceptBidi();
  }

  async #acceptUni(): Promise<void> {
    const streams = this.#conn.incomingUnidirectionalStreams.getReader();
    try {
      for (;;) {
        for (let g = this.receiving.acceptGate(); g !== null; g = this.receiving.acceptGate()) await g;
        const { value, done } = await streams.read();
        if (done) return;
        this.receiving.read(value, Number(value.id), false);
      }
    } catch {
      // The connection is gone; its own event reports that.
    }
  }

  async #acceptBidi(): Promise<void> {
    const streams = this.#conn.incomingBidirectionalStreams.getReader();
    try {
      for (;;) {
        for (let g = this.receiving.acceptGate(); g !== null; g = this.receiving.acceptGate()) await g;
        const { value, done } = await streams.read();
        if (done) return;
        this.#bidi(value);
      }
    } catch {
      // As above.
    }
  }

  #bidi(stream: Deno.QuicBidirectionalStream): void {
    const id = Number(stream.readable.id);
    if (!this.#client && this.#control.id < 0) {
      this.#control.attach(stream.writable.getWriter(), id);
      this.receiving.lastIds.control = id;
      this.receiving.read(stream.readable, id, true);
      return;
    }
    if (this.#client && !this.receiving.controlSeen) {
      this.fault(
        new NnrpWireError(
          "the server opened a bidirectional stream before it answered on the control stream",
          {
            field: "stream",
            expected: "control on the stream that the client opened",
            actual: `stream ${id}`,
            stage: "framing",
          },
        ),
      );
      return;
    }
    this.#others.push(stream.writable);
    this.receiving.read(stream.readable, id, false);
  }

  /** Everything on the control stream is control; elsewhere the type tells (behaviour spec §3). */
  laneOf(stream: IncomingStream, cursor: PacketCursor): Lane {
    return stream.control ? "control" : laneOf(cursor.msgType);
  }

  /**
   * Stream ids come in order, and an empty stream is the last that a side opens: when it, control, and all before it have
   * ended, everything was delivered.
   */
  streamEnded(stream: IncomingStream): void {
    if (stream.control) this.#controlEnded = true;
    else if (stream.bytes === 0 && ++this.#emptyStreams > MAX_EMPTY_STREAMS) {
      this.fault(
        new NnrpWireError("too many streams that carry nothing", {
          field: "stream",
          expected: `at most ${MAX_EMPTY_STREAMS}`,
          stage: "framing",
          limit: true,
        }),
      );
      return;
    }
    if (this.#controlEnded && this.#emptyStreams > 0 && this.receiving.openStreams === 0) this.peerFinished();
  }

  /** The stream a packet goes on. */
  protected streamFor(lane: Lane, frameId: number, viewId: number): OutgoingStream {
    if (lane === "control") return this.#control;
    if (lane === "submit") return this.#submits ??= new OutgoingStream(this);
    if (this.#ownStreams.size > 0) {
      const own = this.#ownStreams.get(frameId, viewId);
      if (own !== undefined && !own.over) return own;
    }
    return this.#results ??= new OutgoingStream(this);
  }

  /** Decides whether the packet's stream goes on collecting. */
  protected written(
    stream: OutgoingStream,
    lane: Lane,
    frameId: number,
    viewId: number,
    last: boolean,
    bytes: number,
  ): void {
    if (stream === this.#submits) {
      this.outgoing.add(stream);
      this.receiving.lastIds.submit = this.#nextId();
      if (bytes >= SHARED_BYTES) {
        this.#submits = null;
        this.#launch(stream, true);
      }
    } else if (stream === this.#results) {
      this.outgoing.add(stream);
      this.receiving.lastIds.result = this.#nextId();
      if (!last) {
        // The first of several results: the stream is this frame's from now on, whatever it begins with.
        this.#results = null;
        this.#ownStreams.set(frameId, viewId, stream);
        this.#launch(stream, false);
      } else if (bytes >= SHARED_BYTES) {
        this.#results = null;
        this.#launch(stream, true);
      }
    } else {
      if (lane === "result") {
        this.receiving.lastIds.result = stream.id < 0 ? this.#nextId() : stream.id;
        if (last) this.#endOwn(stream, frameId, viewId);
      }
      this.#touch(stream);
    }
  }

  /** The id of the next stream this side opens. */
  #nextId(): number {
    return (this.#opened + this.#opening + this.#toOpen.length) * 4 + (this.#client ? 2 : 3);
  }

  /** The frame ended another way: its stream ends after what it has. */
  endFrame(lane: Lane, frameId: number, viewId: number): void {
    if (lane !== "result" || this.#ownStreams.size === 0) return;
    const own = this.#ownStreams.get(frameId, viewId);
    if (own !== undefined) this.#endOwn(own, frameId, viewId);
  }

  #endOwn(stream: OutgoingStream, frameId: number, viewId: number): void {
    this.#ownStreams.delete(frameId, viewId);
    stream.endSoon();
    this.#touch(stream);
  }

  #touch(stream: OutgoingStream): void {
    if (stream.dirty) return;
    stream.dirty = true;
    this.#dirty.push(stream);
  }

  /** Sends what is collected; small ones wait while the stream before theirs is on its way. */
  flush(): void {
    this.#control.flush();
    if (this.#dirty.length > 0) {
      const dirty = this.#dirty;
      this.#dirty = [];
      for (let i = 0; i < dirty.length; i++) {
        dirty[i].dirty = false;
        dirty[i].flush();
      }
    }
    if (this.#submits !== null && this.#submitGate === null && !isBlank(this.#submits)) {
      this.#submitGate = this.#submits;
      this.#submits = null;
      this.#launch(this.#submitGate, true);
    }
    if (this.#results !== null && this.#resultGate === null && !isBlank(this.#results)) {
      this.#resultGate = this.#results;
      this.#results = null;
      this.#launch(this.#resultGate, true);
    }
  }

  /** Opens a stream for what was collected; `end`: nothing more comes on it. */
  #launch(stream: OutgoingStream, end: boolean): void {
    this.outgoing.add(stream);
    if (end) stream.endSoon();
    if (this.#opening >= MAX_OPENING) this.#toOpen.push(stream);
    else void this.#open(stream);
  }

  async #open(stream: OutgoingStream): Promise<void> {
    this.#opening++;
    try {
      const opened = await this.#conn.createUnidirectionalStream({ waitUntilAvailable: true });
      stream.attach(opened.getWriter(), Number(opened.id));
    } catch (cause) {
      stream.fail(cause);
    }
    this.#opening--;
    this.#opened++;
    const next = this.#toOpen.shift();
    if (next !== undefined) void this.#open(next);
  }

  /** Everything of a stream was taken: what waited behind it goes. */
  override emptied(stream: OutgoingStream): void {
    super.emptied(stream);
    this.#passed(stream);
  }

  override failed(stream: OutgoingStream, cause: unknown): void {
    this.#passed(stream);
    super.failed(stream, cause);
  }

  #passed(stream: OutgoingStream): void {
    if (stream === this.#submitGate) this.#submitGate = null;
    else if (stream === this.#resultGate) this.#resultGate = null;
    else return;
    if (!this.isClosed) this.flush();
  }

  /** Ends all streams, then opens the empty stream that signals it. */
  async endStreams(): Promise<void> {
    // What still waits for the stream before it needs to wait no more.
    for (const stream of [this.#submits, this.#results]) {
      if (stream !== null && !isBlank(stream)) this.#launch(stream, true);
    }
    this.#submits = this.#results = null;
    const streams = [...this.outgoing];
    for (const stream of streams) if (stream !== this.#control) stream.end();
    await Promise.all(streams.map((stream) => stream === this.#control ? null : stream.done));
    if (this.#control.id < 0) {
      // No peer is left to notify.
      if (this.ending.closing !== null) this.disconnect(this.ending.closing.code, this.ending.closing.reason);
      return;
    }
    this.#control.end();
    await this.#control.done;
    try {
      const last = await this.#conn.createUnidirectionalStream({ waitUntilAvailable: true });
      await last.close();
    } catch {
      // The connection is gone.
    }
  }

  /** Closes the connection; what was not acknowledged yet is lost. */
  disconnect(code: number, reason: string): void {
    try {
      this.#conn.close({ closeCode: code, reason });
    } catch {
      // Gone already.
    }
  }

  /** Gives back what belongs to the connection. */
  protected override release(): void {
    this.#others = [];
    this.#dirty = [];
    this.#toOpen = [];
    this.#submits = this.#results = null;
    this.#onClosed();
  }
}

/**
 * Whether nothing was written to a stream: the packet it was made for was refused by its encoder, and the next one takes it. Opened as
 * it is, it would hold up what waits behind it (nobody is told that nothing was taken), and a peer takes an empty stream for the end.
 */
function isBlank({ queue }: OutgoingStream): boolean {
  return queue.total === 0;
}
