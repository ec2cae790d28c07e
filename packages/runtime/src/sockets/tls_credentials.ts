/**
 * Certificates and keys of a carrier that may change while it is in use: asked for when they are needed, checked, and made a dialer
 * of only where they are other than before, since reading them takes milliseconds.
 *
 * @module
 */
import { type Credential, type Host, NnrpValueError } from "@nnrp/core";
import { askCredential, isAsked } from "../credentials.ts";
import type { WaitOptions } from "../wait.ts";
import { checkMaterial, checkPair, splitCertificates } from "./tls_material.ts";
import type { KeyPair, TlsClientSettings, TlsDialer } from "./tls_settings.ts";

/** A certificate and its key, PEM, or where to ask for them. */
export interface KeyPairSource {
  /** Certificate, then those between it and its authority. Default: none. */
  readonly cert?: Credential<string>;
  /** Private key of `cert`, not encrypted. */
  readonly key?: Credential<string>;
}

/** How a carrier dials. */
export interface TlsDialingOptions extends KeyPairSource {
  /** ALPN protocol name. */
  readonly alpn: string;
  /** Authorities beside the system's and the environment's, PEM texts. Default: none. */
  readonly caCerts?: Credential<readonly string[]>;
  /** Whether the server's certificate is left unchecked. Default false. */
  readonly insecureSkipVerify?: boolean;
}

/**
 * Checks of a certificate and a key what can be known before somebody is asked.
 *
 * @param options Name of the options that they are among, for example `"tls"`.
 * @throws NnrpValueError if one is missing, or a fixed one is not PEM.
 */
export function checkPairSource({ cert, key }: KeyPairSource, options: string): void {
  const isKnown = (one: Credential<string> | undefined) => one === undefined || !isAsked(one);
  if (isKnown(cert) && isKnown(key)) {
    return checkPair(cert as string | undefined, key as string | undefined, options);
  }
  if (cert === undefined || key === undefined) checkPair(cert && "", key && "", options); // names the missing one
}

/**
 * A certificate and its key as they are now: the certificate is asked for first, then the key, so that a source that reads both
 * together gives two that fit.
 *
 * @param options Name of the options that they are among.
 * @throws What {@linkcode askCredential} throws; NnrpValueError as {@linkcode checkPair}.
 */
export async function askKeyPair(
  host: Host,
  { cert, key }: KeyPairSource,
  options: string,
  limits: WaitOptions,
): Promise<KeyPair | null> {
  if (cert === undefined || key === undefined) return null;
  const pair = {
    cert: demandText(await askCredential(host, cert, `${options}.cert`, limits), `${options}.cert`),
    key: demandText(await askCredential(host, key, `${options}.key`, limits), `${options}.key`),
  };
  checkPair(pair.cert, pair.key, options);
  return pair;
}

/** The dialer of a carrier, as its certificates are at the time. */
export class TlsDialing {
  readonly #options: TlsDialingOptions;
  readonly #names: string;
  readonly #make: (settings: TlsClientSettings) => Promise<TlsDialer>;
  #last: { readonly settings: TlsClientSettings; readonly dialer: Promise<TlsDialer> } | null = null;

  /**
   * @param options The carrier's.
   * @param names Name of the options that they are among, for example `"tls"`.
   * @param make Makes a dialer of the certificates as they are.
   */
  constructor(
    options: TlsDialingOptions,
    names: string,
    make: (settings: TlsClientSettings) => Promise<TlsDialer>,
  ) {
    this.#options = options;
    this.#names = names;
    this.#make = make;
  }

  /**
   * The dialer for one dial.
   *
   * @param limits How long whoever gives certificates may take.
   * @throws What {@linkcode askCredential} throws; NnrpValueError for what cannot be used.
   */
  async dialer(host: Host, limits: WaitOptions): Promise<TlsDialer> {
    const { alpn, caCerts = [], insecureSkipVerify = false } = this.#options;
    const settings = {
      alpn,
      identity: await askKeyPair(host, this.#options, this.#names, limits),
      caCerts: splitCertificates(
        await askCredential(host, caCerts, `${this.#names}.caCerts`, limits),
        `${this.#names}.caCerts`,
      ),
      insecureSkipVerify,
    };
    if (this.#last === null || !isSame(this.#last.settings, settings)) {
      this.#last = { settings, dialer: this.#prepare(settings) };
    }
    return await this.#last.dialer;
  }

  async #prepare(settings: TlsClientSettings): Promise<TlsDialer> {
    await checkMaterial(settings.identity, settings.caCerts, this.#names, "caCerts");
    return await this.#make(settings);
  }
}

function isSame(one: TlsClientSettings, other: TlsClientSettings): boolean {
  return one.identity?.cert === other.identity?.cert && one.identity?.key === other.identity?.key &&
    one.caCerts.length === other.caCerts.length &&
    one.caCerts.every((text, i) => text === other.caCerts[i]);
}

function demandText(text: unknown, field: string): string {
  if (typeof text === "string") return text;
  throw new NnrpValueError("is no PEM text", {
    field,
    expected: "a string",
    actual: text === null ? "null" : typeof text,
  });
}
