/**
 * What all WebSocket carriers of this package have in common: one ordered byte stream, and what they say of themselves.
 *
 * @module
 */
import { type ByteStream, ByteStreamCarrier, type Carrier, TransportId } from "@nnrp/core";

/** Path of the endpoint unless the address or the options name another. */
export const DEFAULT_PATH = "/nnrp";

/** A carrier on a WebSocket. */
export function carrierOn(
  stream: ByteStream,
  remote: string,
  encrypted: boolean,
  unverified = false,
): Carrier {
  return new ByteStreamCarrier(stream, {
    transport: TransportId.TCP, // the wire knows no other byte stream
    name: "websocket",
    encrypted,
    remote,
    unverified,
    after,
    later,
  });
}

function after(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}

/** After the event loop looked at its sockets. */
const later: ((call: () => void) => void) | undefined = (() => {
  const { setImmediate } = globalThis as { setImmediate?: (call: () => void) => unknown };
  return setImmediate === undefined ? undefined : (call) => void setImmediate(call);
})();
