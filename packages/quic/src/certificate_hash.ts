/**
 * Certificates that a client accepts by their hash instead of their authority.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";

/** A certificate that a client accepts by its hash. */
export interface CertificateHash {
  /** `"sha-256"`. */
  readonly algorithm: string;
  /** Hash of the certificate (DER), 32 bytes. */
  readonly value: ArrayBuffer | ArrayBufferView;
}

/** Hashes of certificates; plain bytes are SHA-256. */
export type CertificateHashes = readonly (CertificateHash | Uint8Array)[];

/** A hash as runtimes want it. */
export interface RuntimeHash {
  /** Name of the algorithm. */
  algorithm: string;
  /** The hash. */
  value: BufferSource;
}

/**
 * Hashes as runtimes want them.
 *
 * @param hashes As the application gives them.
 * @param field Name of the option.
 * @throws NnrpValueError for what is no list of hashes.
 */
export function hashesOf(hashes: CertificateHashes, field: string): RuntimeHash[] {
  if (!Array.isArray(hashes)) throw wrong(field, hashes, "an array");
  return hashes.map((hash: CertificateHash | Uint8Array | null | undefined, i) => {
    if (hash instanceof Uint8Array) return { algorithm: "sha-256", value: hash as BufferSource };
    const { algorithm, value } = hash ?? {};
    const isBytes = value instanceof ArrayBuffer || ArrayBuffer.isView(value);
    if (typeof algorithm === "string" && isBytes) return { algorithm, value: value as BufferSource };
    throw wrong(`${field}[${i}]`, hash, "bytes, or { algorithm, value }");
  });
}

function wrong(field: string, actual: unknown, expected: string): NnrpValueError {
  const kind = actual === null ? "null" : typeof actual;
  return new NnrpValueError("is no hash of a certificate", { field, expected, actual: kind });
}
