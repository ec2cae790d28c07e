/**
 * The receiving half of a carrier with several streams: reads all of them side by side, cuts packets, shows them in turns, and
 * stops all of them for backpressure.
 *
 * @module
 */
import {
  type CarrierLimits,
  type CarrierSink,
  type Lane,
  MAX_BODY_BYTES_BEFORE_HELLO,
  MAX_METADATA_BYTES,
  MAX_PROBE_BODY_BYTES,
  MessageType,
  type NnrpError,
  NnrpWireError,
  type PacketCursor,
  PacketReader,
} from "@nnrp/core";
import { isConnectionLoss, text } from "./connection_loss.ts";
import { type IncomingOwner, IncomingStream } from "./incoming_stream.ts";
import { LARGE_READ, SMALL_READ } from "./read_buffers.ts";

/** A stream with more of a packet that is not whole than this may have to wait for those begun before it, bytes. */
const LARGE_PACKET = 64 * 1024;
/** Streams in a row whose first read did not fill a large buffer before streams begin with a small one again. */
const QUIET_STREAMS = 64;
/** Readers of finished streams that are kept for new ones. */
const IDLE_READERS = 16;

/** What the carrier does with what comes. */
export interface ReceivingOwner {
  /** Carrier name, for messages. */
  readonly name: string;
  /** Lane of a packet that came on this stream. */
  laneOf(stream: IncomingStream, cursor: PacketCursor): Lane;
  /** A chunk was dealt with, also one that nobody wanted. */
  chunkShown(stream: IncomingStream, chunk: Uint8Array): void;
  /** A turn is over: what it brought about can be sent. */
  turned(): void;
  /** A stream ended, not inside a packet. */
  streamEnded(stream: IncomingStream): void;
  /** The peer broke a rule. */
  fault(error: NnrpError): void;
  /** Something failed here, in the sink or below it: nothing more can be shown to it. Never throws. */
  crashed(cause: unknown): void;
}

/** The streams from the peer. */
export class Receiving implements IncomingOwner {
  /** What the readers refuse. */
  readonly limits: CarrierLimits = {
    maxMetadataBytes: MAX_METADATA_BYTES,
    maxBodyBytes: MAX_BODY_BYTES_BEFORE_HELLO,
    maxProbeBodyBytes: MAX_PROBE_BODY_BYTES,
  };
  /** Id of the last stream that a packet of each lane travelled on. */
  readonly lastIds: { [lane in Lane]: number } = { control: 0, submit: 0, result: 0 };
  /** Bytes received so far. */
  bytes = 0;
  /** Streams but control that are not finished. */
  openStreams = 0;
  /** Whether packets are being shown. */
  inTurn = false;
  /** Whether the first control packet was shown. */
  controlSeen = false;
  /** Whether nobody wants what comes any more. */
  discard = false;
  /** Who is shown the packets. */
  sink: CarrierSink | null = null;

  readonly #owner: ReceivingOwner;
  readonly #onPacket = (cursor: PacketCursor) => this.#packet(cursor);
  readonly #skipJudge = (cursor: PacketCursor) => this.#skips(cursor);
  readonly #idleReaders: PacketReader[] = [];
  #current: IncomingStream | null = null;
  #chunk: Uint8Array | null = null;
  #kept = false; // somebody keeps a view on the chunk
  #gate: Promise<void> | null = null; // while paused
  #openGate: () => void = () => {};
  #unshown = 0; // bytes of all streams
  #large: Set<IncomingStream> = new Set(); // in the middle of a large packet, the eldest first
  #room: Promise<void> | null = null; // while packets that are not whole take all they may
  #roomCame: () => void = () => {};
  #controlWait: Promise<void> | null = null;
  #controlCame: () => void = () => {};
  #firstRead = SMALL_READ;
  #quietStreams = 0;

  /** @param owner The carrier. */
  constructor(owner: ReceivingOwner) {
    this.#owner = owner;
  }

