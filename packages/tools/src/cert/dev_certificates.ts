/**
 * The usual set in one call: an authority and one server certificate.
 *
 * @module
 */
import { makeAuthority } from "./authority.ts";

/** An authority's certificate and a server certificate it issued. */
export interface DevCertificates {
  /** Authority, PEM: for clients (`caCerts: [ca]`). */
  readonly ca: string;
  /** Server certificate, PEM. */
  readonly cert: string;
  /** Its private key, PKCS#8 PEM. */
  readonly key: string;
  /** SHA-256 of the server certificate (DER), 32 bytes: for browsers (`serverCertificateHashes`). */
  readonly sha256: Uint8Array<ArrayBuffer>;
  /** Last moment. */
  readonly notAfter: Date;
}

/**
 * Makes an authority and a server certificate for `localhost`, `127.0.0.1`, `::1` and the given names.
 *
 * @param options `hosts`: more names and addresses; `days`: life, at most 14, default 10.
 * @throws NnrpValueError if a name is none, or the life is none or too long.
 */
export async function makeDevCertificates(
  options: { readonly hosts?: readonly string[]; readonly days?: number } = {},
): Promise<DevCertificates> {
  const authority = await makeAuthority();
  const { cert, key, sha256, notAfter } = await authority.issueServer(options);
  return { ca: authority.cert, cert, key, sha256, notAfter };
}
