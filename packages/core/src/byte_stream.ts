/**
 * What a {@linkcode ByteStreamCarrier} is made of: a runtime's socket, as thin as it can be, and what the
 * carrier reports about itself.
 *
 * @module
 */
import type { PeerIdentity } from "./carrier.ts";
import type { NnrpError } from "./errors.ts";
import type { Host } from "./host.ts";

/** What a socket reports. `closed` is the last event. */
export interface ByteStreamEvents {
  /** Where the next read may write; for sockets that read into memory they are given. */
  target(): Uint8Array;
  /** `count` bytes were read into the target. */
  filled(count: number): void;
  /** A chunk was received; its memory may be kept. */
  data(chunk: Uint8Array): void;
  /**
   * `count` bytes of the write in progress were accepted, and more remain: distinguishes a slow peer from a
   * stalled one.
   */
  progress(count: number): void;
  /** The last write completed; its memory may be reused. */
  written(): void;
  /** The last write failed: nothing can be sent any more. */
  writeFailed(cause: unknown): void;
  /**
   * Received bytes break the rules below the packets (WebSocket frames): the carrier reports it to the peer
   * and closes.
   */
  fault(error: NnrpError): void;
  /**
   * Something failed on this side, and what would be sent or read from here on makes no sense: the carrier
   * closes at once.
   */
  failed(cause: unknown): void;
  /** The peer ended its sending half (FIN). */
  ended(): void;
  /** The socket is closed; `cause` if a failure closed it. */
  closed(cause?: unknown): void;
}

/** A runtime's socket, as thin as it can be. */
export interface ByteStream {
  /** Starts reading and reporting. */
  start(events: ByteStreamEvents): void;
  /** Writes the ranges in order; called again only after `written`, which may come synchronously. */
  write(ranges: Uint8Array[]): void;
  /** Pauses reading (receive backpressure). */
  pause(): void;
  /** Resumes reading. */
  resume(): void;
  /**
   * Ends the sending half after what was written.
   *
   * @param reading Whether what the peer still sends is wanted (for sockets that cannot end one half alone).
   * @param roundTripMs How long a round trip may take on this path, ms; undefined = not measured.
   */
  shutdown(reading: boolean, roundTripMs?: number): void;
  /** Ends both halves at once; `closed` follows. */
  destroy(): void;
}

/** What a carrier reports about itself. */
export interface ByteStreamCarrierInfo {
  /** TransportId on the wire. */
  readonly transport: number;
  /** Carrier name, for example `"tcp"`. */
  readonly name: string;
  /** Whether bytes are encrypted. */
  readonly encrypted: boolean;
  /** The peer's address, `host:port`. */
  readonly remote: string;
  /** Who the peer proved to be; see {@linkcode Carrier.peerIdentity}. */
  readonly peerIdentity?: PeerIdentity;
  /** Whether the peer's certificate was left unchecked; see {@linkcode Carrier.unverified}. */
  readonly unverified?: boolean;
  /**
   * Whose timers and turns to use. Without one a closing carrier waits for its peer as long as it takes, ends
   * its stream right after its last packet, and sends what was committed during a write right behind it. With
   * one that leaves at the end of the turn: some runtimes finish a write before the turn is over, and many
   * small writes would follow each other.
   */
  readonly host?: Host;
}
