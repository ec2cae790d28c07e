/**
 * Certificates for the tests of all packages.
 *
 * @module
 */
export {
  type CertificateAuthority,
  type DevCertificates,
  type IssuedCertificate,
  makeAuthority,
  makeDevCertificates,
} from "@nnrp/tools/cert";