  /** Reads a stream of the peer's to its end. */
  read(readable: ReadableStream<Uint8Array>, id: number, control: boolean, back: unknown = null): void {
    const reader = this.#idleReaders.pop() ?? new PacketReader(this.limits, this.#onPacket, this.#skipJudge);
    const stream = new IncomingStream(id, control, reader, back);
    if (!control) this.openStreams++;
    void stream.read(readable, this, control ? SMALL_READ : this.#firstRead);
  }

  /** Stops reading all streams. */
  pause(): void {
    this.#gate ??= new Promise((open) => this.#openGate = open);
  }

  /** Resumes reading. */
  resume(): void {
    if (this.#gate === null) return;
    this.#gate = null;
    this.#openGate();
  }

  /** Shows what is held back, or throws it away if nobody wants it: the connection ends. */
  release(): void {
    this.resume();
    this.#controlArrived();
    this.#makeRoom();
  }

  /** Whether the client is not accepted yet. Then everything is read at once, for only what is read can be counted. */
  get #early(): boolean {
    return (this.limits.maxUnshownBytes ?? Infinity) < Infinity;
  }

  /** Resolves when further streams may be taken; null if they may now. */
  acceptGate(): Promise<void> | null {
    return this.#early ? null : this.#gate;
  }

  /**
   * Resolves when reading may go on; null if it may now. Beside the pause: packets that are not whole take at most as much
   * together as the largest one alone; beyond that only control, the eldest of them and small ones go on.
   */
  gate(stream: IncomingStream): Promise<void> | null {
    if (this.discard || this.#early) return null;
    if (this.#gate !== null) return this.#gate;
    if (this.#unshown <= this.limits.maxBodyBytes || stream.control || stream.unshownBytes <= LARGE_PACKET) {
      return null;
    }
    const [eldest] = this.#large;
    if (stream === eldest) return null;
    return this.#room ??= new Promise((came) => this.#roomCame = came);
  }

  /** Counts what came. */
  arrived(bytes: number): void {
    this.bytes += bytes;
  }

  /**
   * Resolves when bytes of a stream may be shown; null if they may now. Frames wait for the first control packet: without a
   * session there is nobody who could take them.
   */
  hold(stream: IncomingStream): Promise<void> | null {
    if (this.discard) return null;
    if (!this.controlSeen && !stream.control && stream.firstType === MessageType.FRAME_SUBMIT) {
      return this.#controlWait ??= new Promise((came) => this.#controlCame = came);
    }
    return this.#gate;
  }

  /** Memory of what came and cannot be shown yet, packets of which only a part has come included, bytes. */
  get heldBytes(): number {
    return this.#unshown;
  }

  /** Counts what is held back; before the client is accepted it is bounded, and reading goes on meanwhile. */
  held(stream: IncomingStream, bytes: number): boolean {
    this.#account(stream, bytes);
    const fault = this.#tooMuch();
    if (fault !== null) this.#owner.fault(fault);
    return this.#early && !this.discard;
  }

  /** What is held of a stream, or of its packet. A packet on control is bounded by itself: it may be a probe. */
  #account(stream: IncomingStream, heldBytes: number): void {
    const bytes = stream.control ? heldBytes : heldBytes + stream.reader.pendingBytes;
    this.#unshown += bytes - stream.unshownBytes;
    stream.unshownBytes = bytes;
    if (bytes > LARGE_PACKET && !stream.control) this.#large.add(stream);
    else if (this.#large.size > 0 && this.#large.delete(stream)) this.#makeRoom();
  }

  #makeRoom(): void {
    if (this.#room === null) return;
    this.#room = null;
    this.#roomCame();
  }

  #tooMuch(): NnrpWireError | null {
    const { maxUnshownBytes = Infinity } = this.limits;
    if (this.#unshown <= maxUnshownBytes || this.discard) return null;
    return new NnrpWireError("too much was sent before the hello was accepted", {
      field: "stream",
      expected: `at most ${maxUnshownBytes} bytes that cannot be dealt with yet`,
      actual: `${this.#unshown} bytes`,
      stage: "framing",
      limit: true,
    });
  }

  #controlArrived(): void {
    this.controlSeen = true;
    this.#controlCame();
  }

  /** Shows bytes of a stream; returns whether their memory is free again. */
  received(stream: IncomingStream, chunk: Uint8Array): boolean {
    if (this.discard) {
      this.#owner.chunkShown(stream, chunk);
      return true;
    }
    if (!stream.control && stream.bytes === chunk.length) this.#learnFirstRead(chunk.length);
    const sink = this.sink!;
    let fault: NnrpError | null = null;
    this.inTurn = true;
    this.#current = stream;
    this.#chunk = chunk;
    this.#kept = false;
    try {
      sink.begin();
      try {
        stream.reader.push(chunk);
        this.#account(stream, 0);
        fault = this.#tooMuch();
      } catch (error) {
        if (!(error instanceof NnrpWireError)) throw error;
        fault = error;
      }
      sink.turn();
      this.inTurn = false;
      if (fault !== null) this.#owner.fault(fault);
      else this.#owner.chunkShown(stream, chunk);
      this.#owner.turned();
    } catch (cause) {
      this.inTurn = false;
      this.#owner.crashed(cause);
    }
    return !this.#kept;
  }

  #packet(cursor: PacketCursor): void {
    if (this.discard) return;
    const stream = this.#current!;
    if (!this.controlSeen && (stream.control || cursor.msgType !== MessageType.FRAME_SUBMIT)) {
      this.#controlArrived();
    }
    const lane = this.#owner.laneOf(stream, cursor);
    this.lastIds[lane] = stream.id;
    cursor.retained = false;
    this.sink!.packet(cursor, lane, stream.id);
    if (cursor.retained && cursor.bytes === this.#chunk) this.#kept = true;
  }

  #skips(cursor: PacketCursor): boolean {
    const lane = this.#owner.laneOf(this.#current!, cursor);
    return lane !== "control" && (this.sink!.skips?.(cursor, lane) ?? false);
  }

  /** Streams of a busy session begin with a large read. */
  #learnFirstRead(bytes: number): void {
    if (bytes >= SMALL_READ) {
      this.#firstRead = LARGE_READ;
      this.#quietStreams = 0;
    } else if (this.#firstRead === LARGE_READ && ++this.#quietStreams >= QUIET_STREAMS) {
      this.#firstRead = SMALL_READ;
      this.#quietStreams = 0;
    }
  }

