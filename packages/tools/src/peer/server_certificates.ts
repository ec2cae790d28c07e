/**
 * Certificates of the scripted QUIC server: those of its flags, those in a folder, or fresh ones.
 *
 * @module
 */
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { makeDevCertificates } from "../cert/mod.ts";
import type { ServeFlags } from "./serve_flags.ts";

/** What the server needs, and what its clients are told. */
export interface ServerCertificates {
  /** Certificate chain, PEM. */
  readonly cert: string;
  /** Private key, PEM. */
  readonly key: string;
  /** Absolute path of the authority's certificate, if there is one. */
  readonly caFile: string | undefined;
}

/**
 * Reads or makes the certificates.
 *
 * @param flags `cert`, `key`, `ca` or `certDir`; none of them: fresh ones in a temporary folder.
 */
export async function serverCertificates(
  flags: Pick<ServeFlags, "cert" | "key" | "ca" | "certDir">,
): Promise<ServerCertificates> {
  const { cert, key, ca, certDir } = flags;
  if (cert !== undefined && key !== undefined) {
    return { ...await read(cert, key), caFile: ca === undefined ? undefined : resolve(ca) };
  }
  const folder = resolve(certDir ?? await mkdtemp(join(tmpdir(), "nnrp-certs-")));
  const [caFile, certFile, keyFile] = ["ca.pem", "cert.pem", "key.pem"].map((name) => join(folder, name));
  try {
    return { ...await read(certFile, keyFile), caFile };
  } catch {
    // None there yet.
  }
  const made = await makeDevCertificates();
  await mkdir(folder, { recursive: true });
  await writeFile(caFile, made.ca);
  await writeFile(certFile, made.cert);
  await writeFile(keyFile, made.key, { mode: 0o600 });
  return { cert: made.cert, key: made.key, caFile };
}

async function read(cert: string, key: string): Promise<{ cert: string; key: string }> {
  return { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
}
