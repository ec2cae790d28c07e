/**
 * Connections that claim what a test wants: another transport, or a certificate that nobody had to make.
 *
 * @module
 */
import type { Carrier, CarrierBinding, PeerIdentity } from "@nnrp/core";

/** What the server's ends of connections say of themselves. */
export interface Disguise {
  /** TransportId. */
  readonly transport?: number;
  /** Who the client proved to be. */
  readonly peerIdentity?: PeerIdentity;
}

/** A certificate of this holder, by serial number. */
export function certificateOf(name: string, serial = 1): PeerIdentity {
  return {
    subject: `CN=${name}`,
    commonName: name,
    fingerprint256: `${name} ${serial}`,
    issuer: "CN=Authority of the tests",
  };
}

/** The same listener, whose connections wear the disguise. `seen` gets the server's end of each. */
export function disguised(
  binding: CarrierBinding,
  disguise: Disguise,
  seen: (carrier: Carrier) => void = () => {},
): CarrierBinding {
  return {
    name: binding.name,
    transport: disguise.transport ?? binding.transport,
    listen: (accept, options) =>
      binding.listen((carrier) => {
        for (const [key, value] of Object.entries(disguise)) Object.defineProperty(carrier, key, { value });
        seen(carrier);
        accept(carrier);
      }, options),
  };
}