  /** The peer finished a stream. Never throws: no caller is left who could do anything about it. */
  ended(stream: IncomingStream): void {
    try {
      this.#ended(stream);
    } catch (cause) {
      this.#owner.crashed(cause);
    }
  }

  #ended(stream: IncomingStream): void {
    this.#over(stream);
    const cut = stream.reader.endError(`${this.#owner.name} stream ${stream.id}`);
    if (cut !== null && !this.discard && !stream.marked) {
      this.#owner.fault(cut);
      return;
    }
    if (cut === null && this.#idleReaders.length < IDLE_READERS) this.#idleReaders.push(stream.reader);
    this.#owner.streamEnded(stream);
  }

  #over(stream: IncomingStream): void {
    if (!stream.control) this.openStreams--;
    this.#unshown -= stream.unshownBytes;
    stream.unshownBytes = 0;
    if (this.#large.delete(stream)) this.#makeRoom();
  }

  /** A stream cannot be read any more. Never throws. */
  broke(stream: IncomingStream, cause: unknown): void {
    try {
      this.#broke(stream, cause);
    } catch (failure) {
      this.#owner.crashed(failure);
    }
  }

  #broke(stream: IncomingStream, cause: unknown): void {
    this.#over(stream);
    if (this.discard || isConnectionLoss(cause)) return; // the end of the connection tells
    this.#owner.fault(
      new NnrpWireError(`${this.#owner.name} stream ${stream.id} was reset by the peer: ${text(cause)}`, {
        field: "stream",
        expected: "streams that end",
        actual: "a reset stream",
        stage: "framing",
      }),
    );
  }
}
