import { assert, assertEquals } from "@std/assert";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { runCli } from "../cli.ts";

async function run(...argv: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(["cert", ...argv], {
    print: (l) => void out.push(l),
    warn: (l) => void err.push(l),
  });
  return { code, out, err };
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nnrp-cert-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("nnrp cert writes an authority, a certificate and a key nobody else can read, and says how to use them", () =>
  inFolder(async (folder) => {
    const out = join(folder, "new", "certs");
    const { code, out: lines, err } = await run(
      "--out",
      out,
      "--host",
      "render-7.lan",
      "--host",
      "10.0.0.7",
      "--days",
      "3",
    );
    assertEquals([code, err], [0, []]);
    const cert = new X509Certificate(await readFile(join(out, "cert.pem")));
    assert(cert.verify(new X509Certificate(await readFile(join(out, "ca.pem"))).publicKey));
    assert(cert.checkHost("render-7.lan") !== undefined && cert.checkIP("10.0.0.7") !== undefined);
    assertEquals((await stat(join(out, "key.pem"))).mode & 0o777, 0o600);
    const text = lines.join("\n");
    for (const word of ["server ", "client ", "browser ", "serverCertificateHashes", "render-7.lan"]) {
      assert(text.includes(word), word);
    }
  }));

test("nnrp cert --json tells paths, names, end and hash", () =>
  inFolder(async (folder) => {
    const { code, out } = await run("--out", folder, "--json", "--client", "alice");
    assertEquals([code, out.length], [0, 1]);
    const told = JSON.parse(out[0]);
    const cert = new X509Certificate(await readFile(told.cert));
    assertEquals(told.sha256, cert.fingerprint256.replaceAll(":", "").toLowerCase());
    assertEquals(Date.parse(told.notAfter), Date.parse(cert.validTo));
    assertEquals(told.hosts, ["localhost", "127.0.0.1", "::1"]);
    const [alice] = told.clients;
    assertEquals(new X509Certificate(await readFile(alice.cert)).subject, "CN=alice");
    assertEquals((await stat(alice.key)).mode & 0o777, 0o600);
  }));

test("nnrp cert does not overwrite unless told to, and then key and certificate fit", () =>
  inFolder(async (folder) => {
    assertEquals((await run("--out", folder)).code, 0);
    const before = await readFile(join(folder, "cert.pem"), "utf8");
    const again = await run("--out", folder);
    assertEquals([again.code, again.out], [1, []]);
    assert(again.err[0].includes("--force"));
    assertEquals(await readFile(join(folder, "cert.pem"), "utf8"), before);
    assertEquals((await run("--out", folder, "--force")).code, 0);
    assert(await readFile(join(folder, "cert.pem"), "utf8") !== before);
    assertEquals((await stat(join(folder, "key.pem"))).mode & 0o777, 0o600);
  }));

test("nnrp cert says what is wrong with its options", () =>
  inFolder(async (folder) => {
    const cases: [string[], number, string][] = [
      [["--days", "15"], 2, "--days"],
      [["--days", "0"], 2, "--days"],
      [["--client", "../evil"], 2, "--client"],
      [["--client", "key"], 2, "--client"],
      [["--host", "a b"], 1, "hosts"],
    ];
    for (const [argv, exit, word] of cases) {
      const { code, err } = await run("--out", folder, ...argv);
      assertEquals(code, exit, argv.join(" "));
      assert(err[0].includes(word), err[0]);
    }
    const { code, err } = await run("--out", join(folder, "no\0pe"));
    assertEquals(code, 1);
    assert(err[0].includes("cannot write"), err[0]);
  }));
