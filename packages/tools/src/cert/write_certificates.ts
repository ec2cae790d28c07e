/**
 * Writes development certificates to a folder and says how to use them.
 *
 * @module
 */
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { CommandError } from "../command.ts";
import { type IssuedCertificate, makeAuthority } from "./authority.ts";

/** What to write. */
export interface CertificateFiles {
  /** Folder; made if it is not there. */
  readonly out: string;
  /** Names and addresses beside the local ones. */
  readonly hosts: readonly string[];
  /** Life, days. */
  readonly days: number;
  /** Client names. */
  readonly clients: readonly string[];
  /** Whether files that are there are overwritten. */
  readonly force: boolean;
  /** One JSON object instead of text. */
  readonly json: boolean;
}

/** Names the server's files have. */
const RESERVED = new Set(["ca", "cert", "key"]);

interface PemFile {
  path: string;
  text: string;
  mode: number;
}

/**
 * Makes the certificates, writes them, prints what to do with them.
 *
 * @param wanted What to write.
 * @param output Where lines go.
 * @returns The exit code.
 */
export async function writeCertificates(
  wanted: CertificateFiles,
  output: { readonly print: (line: string) => void },
): Promise<number> {
  for (const name of wanted.clients) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/.test(name) || RESERVED.has(name.toLowerCase())) {
      throw new CommandError(
        `--client ${name}: a name is letters, digits and . _ @ - (it names the files too), and not ca, cert or key`,
        2,
      );
    }
  }
  const authority = await makeAuthority();
  const server = await authority.issueServer({ hosts: wanted.hosts, days: wanted.days });
  const clients: { name: string; issued: IssuedCertificate }[] = [];
  for (const name of new Set(wanted.clients)) {
    clients.push({ name, issued: await authority.issueClient({ name, days: wanted.days }) });
  }

  const at = (name: string) => join(wanted.out, name);
  const files: PemFile[] = [
    { path: at("ca.pem"), text: authority.cert, mode: 0o644 },
    { path: at("cert.pem"), text: server.cert, mode: 0o644 },
    { path: at("key.pem"), text: server.key, mode: 0o600 },
  ];
  for (const { name, issued } of clients) {
    files.push({ path: at(`${name}.pem`), text: issued.cert, mode: 0o644 });
    files.push({ path: at(`${name}-key.pem`), text: issued.key, mode: 0o600 });
  }
  await writeAll(wanted.out, files, wanted.force);

  const hex = Array.from(server.sha256, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const base64 = btoa(String.fromCharCode(...server.sha256));
  if (wanted.json) {
    output.print(JSON.stringify({
      ca: at("ca.pem"),
      cert: at("cert.pem"),
      key: at("key.pem"),
      hosts: server.hosts,
      notAfter: server.notAfter.toISOString(),
      sha256: hex,
      sha256Base64: base64,
      clients: clients.map(({ name }) => ({ name, cert: at(`${name}.pem`), key: at(`${name}-key.pem`) })),
    }));
    return 0;
  }
  const text = (name: string) => `await readFile(${JSON.stringify(at(name))}, "utf8")`;
  output.print(`wrote ${files.map((f) => f.path).join(", ")}`);
  output.print(`good for ${server.hosts.join(", ")} until ${day(server.notAfter)}`);
  output.print("");
  output.print(`server   tls({ port: 4433, cert: ${text("cert.pem")}, key: ${text("key.pem")} })`);
  output.print(`client   tls({ caCerts: [${text("ca.pem")}] })`);
  output.print(`browser  serverCertificateHashes: [{ algorithm: "sha-256", value:`);
  output.print(`           Uint8Array.from(atob("${base64}"), (c) => c.charCodeAt(0)) }]`);
  for (const { name } of clients) {
    output.print(`${name}: tls({ caCerts: [${text("ca.pem")}], cert: ${text(`${name}.pem`)},`);
    output.print(`  key: ${text(`${name}-key.pem`)} }); the server: clientCaCerts: [${text("ca.pem")}]`);
  }
  return 0;
}

/** All or none: files that are there are found before the first is written. */
async function writeAll(folder: string, files: readonly PemFile[], force: boolean): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    if (!force) {
      for (const { path } of files) {
        if (await exists(path)) {
          throw new CommandError(`${path} is there already; --force overwrites it, --out writes elsewhere`);
        }
      }
    }
    for (const { path, text, mode } of files) {
      // A new file gets its mode at birth: a key is never readable for others, not even for a moment.
      if (force) await rm(path, { force: true });
      const file = await open(path, "wx", mode);
      try {
        await file.writeFile(text);
      } finally {
        await file.close();
      }
    }
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    throw new CommandError(
      `cannot write to ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await (await open(path, "r")).close();
    return true;
  } catch (cause) {
    return (cause as { code?: unknown }).code !== "ENOENT";
  }
}

function day(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
