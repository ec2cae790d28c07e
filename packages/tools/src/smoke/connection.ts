/**
 * A connection without a session: packets out, packets in, each wait bounded. What the smoke test runs on, over any carrier.
 *
 * @module
 */
import {
  type Carrier,
  decodeErrorMetadata,
  decodePacket,
  encodePacket,
  enumName,
  ErrorCode,
  type Lane,
  MessageType,
  NnrpConnectionClosedError,
  type NnrpError,
  type NnrpPacket,
  NnrpTimeoutError,
  NnrpUnexpectedMessageError,
  readPeerText,
} from "@nnrp/core";

/** Bounds of a wait. */
export interface WaitLimits {
  /** Longest wait, ms. */
  readonly timeoutMs: number;
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * A promise, or NnrpTimeoutError after the time, or the signal's reason.
 *
 * @param what What is waited for, for the error.
 * @param limits When to give up.
 * @param start Begins what is waited for; its signal is aborted when nobody waits any more.
 */
export async function bounded<T>(
  what: string,
  limits: WaitLimits,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeoutMs, signal } = limits;
  signal?.throwIfAborted();
  const abort = new AbortController();
  const stop = () => abort.abort(signal!.reason);
  const timer = setTimeout(
    () => abort.abort(new NnrpTimeoutError(what, timeoutMs)),
    Math.min(timeoutMs, 2 ** 31 - 1), // longer times are beyond a timer
  );
  signal?.addEventListener("abort", stop);
  const aborted = new Promise<never>((_, reject) => {
    abort.signal.addEventListener("abort", () => reject(abort.signal.reason));
  });
  try {
    return await Promise.race([aborted, start(abort.signal)]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** A carrier driven packet by packet. */
export class SmokeConnection {
  readonly #carrier: Carrier;
  readonly #limits: WaitLimits;
  readonly #received: Readonly<Record<Lane, NnrpPacket[]>> = { control: [], submit: [], result: [] };
  readonly #waiting = new Set<() => void>();
  #over: NnrpError | undefined;

  /**
   * Starts reading.
   *
   * @param carrier A connection that was not started yet.
   * @param limits Bounds of each wait.
   */
  constructor(carrier: Carrier, limits: WaitLimits) {
    this.#carrier = carrier;
    this.#limits = limits;
    carrier.start({
      begin: () => {},
      packet: (cursor, lane) => {
        const { offset, length } = cursor;
        this.#received[lane].push(decodePacket(cursor.bytes.slice(offset, offset + length)));
      },
      turn: () => this.#wake(),
      fault: (error) => this.#end(error),
      end: () => this.#end(new NnrpConnectionClosedError(carrier.name, "the peer finished sending")),
      closed: ({ error, reason }) =>
        this.#end(
          error ?? new NnrpConnectionClosedError(carrier.name, `the connection was closed: ${reason}`),
        ),
    });
  }

  /**
   * Sends a packet, alone on its stream where frames have streams of their own.
   *
   * @param lane Path it takes.
   * @param packet What to send.
   * @throws NnrpValueError if its header breaks a rule.
   */
  send(lane: Lane, packet: NnrpPacket): void {
    const { frameId, viewId } = packet.header;
    const bytes = encodePacket(packet);
    this.#carrier.begin(lane, frameId, viewId).append(bytes);
    this.#carrier.commit(lane, frameId, viewId, lane !== "control");
    this.#carrier.flush();
  }

  /**
   * The next packet of a path.
   *
   * @param lane The path.
   * @param msgType MessageType that it must have.
   * @throws NnrpUnexpectedMessageError for another type, NnrpTimeoutError, or why the connection ended.
   */
  async receive(lane: Lane, msgType: number): Promise<NnrpPacket> {
    const name = enumName(MessageType, msgType);
    const queue = this.#received[lane];
    await bounded(
      `waiting for ${name}`,
      this.#limits,
      (signal) => this.#until(() => queue.length > 0, signal),
    );
    const packet = queue.shift();
    if (packet === undefined) throw this.#over!;
    if (packet.header.msgType !== msgType) throw new NnrpUnexpectedMessageError(name, described(packet));
    return packet;
  }

  /** Stream of the last packet of a path. */
  streamId(lane: Lane): number {
    return this.#carrier.lastStreamId(lane);
  }

  /** Waits until the peer has ended the connection, at most so long, ms: some carriers lose what was sent just before. */
  async linger(ms: number): Promise<void> {
    const limits = { ...this.#limits, timeoutMs: Math.min(ms, this.#limits.timeoutMs) };
    try {
      await bounded("waiting for the peer to close", limits, (signal) => this.#until(() => false, signal));
    } catch (error) {
      if (!(error instanceof NnrpTimeoutError)) throw error;
    }
  }

  /** Ends the connection; what was sent before still goes out. */
  async close(): Promise<void> {
    await this.#carrier.close();
  }

  /** Resolves when a condition holds or the connection is over. */
  #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!holds() && this.#over === undefined && !signal.aborted) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      signal.addEventListener("abort", look);
      look();
    });
  }

  #end(error: NnrpError): void {
    this.#over ??= error;
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** Name of a packet's message; of an ERROR also what it says. */
function described({ header, metadata, body }: NnrpPacket): string {
  const name = enumName(MessageType, header.msgType);
  if (header.msgType !== MessageType.ERROR) return name;
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength);
  const { errorCode } = decodeErrorMetadata(view, 0, metadata.length);
  const words = readPeerText(body);
  return `${name} ${enumName(ErrorCode, errorCode)}${words === "" ? "" : `: ${words}`}`;
}
