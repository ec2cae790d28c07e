import { NnrpValueError } from "@nnrp/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { makeAuthority, makeDevCertificates } from "./mod.ts";

test("a server certificate is signed by its authority, names the local host and the names given, and lives ten days", async () => {
  const { ca, cert, key, sha256, notAfter } = await makeDevCertificates({
    hosts: ["render-7.lan", "10.0.0.7"],
  });
  const authority = new X509Certificate(ca);
  const server = new X509Certificate(cert);
  assert(authority.ca && !server.ca);
  assert(server.verify(authority.publicKey) && authority.verify(authority.publicKey));
  assertEquals(server.issuer, authority.subject);
  for (const name of ["localhost", "render-7.lan"]) assert(server.checkHost(name) !== undefined, name);
  for (const address of ["127.0.0.1", "::1", "10.0.0.7"]) {
    assert(server.checkIP(address) !== undefined, address);
  }
  assertEquals([server.checkHost("other.lan"), server.checkIP("10.0.0.8")], [undefined, undefined]);
  const lifeMs = Date.parse(server.validTo) - Date.parse(server.validFrom);
  assertEquals([lifeMs, Date.parse(server.validTo)], [10 * 86_400_000, notAfter.getTime()]);
  assert(key.startsWith("-----BEGIN PRIVATE KEY-----\n"), "PKCS#8");
  const fingerprint = Array.from(sha256, (b) => b.toString(16).padStart(2, "0").toUpperCase()).join(":");
  assertEquals(fingerprint, server.fingerprint256);
});

test("a client certificate names the client, whatever is in the name", async () => {
  const authority = await makeAuthority({ name: "Studio" });
  const alice = await authority.issueClient({ name: "alice, O=none" });
  const certificate = new X509Certificate(alice.cert);
  assert(certificate.verify(new X509Certificate(authority.cert).publicKey));
  assertEquals(certificate.subject.includes("\n"), false, "one attribute only");
  assert(certificate.subject.startsWith("CN="));
  assertEquals(alice.hosts, []);
});

test("two authorities do not vouch for each other, though they have one name", async () => {
  const [one, other] = [await makeAuthority(), await makeAuthority()];
  const server = new X509Certificate((await one.issueServer()).cert);
  assertEquals(server.verify(new X509Certificate(other.cert).publicKey), false);
});

test("a life of nothing or of more than fourteen days, and a name that is none, are refused", async () => {
  const authority = await makeAuthority();
  for (const days of [0, -1, 14.01, NaN, Infinity]) {
    await assertRejects(() => authority.issueServer({ days }), NnrpValueError, "days");
  }
  const longest = await authority.issueServer({ days: 14 });
  assertEquals(longest.notAfter.getTime() - longest.notBefore.getTime(), 14 * 86_400_000);
  for (const host of ["", "a b", "host:4433", "-x", "https://x", "x..y"]) {
    await assertRejects(() => authority.issueServer({ hosts: [host] }), NnrpValueError, "hosts");
  }
  for (const name of ["", "x".repeat(65), "a\nb"]) {
    await assertRejects(() => authority.issueClient({ name }), NnrpValueError, "name");
  }
});
