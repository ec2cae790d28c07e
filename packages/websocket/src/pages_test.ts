/**
 * Which web pages the listener of our own and the mount of this runtime let in: real requests. The rule itself has its table in
 * core's `page_origin_test.ts`.
 *
 * @module
 */
import { NnrpValueError, originRules } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { test } from "node:test";
import { Heard } from "../../../tests/support/carrier_suite.ts";
import { until } from "../../../tests/support/raw_peer.ts";
import { makeDevCertificates } from "../../../tests/support/test_certificates.ts";
import { mountOnBun, mountOnDeno, mountOnNode, webSocket } from "../mod.ts";
import { RawWebSocket, upgradeRequest } from "../tests/raw_web_socket.ts";
import { HERE, mounted } from "../tests/setups.ts";
import { judgeUpgrade } from "./upgrade_request.ts";

interface Pages {
  readonly allowedOrigins?: readonly string[];
  readonly hosts?: readonly string[];
}

// Status, what the browser sends, what the operator said. Tests connect from this machine.
const REQUESTS: readonly (readonly [number, Record<string, string | null>, Pages?])[] = [
  [101, {}],
  [101, { host: "anything.example" }],
  [101, { origin: "http://localhost:3000" }],
  [101, { origin: "http://127.0.0.1:8433" }],
  [101, { origin: "http://[::1]:8433" }],
  [403, { origin: "https://evil.example" }],
  [403, { origin: "http://evil.example:4434", host: "evil.example:4434" }], // DNS rebinding
  [403, { origin: "https://evil.example", host: "evil.example" }],
  [403, { origin: "http://render.example", host: "localhost" }],
  [403, { origin: "null" }],
  [403, { origin: "" }],
  [403, { origin: "file://" }],
  [403, { origin: "http://localhost@evil.example" }],
  [403, { origin: "http://localhost:3000, https://evil.example" }],
  [403, { origin: "https://evil.example\r\norigin: http://localhost:3000" }],
  [101, { origin: "https://render.example:8000" }, { hosts: ["render.example"] }],
  [403, { origin: "https://app.example" }, { hosts: ["render.example"] }],
  [101, { origin: "https://app.example" }, { allowedOrigins: ["https://app.example"] }],
  [403, { origin: "http://localhost:3000" }, { allowedOrigins: ["https://app.example"] }],
  [101, {}, { allowedOrigins: [] }],
  [101, { origin: "null" }, { allowedOrigins: ["*"] }],
];

test("the listener and the mount let the same pages in, and tell each refusal once", async () => {
  for (const where of ["own", HERE]) {
    for (const [status, fields, pages = {}] of REQUESTS) {
      const what = `${where}: ${JSON.stringify([fields, pages])}`;
      const failures: string[] = [];
      const carriers: Heard[] = [];
      const binding = where === "own" ? webSocket({ port: 0, ...pages }) : mounted(pages);
      const listener = await binding.listen((carrier) => carriers.push(new Heard(carrier)), {
        failed: (remote, error) => failures.push(`${remote} ${error.message}`),
      });
      const peer = await RawWebSocket.connect(listener.port);
      peer.send(upgradeRequest({ fields }));
      const head = await peer.head();
      assert(head.startsWith(`HTTP/1.1 ${status} `), `${what}: ${head}`);
      peer.finish();
      if (status === 403) await until(() => failures.length > 0, "the failure to be told");
      else await until(() => carriers.length === 1, "the carrier");
      peer.destroy();
      await listener.close();
      assertEquals([failures.length, carriers.length], status === 403 ? [1, 0] : [0, 1], what);
      if (status === 403) {
        assertStringIncludes(failures[0], "127.0.0.1:");
        assertStringIncludes(failures[0], "403");
      }
    }
  }
});

test("a server on wss:// takes pages of its name over https:// only", async () => {
  const { cert, key } = await makeDevCertificates();
  const refused: string[] = [];
  const server = await serve({
    listen: [webSocket({ port: 0, hosts: ["render.example"], tls: { cert, key } })],
    log: ({ error }) => refused.push(String(error)),
  }, () => ({ typedPayloads: [] }));
  const { connect } = await import("node:tls");
  const ask = (origin: string) =>
    new Promise<string>((done, fail) => {
      const socket = connect({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false }, () => {
        socket.write(upgradeRequest({ fields: { origin } }));
      });
      socket.once("error", fail);
      socket.once("data", (data) => {
        done(String(data).split(" ")[1]);
        socket.destroy();
      });
    });
  assertEquals(await ask("https://render.example"), "101");
  assertEquals(await ask("http://render.example"), "403");
  assertEquals(await ask("http://localhost:3000"), "101");
  await until(
    () => refused.some((words) => words.includes("pages of http://render.example may not connect")),
    "the log entry of the refusal",
  );
  await server.close({ drainMs: 0 });
});

test("visitors from elsewhere have no loopback pages: every way of judging is told where the peer is", () => {
  const verdict = (remote: string) =>
    judgeUpgrade({
      method: "GET",
      target: "/nnrp",
      field: (name) =>
        ({
          "upgrade": "websocket",
          "connection": "upgrade",
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
          "origin": "http://localhost:3000",
        })[name],
      remote,
      encrypted: false,
    }, { path: "/nnrp", origins: originRules({}, "0.0.0.0", "") }).accepted;
  assertEquals(["127.0.0.1:1", "[::1]:1", "192.0.2.1:1", "?"].map(verdict), [true, true, false, false]);
});

test("lists that cannot be kept are refused where they are given", () => {
  for (
    const [field, make] of [
      ["webSocket", webSocket],
      ["mount", mountOnDeno],
      ["mount", mountOnNode],
      ["mount", mountOnBun],
    ] as const
  ) {
    const allowed = assertThrows(() => make({ allowedOrigins: ["app.example"] }), NnrpValueError);
    assertEquals(allowed.field, `${field}.allowedOrigins[0]`);
    const hosts = assertThrows(() => make({ hosts: ["https://app.example"] }), NnrpValueError);
    assertEquals(hosts.field, `${field}.hosts[0]`);
  }
});
