/**
 * Under which names WebTransport sessions are taken, and what the listener says to lists of origins that it cannot keep. The rule
 * itself has its table in core's `page_origin_test.ts`.
 *
 * @module
 */
import { type NnrpError, NnrpUnsupportedError, NnrpValueError } from "@nnrp/core";
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { test } from "node:test";
import { until } from "../../../tests/support/raw_peer.ts";
import { quic, type QuicOptions, webTransport } from "../mod.ts";
import { askForSession } from "./raw_http3.ts";
import { certificates, Heard, listening } from "./raw_quic.ts";

test("names and origins that are none are refused where they are given", () => {
  const hosts = assertThrows(() => quic({ hosts: ["render.example", "https://b"] }), NnrpValueError);
  assertEquals(hosts.field, "quic.hosts[1]");
  const origins = assertThrows(() => quic({ allowedOrigins: ["app.example"] }), NnrpValueError);
  assertEquals(origins.field, "quic.allowedOrigins[0]");
});

if ("Deno" in globalThis) {
  test("a list of origins is refused by the listener, not taken for granted", async () => {
    const { cert, key } = await certificates();
    const listen = (options: QuicOptions) => quic({ port: 0, cert, key, ...options }).listen(() => {});
    for (const allowedOrigins of [[], ["https://app.example"]]) {
      const error = await assertRejects(() => listen({ allowedOrigins }), NnrpUnsupportedError);
      assertStringIncludes(error.message, "webTransport: false");
      await (await listen({ allowedOrigins, webTransport: false })).close();
    }
    await (await listen({ allowedOrigins: ["*"] })).close();
  });

  // A browser asks under the name that the page dialled, wherever that name points to now.
  test("sessions under foreign names are refused and told once; addresses, localhost and own names are taken", async () => {
    const cases: readonly (readonly [taken: boolean, authority: string, options?: QuicOptions])[] = [
      [true, "127.0.0.1"],
      [true, "localhost"],
      [false, "evil.example"],
      [false, "evil.example:4433"],
      [false, "localhost.evil.example"],
      [false, "127.0.0.1@evil.example"],
      [true, "render.example", { hosts: ["render.example"] }],
      [true, "RENDER.example.:4433", { hosts: ["render.example"] }],
      [false, "evil.example", { hosts: ["render.example"] }],
      [true, "evil.example", { allowedOrigins: ["*"] }],
    ];
    for (const [taken, authority, options = {}] of cases) {
      const failures: NnrpError[] = [];
      const { port, listener, next } = await listening(options, {
        failed: (_remote, error) => failures.push(error),
      });
      const { conn, closed } = await askForSession(port, {
        ":authority": authority,
        origin: "https://evil.example",
      });
      if (taken) {
        const server = new Heard(await next());
        conn.close();
        await until(() => server.events.includes("closed"), "the end of the session");
      } else {
        await until(() => failures.length > 0, `the refusal of ${authority}`);
        await closed;
        assertStringIncludes(failures[0].message, "hosts");
        assertStringIncludes(failures[0].message, "evil.example");
      }
      assertEquals(failures.length, taken ? 0 : 1, authority);
      await listener.close();
    }
  });

  test("raw QUIC and our own WebTransport client are taken as before", async () => {
    const { port, listener, next } = await listening();
    const { ca, sha256 } = await certificates();
    const raw = new Heard(await quic({ caCerts: [ca] }).dial({ host: "127.0.0.1", port }));
    raw.send("control", 1);
    const first = new Heard(await next());
    const session = new Heard(
      await webTransport({ serverCertificateHashes: [sha256] }).dial({ host: "localhost", port }),
    );
    session.send("control", 1);
    const second = new Heard(await next());
    await until(() => first.frames.length === 1 && second.frames.length === 1, "both packets");
    await Promise.all([raw, session, first, second].map(({ carrier }) => carrier.close()));
    await listener.close();
  });
}
