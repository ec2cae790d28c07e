/**
 * Nothing secret leaves: a canary stands in the auth block, in fields of the HTTP request and in the address, and the migration token
 * of the session is known; then logs, stats, errors and what sessions look like in a console are searched for them.
 */
import { type AddressInfo, createServer } from "node:net";
import { inspect } from "node:util";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dialClient, type LogEvent } from "@nnrp/client";
import { parseEndpoint } from "@nnrp/client/internal";
import { memoryNetwork } from "@nnrp/core";
import { type AuthVerdict, serve, type ServeOptions, type ServerLogEvent } from "@nnrp/server";
import { tls } from "@nnrp/tcp";
import { webSocket } from "@nnrp/websocket";
import { helloPacket, RawPeer, until } from "../support/raw_peer.ts";

const CANARY = "canary-7f3a9c51d2";
const secret = new TextEncoder().encode(CANARY);

/** All the ways in which bytes get into a text. */
function spellings(bytes: Uint8Array): string[] {
  const numbers = [...bytes];
  return [
    String.fromCharCode(...numbers),
    numbers.map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    numbers.map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
    btoa(String.fromCharCode(...numbers)).replaceAll("=", ""),
    numbers.join(","),
    numbers.map((byte, i) => `"${i}":${byte}`).join(","),
  ];
}

/** Everything that a program may print of a value. */
function prints(value: unknown): string[] {
  const met = new Set<unknown>();
  const plain = (_: string, part: unknown) => {
    if (typeof part === "bigint") return String(part);
    if (typeof part !== "object" || part === null) return part;
    if (met.has(part)) return "again"; // JSON has no circles
    met.add(part);
    return part;
  };
  const { Deno } = globalThis as { Deno?: { inspect(value: unknown, options: unknown): string } };
  const looks = { depth: 20, breakLength: Infinity, iterableLimit: 10_000, strAbbreviateSize: 1e6 };
  const texts = [
    String(value),
    JSON.stringify(value, plain) ?? "",
    inspect(value, { ...looks, maxArrayLength: null, maxStringLength: null, getters: true }),
    Deno?.inspect(value, { ...looks, getters: true }) ?? "",
  ];
  if (value instanceof Error) texts.push(value.stack ?? "", ...prints({ ...value }), ...prints(value.cause));
  return texts.flatMap((text) => [text, text.replaceAll(/[\s]+/g, ""), text.replaceAll(/,\s+/g, ",")]);
}

function assertNoSecret(value: unknown, what: string, ...secrets: Uint8Array[]): void {
  for (const bytes of [secret, ...secrets]) {
    for (const text of prints(value)) {
      for (const spelling of spellings(bytes)) {
        assert(!text.includes(spelling), `${what} tells ${spelling}: ${text.slice(0, 400)}`);
      }
    }
  }
}

test("the search finds a secret however it is printed", () => {
  for (
    const value of [CANARY, { secret }, [...secret], new Error(CANARY), new Error("", { cause: { secret } })]
  ) {
    assertThrows(() => assertNoSecret(value, "value"));
  }
});

const VERDICTS: readonly (readonly [string, () => AuthVerdict])[] = [
  ["accepted", () => true],
  ["refused", () => false],
  ["refused in the ack", () => ({ refuse: "ack" })],
  ["closed", () => ({ refuse: "close" })],
];

for (const [name, verdict] of VERDICTS) {
  test(`logs, stats, errors and sessions of a client that is ${name}`, async () => {
    const network = memoryNetwork();
    const events: ServerLogEvent[] = [];
    const clientEvents: LogEvent[] = [];
    const options: ServeOptions = {
      listen: [network],
      log: (event) => void events.push(event),
      authValidator: ({ authBlock }) => {
        assertEquals(authBlock, secret); // the canary does travel
        return verdict();
      },
    };
    let seen: unknown;
    const server = await serve(options, (_frame, { session }) => {
      seen = session;
      throw new Error("failed on purpose");
    });
    try {
      const dial = dialClient("nnrp://memory", {
        carriers: [network],
        auth: CANARY,
        log: (event) => void clientEvents.push(event),
      });
      const tokens: Uint8Array[] = [];
      if (name === "accepted") {
        const session = await dial;
        const { migrationToken } = session.accepted;
        assert(migrationToken !== null && migrationToken.length === 16);
        tokens.push(migrationToken);
        const error = await assertRejects(() => session.submit({}));
        for (const value of [session, session.stats, error, seen]) {
          assertNoSecret(value, "the session", ...tokens);
        }
        await session.close();
        assertNoSecret(await session.closed, "the end of the session", ...tokens);
        assertNoSecret((seen as { stats: unknown }).stats, "the server's session's stats", ...tokens);
      } else assertNoSecret(await assertRejects(() => dial), "the refusal");
      await until(() => server.stats.open === 0 && events.length > 0, "the log");
      assertNoSecret(events, "the server's log", ...tokens);
      assertNoSecret(clientEvents, "the client's log", ...tokens);
      assertNoSecret(server.stats, "the server's stats", ...tokens);
      assertNoSecret(server, "the server", ...tokens);
    } finally {
      await server.close();
    }
  });
}

