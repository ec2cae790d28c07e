/**
 * Certificates that age: `cert`, `key` and `caCerts` of tls() as functions are asked before each dial.
 */
import { type Credential, NnrpCredentialError, NnrpTransportError, NnrpValueError } from "@nnrp/core";
import { dialClient, type LogEvent } from "@nnrp/client";
import { serve } from "@nnrp/server";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { makeAuthority } from "../../../tests/support/test_certificates.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { tls, type TlsOptions } from "../mod.ts";
import { authority, ca, dial, listen, server } from "../tests/tls_rig.ts";

const alice = await authority.issueClient({ name: "alice" });
const renewed = await authority.issueClient({ name: "alice" });
const other = await makeAuthority();
const fixed = { caCerts: [ca], cert: alice.cert, key: alice.key };

test("each dial shows the certificate of that moment, and trusts whom it trusts then", async () => {
  const at = await listen({ clientCaCerts: [ca] });
  let now = alice;
  let trusted = [ca];
  const order: string[] = [];
  const carrier = tls({
    cert: () => (order.push("cert"), now.cert),
    key: () => Promise.resolve((order.push("key"), now.key)),
    caCerts: () => (order.push("caCerts"), trusted),
  });
  const shown = async () => {
    const mine = await carrier.dial({ host: "127.0.0.1", port: at.port });
    const its = await at.next();
    await Promise.all([mine.close({ graceful: false }), its.close({ graceful: false })]);
    return its.peerIdentity?.fingerprint256;
  };
  const [first, again] = [await shown(), await shown()];
  now = renewed;
  const next = await shown();
  assert(first !== undefined && next !== undefined);
  assertEquals([again === first, next === first], [true, false]);
  trusted = [other.cert];
  await assertRejects(shown, NnrpTransportError, "authority");
  trusted = [ca, other.cert];
  assertEquals(await shown(), next);
  assertEquals(order, Array(5).fill(["cert", "key", "caCerts"]).flat());
  await at.listener.close();
});

test("a listener asks for its certificate when it begins to listen", async () => {
  const at = await listen({ cert: () => Promise.resolve(server.cert), key: () => server.key });
  const mine = await dial(at.port);
  const its = await at.next();
  await Promise.all([mine.close({ graceful: false }), its.close({ graceful: false }), at.listener.close()]);
  const boom = new Error("no vault");
  const error = await assertRejects(
    () => listen({ cert: () => Promise.reject(boom), key: server.key }),
    NnrpCredentialError,
  );
  assertEquals([error.field, error.cause], ["tls.cert", boom]);
});

test("a function that fails, or gives what cannot be used, fails that dial by the option's name, and no later one", async () => {
  const at = await listen({ clientCaCerts: [ca] });
  const boom = new Error("no vault");
  const thrower = () => {
    throw boom;
  };
  const wrong: (readonly [string, keyof TlsOptions, unknown])[] = [
    ...(["cert", "key", "caCerts"] as const).map((name) => [`tls.${name}`, name, thrower] as const),
    ...[undefined, null, 5, {}, "", "cert.pem", new Uint8Array(3)].flatMap((value) => [
      ["tls.cert", "cert", () => value] as const,
      ["tls.key", "key", () => value] as const,
      ["tls.caCerts", "caCerts", () => value] as const,
      ["tls.caCerts", "caCerts", () => [value]] as const,
    ]),
    ["tls.key", "key", () => renewed.key], // that of another certificate
    ["tls.cert", "cert", () => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
  ];
  for (const [field, name, source] of wrong) {
    let isWrong = true;
    const good = fixed[name as keyof typeof fixed];
    const given = { ...fixed, [name]: () => isWrong ? (source as () => unknown)() : good } as TlsOptions;
    const carrier = tls(given);
    const target = { host: "127.0.0.1", port: at.port };
    const error = await assertRejects(
      () => carrier.dial(target),
      source === thrower ? NnrpCredentialError : NnrpValueError,
    );
    assert((error as NnrpValueError).field.startsWith(field), `${(error as NnrpValueError).field}: ${field}`);
    if (source === thrower) assertEquals(error.cause, boom);
    isWrong = false;
    const mine = await carrier.dial(target);
    const its = await at.next();
    await Promise.all([mine.close({ graceful: false }), its.close({ graceful: false })]);
  }
  await at.listener.close();
});

test("one without the other is refused at once, asked for or not", () => {
  for (const one of ["cert", "key"] as const) {
    for (const value of [alice[one], () => alice[one]] as Credential<string>[]) {
      assertThrows(() => tls({ [one]: value }), NnrpValueError, "go together");
    }
  }
  assertThrows(() => tls({ caCerts: "text" as never }), NnrpValueError, "tls.caCerts");
});

test("a function that never answers ends with the dial", async () => {
  const at = await listen();
  for (const name of ["cert", "key", "caCerts"] as const) {
    let hears: AbortSignal | undefined;
    const never = ({ signal }: { signal: AbortSignal }) => {
      hears = signal;
      return new Promise<never>(() => {});
    };
    const abort = new AbortController();
    const dialling = tls({ ...fixed, [name]: never }).dial({ host: "127.0.0.1", port: at.port }, {
      signal: abort.signal,
    });
    dialling.catch(() => {});
    await until(() => hears !== undefined, "the question");
    assertEquals(hears!.aborted, false);
    abort.abort(new Error("enough"));
    await assertRejects(() => dialling, Error, "enough");
    assertEquals(hears!.aborted, true);
  }
  await at.listener.close();
});

test("a session that lost its connection comes back with its new certificate, over a source that fails for a while", async () => {
  const shown: (string | undefined)[] = [];
  const place = await serve({
    listen: [tls({ port: 0, cert: server.cert, key: server.key, clientCaCerts: [ca] })],
    authValidator: ({ peerIdentity }) => {
      shown.push(peerIdentity?.fingerprint256);
      return { principal: peerIdentity?.commonName };
    },
  }, (frame) => ({ typedPayloads: frame.typedPayloads }));
  let now = alice;
  let failures = 0;
  const log: LogEvent[] = [];
  const cert = () => {
    if (now === renewed && failures++ < 2) throw new Error("no vault");
    return now.cert;
  };
  const session = await dialClient(`nnrps://127.0.0.1:${place.port}`, {
    carriers: [tls({ ...fixed, cert, key: () => now.key })],
    reconnect: { minDelayMs: 1, maxDelayMs: 2 },
    log: (event) => log.push(event),
  });
  now = renewed;
  await session.raw.carrier.close({ graceful: false });
  await until(() => session.stats.reconnects === 1, "the session");
  assertEquals([failures, shown.length, shown[0] === shown[1]], [3, 2, false]);
  assertEquals(log.filter((event) => event.error instanceof NnrpCredentialError).length, 2);
  await session.close();
  await place.close();
});
