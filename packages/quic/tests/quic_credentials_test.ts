/**
 * Certificates that age: quic() and webTransport() ask functions whom to trust before each dial.
 */
import {
  type CarrierDialer,
  type CredentialRequest,
  NnrpCredentialError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpValueError,
} from "@nnrp/core";
import { virtualWorld } from "@nnrp/testing";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { makeDevCertificates } from "../../../tests/support/test_certificates.ts";
import { quic, webTransport } from "../mod.ts";
import { certificates, Heard, listening } from "./raw_quic.ts";

type Source = (request: CredentialRequest) => never;

/** Each option that dialling asks for, as a carrier that has it from there. */
const ASKED: readonly (readonly [string, (source: Source) => CarrierDialer])[] = [
  ["quic.caCerts", (source) => quic({ caCerts: source })],
  ["quic.serverCertificateHashes", (source) => quic({ serverCertificateHashes: source })],
  ["webTransport.serverCertificateHashes", (source) => webTransport({ serverCertificateHashes: source })],
];
const NOWHERE = { host: "127.0.0.1", port: 1 };

test("fixed lists that are none are refused when the carrier is made", () => {
  for (const value of [null, 5, "x", {}, [5], [null], [{ algorithm: "sha-256" }]]) {
    for (const [field, make] of ASKED) {
      assertThrows(() => make(value as never), NnrpValueError, field);
    }
  }
});

if ("Deno" in globalThis) {
  test("each dial trusts whom it trusts at that moment", async () => {
    const { ca, sha256 } = await certificates();
    const { ca: otherCa, sha256: otherHash } = await makeDevCertificates();
    const { listener, port, next } = await listening();
    let isRight = false;
    let asked = 0;
    const carriers = [
      quic({ caCerts: () => (asked++, [isRight ? ca : otherCa]) }),
      quic({ caCerts: () => Promise.resolve((asked++, [isRight ? ca : otherCa])) }),
      quic({ serverCertificateHashes: () => (asked++, [isRight ? sha256 : otherHash]) }),
      webTransport({ serverCertificateHashes: () => (asked++, [isRight ? sha256 : otherHash]) }),
    ];
    for (const carrier of carriers) {
      for (isRight of [true, false, true]) {
        const dial = () => carrier.dial({ host: "127.0.0.1", port });
        if (!isRight) {
          await assertRejects(dial, NnrpTransportError);
          continue;
        }
        const client = new Heard(await dial());
        client.send("control", 0);
        const server = new Heard(await next());
        await Promise.all([client.carrier.close(), server.carrier.close()]);
      }
    }
    assertEquals(asked, 3 * carriers.length);
    await listener.close();
  });

  test("a listener asks for certificate and key when it begins", async () => {
    const { cert, key } = await certificates();
    const { listener } = await listening({ cert: () => cert, key: () => Promise.resolve(key) });
    await listener.close();
    const boom = new Error("no vault");
    const failing = () => Promise.reject(boom);
    const error = await assertRejects(() => listening({ cert: failing }), NnrpCredentialError);
    assertEquals([error.field, error.cause], ["quic.cert", boom]);
    await assertRejects(() => listening({ key: () => 5 as never }), NnrpValueError, "quic.key");
  });

  test("functions that fail, give what is none, or never answer end that dial by the option's name, in time", async () => {
    const world = virtualWorld();
    const runtime = world.host("client");
    for (const [field, make] of ASKED) {
      const boom = new Error("no vault");
      const error = await assertRejects(
        () =>
          make(() => {
            throw boom;
          }).dial(NOWHERE),
        NnrpCredentialError,
      );
      assertEquals([error.field, error.cause], [field, boom]);
      for (const value of [undefined, null, 5, "x", {}, [5], [null]]) {
        await assertRejects(() => make(() => value as never).dial(NOWHERE), NnrpValueError, field);
      }
      let hears: AbortSignal | undefined;
      const carrier = make(
        (({ signal }: CredentialRequest) => {
          hears = signal;
          return new Promise(() => {});
        }) as unknown as Source,
      );
      await world.run(async () => {
        const error = await assertRejects(() => carrier.dial(NOWHERE, { runtime }), NnrpTimeoutError, field);
        assertEquals([error.timeoutMs, hears?.aborted], [5000, true]);
        const abort = new AbortController();
        const dialling = carrier.dial(NOWHERE, { runtime, signal: abort.signal });
        dialling.catch(() => {});
        abort.abort(new Error("enough"));
        await assertRejects(() => dialling, Error, "enough");
      });
    }
  });
}
