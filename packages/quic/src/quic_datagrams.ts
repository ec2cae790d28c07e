/**
 * Datagrams of a QUIC connection: raw bytes beside the streams, unordered and unreliable (behaviour spec §3).
 *
 * @module
 */
import { asBytes, type CarrierDatagrams, NnrpValueError } from "@nnrp/core";
import { ReceivedDatagrams } from "./received_datagrams.ts";

/** What this needs of a connection. */
export interface DatagramConnection {
  /** Largest datagram at the moment, bytes. */
  readonly maxDatagramSize: number;
  /** Sends one. */
  sendDatagram(data: Uint8Array): Promise<void>;
  /** Waits for the next one; rejects when the connection ends. */
  readDatagram(): Promise<Uint8Array>;
}

/** Datagrams of a connection of Deno. */
export class QuicDatagrams implements CarrierDatagrams {
  readonly #conn: DatagramConnection;
  readonly #received: ReceivedDatagrams;

  /** @param conn The connection. */
  constructor(conn: DatagramConnection) {
    this.#conn = conn;
    this.#received = new ReceivedDatagrams(() => conn.readDatagram());
  }

  /** Largest datagram at the moment, bytes. */
  get maxBytes(): number {
    return this.#conn.maxDatagramSize;
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
    this.#conn.sendDatagram(new Uint8Array(bytes)).catch(() => {}); // as if it had got lost
  }

  /** What comes in; the runtime keeps few of them while nobody reads. Ends with the connection. */
  received(): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#received.iterate();
  }
}
