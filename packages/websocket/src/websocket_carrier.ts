/**
 * What all WebSocket carriers of this package have in common: one ordered byte stream, and what they report
 * about themselves.
 *
 * @module
 */
import { type ByteStream, ByteStreamCarrier, type Carrier, type Host, TransportId } from "@nnrp/core";

/** Path of the endpoint unless the address or the options name another. */
export const DEFAULT_PATH = "/nnrp";

/** What a carrier on a WebSocket reports about itself. */
export interface WebSocketCarrierInfo {
  /** The peer's address. */
  readonly remote: string;
  /** Whether bytes are encrypted. */
  readonly encrypted: boolean;
  /** Whether the server's certificate was left unchecked. Default false. */
  readonly unverified?: boolean;
}

/** A carrier on a WebSocket. */
export function carrierOn(stream: ByteStream, host: Host, info: WebSocketCarrierInfo): Carrier {
  return new ByteStreamCarrier(stream, {
    transport: TransportId.TCP, // the wire knows no other byte stream
    name: "websocket",
    host,
    ...info,
  });
}
