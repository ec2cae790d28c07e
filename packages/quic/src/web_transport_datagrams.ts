/**
 * Datagrams of a WebTransport session. Runtimes keep few that nobody reads, so they are for hints only.
 *
 * @module
 */
import { asBytes, type CarrierDatagrams, NnrpValueError } from "@nnrp/core";
import { ReceivedDatagrams } from "./received_datagrams.ts";

/** Datagrams beside the streams of a session. */
export class WebTransportDatagrams implements CarrierDatagrams {
  readonly #session: Pick<WebTransport, "datagrams">;
  readonly #received = new ReceivedDatagrams(() => this.#read());
  #writer: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;

  /** @param session The session. */
  constructor(session: Pick<WebTransport, "datagrams">) {
    this.#session = session;
  }

  /** Largest datagram at the moment, bytes. */
  get maxBytes(): number {
    return this.#session.datagrams.maxDatagramSize;
  }

  /**
   * Sends one. Its bytes are copied.
   *
   * @throws NnrpValueError if it is too long, or its memory has vanished.
   */
  send(bytes: Uint8Array): void {
    const { maxBytes } = this;
    asBytes(bytes, "datagram");
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
    this.#writer.write(new Uint8Array(bytes)).catch(() => {}); // as if it had got lost
  }

  /** What comes in. Ends with the session. */
  received(): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#received.iterate();
  }

  async #read(): Promise<Uint8Array | null> {
    this.#reader ??= (this.#session.datagrams.readable as ReadableStream<Uint8Array>).getReader();
    return (await this.#reader.read()).value ?? null;
  }
}
