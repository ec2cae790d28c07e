/**
 * Checks certificates and keys before a runtime sees them: some runtimes report of a wrong one only that the
 * handshake failed, some accept it silently.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";

/**
 * The certificates of some PEM texts, one each. A text may hold several.
 *
 * @param texts PEM texts.
 * @param field Name of the option.
 * @throws NnrpValueError if that is no array, or a text holds none.
 */
export function splitCertificates(texts: readonly string[], field: string): string[] {
  if (!Array.isArray(texts)) {
    throw new NnrpValueError("is no list of PEM texts", {
      field,
      expected: "an array",
      actual: texts === null ? "null" : typeof texts,
    });
  }
  return texts.flatMap((text, i) => {
    const found = typeof text === "string" ? certificatesIn(text) : [];
    if (found.length === 0) throw noPem(`${field}[${i}]`, "CERTIFICATE", text);
    return found.map((one) => `${one}\n`);
  });
}

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";

/**
 * What is between BEGIN and END lines, both included. Each character is visited once, whatever the text is.
 */
function certificatesIn(text: string): string[] {
  const found: string[] = [];
  for (let start = text.indexOf(BEGIN); start >= 0;) {
    const end = text.indexOf(END, start + BEGIN.length);
    if (end < 0) break;
    found.push(text.slice(start, end + END.length));
    start = text.indexOf(BEGIN, end + END.length);
  }
  return found;
}

/**
 * Checks that a certificate and a key are PEM and both given.
 *
 * @param cert Option `cert`.
 * @param key Option `key`.
 * @param options Name of the options that they are among, for example `"tls"`.
 * @throws NnrpValueError if one is missing or is not PEM.
 */
export function checkPair(cert: string | undefined, key: string | undefined, options: string): void {
  if (cert === undefined && key === undefined) return;
  if (cert === undefined || key === undefined) {
    throw new NnrpValueError("certificate and key go together", {
      field: `${options}.${cert === undefined ? "cert" : "key"}`,
      expected: "a PEM text",
      actual: "nothing",
    });
  }
  splitCertificates([cert], `${options}.cert`);
  if (typeof key !== "string" || !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) {
    throw noPem(`${options}.key`, "PRIVATE KEY", key);
  }
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(key)) {
    throw new NnrpValueError("is encrypted; decrypt it first (openssl pkey -in …)", {
      field: `${options}.key`,
    });
  }
}

/**
 * Checks that certificates can be read and that a key is the one of its certificate.
 *
 * @param pair Certificate and key, if there are some.
 * @param authorities Other certificates.
 * @param options Name of the options that they are among.
 * @param field Name of the one that holds `authorities`.
 * @throws NnrpValueError if something cannot be read or does not fit.
 */
export async function checkMaterial(
  pair: { readonly cert: string; readonly key: string } | null,
  authorities: readonly string[],
  options: string,
  field: string,
): Promise<void> {
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  const read = (pem: string, name: string) => {
    try {
      return new X509Certificate(pem);
    } catch (cause) {
      throw new NnrpValueError("cannot be read as a certificate", { field: name, cause });
    }
  };
  authorities.forEach((pem) => read(pem, `${options}.${field}`));
  if (pair === null) return;
  const certificate = read(splitCertificates([pair.cert], `${options}.cert`)[0], `${options}.cert`);
  let key: ReturnType<typeof createPrivateKey>;
  try {
    key = createPrivateKey(pair.key);
  } catch (cause) {
    throw new NnrpValueError("cannot be read as a private key", { field: `${options}.key`, cause });
  }
  if (!certificate.checkPrivateKey(key)) {
    throw new NnrpValueError(`is not the key of ${options}.cert`, { field: `${options}.key` });
  }
}

function noPem(field: string, label: string, text: unknown): NnrpValueError {
  const isPath = typeof text === "string" && text.length < 300 && !text.includes("\n");
  const isSecret = label === "PRIVATE KEY" && typeof text === "string"; // perhaps a key without its first line
  return new NnrpValueError(isPath ? "is the text of a file, not its name" : "is no PEM text", {
    field,
    expected: `-----BEGIN ${label}-----…`,
    actual: isSecret
      ? `${text.length} characters`
      : typeof text === "string"
      ? `${text.slice(0, 40)}${text.length > 40 ? "…" : ""}`
      : typeof text,
  });
}
