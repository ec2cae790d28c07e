/**
 * Certificates for development and tests, made in the process: an authority of one's own, short-lived server certificates that
 * browsers accept by their hash, client certificates. ECDSA P-256, PEM, on Deno, Node and Bun.
 *
 * ```ts
 * import { makeDevCertificates } from "@nnrp/tools/cert";
 *
 * const { ca, cert, key, sha256 } = await makeDevCertificates({ hosts: ["render-7.lan"] });
 * // server: tls({ port: 4433, cert, key }); client: tls({ caCerts: [ca] })
 * // browser: new WebTransport(url, { serverCertificateHashes: [{ algorithm: "sha-256", value: sha256 }] })
 * ```
 *
 * @module
 */
export {
  type AuthorityOptions,
  type CertificateAuthority,
  type ClientCertificateOptions,
  type IssuedCertificate,
  makeAuthority,
  type ServerCertificateOptions,
} from "./authority.ts";
export { type DevCertificates, makeDevCertificates } from "./dev_certificates.ts";
export { DEFAULT_DAYS, MAX_DAYS } from "./validity.ts";
