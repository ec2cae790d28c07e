/**
 * The certificates of a run: made by the runner (`makeBenchCertificates`), read by the peers.
 *
 * @module
 */
import { readFile } from "node:fs/promises";

/** Where they are, from here; git-ignored. */
const FOLDER = "../../.cache/bench-certificates/";

/** An authority, a server certificate, its key, PEM. */
export interface BenchCertificates {
  /** Authority. */
  readonly ca: string;
  /** Server certificate. */
  readonly cert: string;
  /** Its key. */
  readonly key: string;
}

/** Reads them. */
export async function benchCertificates(): Promise<BenchCertificates> {
  const read = (name: string) => readFile(new URL(`${FOLDER}${name}.pem`, import.meta.url), "utf8");
  return { ca: await read("ca"), cert: await read("cert"), key: await read("key") };
}

let making: Promise<void> | null = null;

/** Makes them, once per run. */
export function makeBenchCertificates(): Promise<void> {
  return making ??= make();
}

async function make(): Promise<void> {
  const { mkdir, writeFile } = await import("node:fs/promises");
  const { makeDevCertificates } = await import("@nnrp/tools/cert");
  const { ca, cert, key } = await makeDevCertificates();
  await mkdir(new URL(FOLDER, import.meta.url), { recursive: true });
  for (const [name, text] of Object.entries({ ca, cert, key })) {
    await writeFile(new URL(`${FOLDER}${name}.pem`, import.meta.url), text, { mode: 0o600 });
  }
}
