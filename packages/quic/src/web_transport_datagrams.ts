/**
 * Datagrams of a WebTransport session. Runtimes keep few that nobody reads, so they are for hints only.
 *
 * @module
 */
import { type CarrierDatagrams, NnrpValueError } from "@nnrp/core";

/** Datagrams beside the streams of a session. */
export class WebTransportDatagrams implements CarrierDatagrams {
  readonly #session: Pick<WebTransport, "datagrams">;
  #writer: WritableStreamDefaultWriter<Uint8Array> | null = null;

  /**
   * Makes a WebTransportDatagrams.
   *
   * @param session The session.
   */
  constructor(session: Pick<WebTransport, "datagrams">) {
    this.#session = session;
  }

  /** Largest datagram at the moment, bytes. */
  get maxBytes(): number {
    return this.#session.datagrams.maxDatagramSize;
  }

  /**
   * Sends one.
   *
   * @throws NnrpValueError if it is too long.
   */
  send(bytes: Uint8Array): void {
    const { maxBytes } = this;
    if (bytes.length > maxBytes) {
      throw new NnrpValueError("is too long for the path", {
        field: "datagram",
        expected: `at most ${maxBytes} bytes`,
        actual: `${bytes.length} bytes`,
      });
    }
    if (this.#writer === null) {
      this.#writer = (this.#session.datagrams.writable as WritableStream<Uint8Array>).getWriter();
      this.#writer.closed.catch(() => {});
    }
    this.#writer.write(bytes).catch(() => {}); // as if it had got lost
  }

  /** What comes in. Ends with the session. */
  async *received(): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = (this.#session.datagrams.readable as ReadableStream<Uint8Array>).getReader();
    try {
      for (;;) {
        let step: ReadableStreamReadResult<Uint8Array>;
        try {
          step = await reader.read();
        } catch {
          return;
        }
        if (step.done) return;
        yield step.value;
      }
    } finally {
      reader.releaseLock();
    }
  }
}
