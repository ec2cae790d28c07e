/**
 * A certificate authority that lives in this process and issues server and client certificates.
 *
 * @module
 */
// reflect-metadata must come first: the X.509 library needs it while it loads.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { NnrpValueError } from "@nnrp/core";
import { type Validity, validity } from "./validity.ts";

/** ECDSA P-256: what browsers take by hash, and quick to make. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Names every server certificate has. */
const LOCAL_HOSTS: readonly string[] = ["localhost", "127.0.0.1", "::1"];
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** Options of {@linkcode makeAuthority}. */
export interface AuthorityOptions {
  /** Common name. Default `"NNRP development CA"`. */
  readonly name?: string;
  /** Whole life, days, at most 14. Default 14. */
  readonly days?: number;
  /** First moment. Default: an hour ago. */
  readonly notBefore?: Date;
}

/** Options of {@linkcode CertificateAuthority.issueServer}. */
export interface ServerCertificateOptions {
  /** Names and addresses beside `localhost`, `127.0.0.1` and `::1`. */
  readonly hosts?: readonly string[];
  /** True: only `hosts`, without the local names. Default false. */
  readonly onlyHosts?: boolean;
  /** Whole life, days, at most 14. Default 10. */
  readonly days?: number;
  /** First moment. Default: an hour ago; give one long past for an expired certificate. */
  readonly notBefore?: Date;
}

/** Options of {@linkcode CertificateAuthority.issueClient}. */
export interface ClientCertificateOptions {
  /** Common name: who the client is. */
  readonly name: string;
  /** Whole life, days, at most 14. Default 10. */
  readonly days?: number;
  /** First moment. Default: an hour ago. */
  readonly notBefore?: Date;
}

/** A certificate and its key. */
export interface IssuedCertificate {
  /** Certificate, PEM. */
  readonly cert: string;
  /** Private key, PKCS#8 PEM. */
  readonly key: string;
  /** SHA-256 of the certificate (DER), 32 bytes: what browsers compare (`serverCertificateHashes`). */
  readonly sha256: Uint8Array<ArrayBuffer>;
  /** Subject, for example `"CN=localhost"`. */
  readonly subject: string;
  /** Names and addresses it is good for; empty for client certificates. */
  readonly hosts: readonly string[];
  /** First moment. */
  readonly notBefore: Date;
  /** Last moment. */
  readonly notAfter: Date;
}

/** A certificate authority of this process; see {@linkcode makeAuthority}. */
export interface CertificateAuthority {
  /** Its certificate, PEM: what peers are told to trust. */
  readonly cert: string;
  /** First moment. */
  readonly notBefore: Date;
  /** Last moment. */
  readonly notAfter: Date;
  /**
   * Issues a server certificate.
   *
   * @param options Names and life.
   * @throws NnrpValueError if a name is none, or the life is none or too long.
   */
  issueServer(options?: ServerCertificateOptions): Promise<IssuedCertificate>;
  /**
   * Issues a client certificate.
   *
   * @param options Who the client is, and life.
   * @throws NnrpValueError if the name is none, or the life is none or too long.
   */
  issueClient(options: ClientCertificateOptions): Promise<IssuedCertificate>;
}

/**
 * Makes an authority. Its key stays in this process and ends with it, so whoever trusts its certificate trusts only what was
 * issued here.
 *
 * @param options Name and life.
 * @throws NnrpValueError if the life is none or too long.
 */
export async function makeAuthority(options: AuthorityOptions = {}): Promise<CertificateAuthority> {
  const name = options.name ?? "NNRP development CA";
  const life = validity(options.days ?? 14, options.notBefore);
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: subjectOf(name),
    ...life,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return new Authority(certificate, keys);
}

class Authority implements CertificateAuthority {
  readonly cert: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly #certificate: x509.X509Certificate;
  readonly #keys: CryptoKeyPair;

  constructor(certificate: x509.X509Certificate, keys: CryptoKeyPair) {
    this.#certificate = certificate;
    this.#keys = keys;
    this.cert = pem(certificate);
    this.notBefore = certificate.notBefore;
    this.notAfter = certificate.notAfter;
  }

  async issueServer(options: ServerCertificateOptions = {}): Promise<IssuedCertificate> {
    const given = options.hosts ?? [];
    const hosts = [...new Set(options.onlyHosts ? given : [...LOCAL_HOSTS, ...given])];
    if (hosts.length === 0) {
      throw new NnrpValueError("a server certificate needs a name", {
        field: "hosts",
        expected: "one or more",
      });
    }
    const names = hosts.map(alternativeName);
    return await this.#issue(hosts[0], SERVER_AUTH, hosts, validity(options.days, options.notBefore), [
      new x509.SubjectAlternativeNameExtension(names),
    ]);
  }

  async issueClient(options: ClientCertificateOptions): Promise<IssuedCertificate> {
    return await this.#issue(options.name, CLIENT_AUTH, [], validity(options.days, options.notBefore), []);
  }

  async #issue(
    name: string,
    usage: string,
    hosts: readonly string[],
    life: Validity,
    extensions: x509.Extension[],
  ): Promise<IssuedCertificate> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: subjectOf(name),
      issuer: this.#certificate.subject,
      ...life,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
        ...extensions,
      ],
    });
    const der = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    return {
      cert: pem(certificate),
      key: `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`,
      sha256: new Uint8Array(await crypto.subtle.digest("SHA-256", certificate.rawData)),
      subject: certificate.subject,
      hosts,
      ...life,
    };
  }
}

function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

/** 127 random bits, positive as X.509 wants it. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = bytes[0] & 0x7f | 0x40;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

/** As a structure, not as text: a name may hold commas and equal signs. */
function subjectOf(name: string): { CN: string[] }[] {
  // deno-lint-ignore no-control-regex
  if (name === "" || name.length > 64 || /[\0-\x1f\x7f]/.test(name)) {
    throw new NnrpValueError("is no common name", {
      field: "name",
      expected: "1 to 64 printable characters",
      actual: name,
    });
  }
  return [{ CN: [name] }];
}

function alternativeName(host: string): { type: "ip" | "dns"; value: string } {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host) || /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(host)) {
    return { type: "ip", value: host };
  }
  if (
    host.length > 253 ||
    !/^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(host)
  ) {
    throw new NnrpValueError("is no host name or address", {
      field: "hosts",
      expected: "a DNS name, an IPv4 or an IPv6 address, without port",
      actual: host,
    });
  }
  return { type: "dns", value: host };
}
