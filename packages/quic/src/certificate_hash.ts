/**
 * Certificates that a client accepts by their hash instead of their authority.
 *
 * @module
 */

/** A certificate that a client accepts by its hash. */
export interface CertificateHash {
  /** `"sha-256"`. */
  readonly algorithm: string;
  /** Hash of the certificate (DER), 32 bytes. */
  readonly value: ArrayBuffer | ArrayBufferView;
}

/** As runtimes want it: plain bytes are SHA-256. */
export function hashOf(hash: CertificateHash | Uint8Array): { algorithm: string; value: BufferSource } {
  const { algorithm, value } = hash instanceof Uint8Array ? { algorithm: "sha-256", value: hash } : hash;
  return { algorithm, value: value as BufferSource };
}