test("a log still knows what a client wished", async () => {
  const network = memoryNetwork();
  const events: ServerLogEvent[] = [];
  const server = await serve({ listen: [network], log: (event) => void events.push(event) }, () => ({}));
  const session = await dialClient("nnrp://memory", {
    carriers: [network],
    auth: CANARY,
    model: "big\x1b[2J",
    requestedSessionId: 99,
  });
  await session.close();
  await server.close();
  const { hello } = events[0];
  assertEquals([hello?.model, hello?.metadata.requestedSessionId, hello?.metadata.authBytes], [
    "big\\u001b[2J",
    99,
    secret.length,
  ]);
  assert(hello!.extensionTypes.includes(0xf003));
});

test("passwords and queries of addresses are in no error", async () => {
  for (
    const address of [
      `nnrp://user:${CANARY}@127.0.0.1:1`,
      `nnrps://${CANARY}@127.0.0.1:1`,
      `nnrp://user:a/${CANARY}@127.0.0.1:1`,
      `nnrp://user:a?${CANARY}@127.0.0.1:1`,
      `ws://user:${CANARY}@127.0.0.1:1/nnrp`,
      `nnrp://127.0.0.1:1?token=${CANARY}`,
      `ws://127.0.0.1:1/nnrp?token=${CANARY}`,
      `ws://127.0.0.1:1/nnrp#${CANARY}`,
      `ws://127.0.0.1:1/n nrp?token=${CANARY}`,
    ]
  ) {
    const error = await assertRejects(() =>
      dialClient(address, { carriers: [webSocket()], timeoutMs: 5000 })
    );
    assertNoSecret(error, address.replace(CANARY, "…"));
    try {
      parseEndpoint(address);
    } catch (error) {
      assertNoSecret(error, "parseEndpoint");
    }
  }
});

test("fields of the HTTP request are in no error, even where the server repeats them", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () =>
      socket.end(
        `HTTP/1.1 401 not ${CANARY}\r\ncontent-type: text/plain\r\nlocation: /?${CANARY}\r\n\r\nBearer ${CANARY} is wrong`,
      ));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const dialer = webSocket({ headers: { authorization: `Bearer ${CANARY}`, cookie: `id=${CANARY}` } });
  const error = await assertRejects(() =>
    dialClient(`ws://127.0.0.1:${port}/nnrp`, { carriers: [dialer], timeoutMs: 5000 })
  );
  assertNoSecret(error, "the refusal");
  assertNoSecret(dialer, "the carrier");
  server.close();
  assertNoSecret(
    assertThrows(() => webSocket({ headers: { authorization: `${CANARY}\n` } })),
    "a wrong field",
  );
});

test("private keys are in no error", async () => {
  const cert = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  for (
    const key of [
      CANARY,
      `${CANARY}\n${CANARY}`,
      `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----\n`,
      `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${CANARY}\n-----END ENCRYPTED PRIVATE KEY-----\n`,
    ]
  ) {
    const error = await assertRejects(async () => {
      const server = await serve({ listen: [tls({ port: 0, cert, key })] }, () => ({}));
      await server.close();
    });
    assertNoSecret(error, "the error");
  }
});

test("nothing of a broken hello is in the log", async () => {
  const events: ServerLogEvent[] = [];
  const server = await serve({ port: 0, log: (event) => void events.push(event) }, () => ({}));
  const hello = helloPacket({ auth: secret });
  hello.metadata[56] ^= 0xff; // one of its lengths
  for (const packet of [hello, secret]) {
    const peer = await RawPeer.connect(server.port);
    peer.send(packet);
    peer.end();
    await peer.ended;
    peer.destroy();
  }
  await until(() => events.length >= 2, "two lines");
  assertNoSecret(events, "the log");
  await server.close();
});
