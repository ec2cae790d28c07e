/**
 * Bypasses a session's rules: packets as they are, the carrier, its streams and datagrams.
 *
 * @module
 */
import {
  type Carrier,
  type CarrierDatagrams,
  type ClientEngine,
  type Lane,
  type NnrpPacket,
  NnrpUnsupportedError,
} from "@nnrp/core";

/** Bypasses the session's rules: for tests, relays and tools. */
export interface RawSession {
  /** Sends a packet as it is, without checks or bookkeeping. Its bytes are copied. */
  sendPacket(lane: Lane, packet: NnrpPacket): void;
  /** The carrier in use; another one after a move. */
  readonly carrier: Carrier;
  /** Id of the stream that the last packet of a lane travelled on (behaviour spec §2, §3). */
  lastStreamId(lane: Lane): number;
  /**
   * Datagrams of the carrier in use.
   *
   * @throws NnrpUnsupportedError if it has none.
   */
  readonly datagrams: CarrierDatagrams;
}

/** See {@linkcode RawSession}. */
export class RawAccess implements RawSession {
  readonly #engine: ClientEngine;
  readonly #current: () => Carrier;

  constructor(engine: ClientEngine, current: () => Carrier) {
    this.#engine = engine;
    this.#current = current;
  }

  sendPacket(lane: Lane, packet: NnrpPacket): void {
    this.#engine.sendRaw(lane, packet);
  }

  get carrier(): Carrier {
    return this.#current();
  }

  lastStreamId(lane: Lane): number {
    return this.#current().lastStreamId(lane);
  }

  get datagrams(): CarrierDatagrams {
    const { datagrams, name } = this.#current();
    if (datagrams !== undefined) return datagrams;
    throw new NnrpUnsupportedError(`${name} has no datagrams; QUIC and WebTransport have`);
  }
}
