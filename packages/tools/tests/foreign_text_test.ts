/**
 * What a peer writes never reaches a terminal as it is: text with everything that screens obey or hide stands in all places where a
 * peer can put text, and all that every command prints is looked at, for people and as JSON, with colours and without.
 */
import { createServer, type Server } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  encodePacket,
  ErrorCode,
  makePacket,
  MessageType,
  type NnrpPacket,
  requestedModelEntry,
} from "@nnrp/core";
import { serve } from "@nnrp/server";
import { tls } from "@nnrp/tcp";
import { ackFor } from "@nnrp/testing/engines";
import { errorPacket as errorSample } from "@nnrp/testing/packets";
import { helloPacket, RawPeer, RawServer, until } from "../../../tests/support/raw_peer.ts";
import { makeAuthority } from "../src/cert/mod.ts";
import { runCli } from "../src/cli.ts";
import { gated } from "../src/output_gate.ts";
import { EventLog } from "../src/serving/event_log.ts";

/** Sets a window's title, clears, colours, moves, hides, reverses, fakes a line. */
const EVIL =
  "\x1b]0;owned\x07\x1b[2J\x1b[31mFAKE\nsession  accepted\r\t\x9b31m\x7f\x85\u202e\u2066\u200f\u061c" +
  "\u200b\u2060\ufeff\u2028\u2029\u00ad\u{e0041}END";
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const bytes = new TextEncoder().encode(EVIL);
const PICTURE = fileURLToPath(new URL("../assets/coffee.png", import.meta.url));

let folder = "";
before(() => folder = mkdtempSync(join(tmpdir(), "nnrp-foreign-")));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Printed {
  readonly code: number;
  readonly lines: readonly string[];
}

async function nnrp(args: readonly string[], colours = false): Promise<Printed> {
  const lines: string[] = [];
  const code = await runCli(args, {
    print: (line) => void lines.push(line),
    warn: (line) => void lines.push(line),
    write: (text) => void lines.push(...text.split("\n")),
    terminal: { colours, columns: 100 },
  });
  return { code, lines };
}

/** Only the colours of our own may stand in a line. */
function assertFit({ lines }: Printed, what: string): void {
  assert(lines.length > 0, `${what} prints nothing`);
  for (const line of lines) {
    // deno-lint-ignore no-control-regex
    const plain = line.replaceAll(/\x1b\[(?:0|1|2|32|33|1;31|1;36)m/g, "");
    assert(!UNFIT.test(plain), `${what}: ${JSON.stringify(line)}`);
  }
}

function errorPacket(sessionId: number): NnrpPacket {
  const fields = { errorCode: ErrorCode.AUTH_FAILED, errorScope: 0, isFatal: 1, relatedSessionId: sessionId };
  return errorSample(fields, { sessionId }, EVIL);
}

function closePacket(sessionId: number): NnrpPacket {
  return makePacket({ msgType: MessageType.CLOSE, sessionId, body: bytes });
}

/** An answer to a hello whose model has this name. */
function evilAck(hello: NnrpPacket): NnrpPacket {
  const ack = ackFor(hello);
  const body = new Uint8Array([...ack.body, ...bytes]);
  return makePacket({ msgType: MessageType.SERVER_HELLO_ACK, metadata: ack.metadata, body });
}

/** What a hostile server does with a connection. */
const SCENES: Readonly<Record<string, (peer: RawPeer) => Promise<void>>> = {
  "an evil model name": async (peer) => {
    const hello = await peer.next("CLIENT_HELLO");
    peer.send(evilAck(hello));
    for (;;) {
      const { header } = await peer.next();
      if (header.msgType === MessageType.CLOSE) return peer.end();
      if (header.msgType !== MessageType.PING) peer.send(errorPacket(7));
      else peer.send(makePacket({ msgType: MessageType.PONG, sessionId: 7, traceId: header.traceId }));
    }
  },
  "an ERROR instead of an answer": async (peer) => {
    await peer.next();
    peer.send(errorPacket(0));
    peer.end();
  },
  "a CLOSE behind the answer": async (peer) => {
    peer.send(evilAck(await peer.next("CLIENT_HELLO")), closePacket(7));
    peer.end();
  },
  "an ERROR behind the answer": async (peer) => {
    peer.send(evilAck(await peer.next("CLIENT_HELLO")), errorPacket(7));
    peer.end();
  },
  "text that is no packet": (peer) => {
    peer.send(bytes);
    peer.end();
    return Promise.resolve();
  },
};

const COMMANDS: Readonly<Record<string, (port: number) => string[]>> = {
  info: (port) => ["info", `nnrp://127.0.0.1:${port}`],
  "info --json": (port) => ["info", `nnrp://127.0.0.1:${port}`, "--json"],
  ping: (port) => ["ping", `nnrp://127.0.0.1:${port}`, "--count", "1"],
  "ping --json": (port) => ["ping", `nnrp://127.0.0.1:${port}`, "--count", "1", "--json"],
  probe: (port) => ["probe", `nnrp://127.0.0.1:${port}`, "--samples", "1"],
  submit: (
    port,
  ) => ["submit", PICTURE, "--server", `nnrp://127.0.0.1:${port}`, "--out", join(folder, "out.png")],
  "smoke client": (
    port,
  ) => ["smoke", "client", "--transport", "tcp", "--port", String(port), "--timeout", "1"],
  "peer drive": (
    port,
  ) => ["peer", "drive", "--port", String(port), "--timeout", "1", "--scenario", "ping", "--limit", "5"],
};

for (const [name, act] of Object.entries(SCENES)) {
  test(`${name} in what every command prints`, async () => {
    const server = await RawServer.listen();
    let open = true;
    const peers: RawPeer[] = [];
    const serving = (async () => {
      for (;;) {
        const peer = await server.accept();
        peers.push(peer);
        if (!open) return;
        act(peer).catch(() => {}); // the client has gone: that is an end, too
      }
    })();
    try {
      for (const [command, args] of Object.entries(COMMANDS)) {
        for (const colours of command === "info" ? [false, true] : [false]) {
          assertFit(await nnrp(args(server.port), colours), `${command}, ${name}`);
        }
      }
      if (name === "an evil model name") {
        const { lines } = await nnrp(COMMANDS["info --json"](server.port));
        assertEquals(JSON.parse(lines[0]).model, EVIL); // as data it is what it is
        const shown = await nnrp(COMMANDS["info"](server.port), true);
        assertStringIncludes(shown.lines.join("\n"), "\\u001b[31mFAKE\\nsession");
      }
    } finally {
      open = false;
      (await RawPeer.connect(server.port)).destroy(); // wakes who waits for the next one
      await serving;
      server.close();
      for (const peer of peers) peer.destroy();
    }
  });
}

/** A web server that answers with these bytes. */
async function withHttp(answer: string, use: (port: number) => Promise<void>): Promise<void> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    await use((server.address() as { port: number }).port);
  } finally {
    await new Promise((closed) => server.close(closed));
  }
}

test("answers of web servers", async () => {
  const line = EVIL.replaceAll(/[\r\n]/g, " ");
  for (
    const answer of [
      `HTTP/1.1 500 ${line}\r\ncontent-type: text/plain\r\n\r\n${EVIL}`,
      `HTTP/1.1 302 Found\r\nlocation: ${line}\r\n\r\n`,
      `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n${line}`,
      `${line}\r\n\r\n`,
      `HTTP/1.1 101 Ok\r\n${line}: a\r\n\r\n`,
      `HTTP/1.1 101 Ok\r\nupgrade: ${line}\r\nsec-websocket-protocol: ${line}\r\n\r\n`,
    ]
  ) {
    await withHttp(answer, async (port) => {
      for (const command of ["info", "ping"]) {
        const printed = await nnrp([command, `ws://127.0.0.1:${port}/nnrp`]);
        assertEquals(printed.code, 1);
        assertFit(printed, `${command}, ${JSON.stringify(answer)}`);
      }
    });
  }
});

test("the names in a certificate", async () => {
  const name = "\u202eevil\u2066\u200b\u{e0041}";
  const authority = await makeAuthority({ name });
  const { cert, key } = await authority.issueServer({ hosts: ["localhost"] });
  const server = await serve({ listen: [tls({ port: 0, cert, key })] }, () => ({}));
  try {
    const { port } = server.addresses[0];
    for (const more of [[], ["--json"]]) {
      const printed = await nnrp(["info", `nnrps://127.0.0.1:${port}`, "--insecure", ...more]);
      assertEquals(printed.code, 0, printed.lines.join("\n"));
      assertFit(printed, "info");
      assertStringIncludes(printed.lines.join("\n"), "evil");
    }
  } finally {
    await server.close();
  }
});

/** What a hostile client says, in all places where it can. */
function evilClient(): NnrpPacket {
  return helloPacket({ auth: bytes, controlExtensions: [requestedModelEntry(EVIL)] });
}

test("what a server logs", async () => {
  for (const json of [false, true]) {
    const lines: string[] = [];
    const log = new EventLog(gated({ print: (line) => void lines.push(line), warn: () => {} }).print, json);
    const raw: string[] = [];
    const plain = await serve({
      port: 0,
      log: (event) => {
        raw.push(event.message);
        log.event(event);
      },
    }, () => ({}));
    try {
      for (const last of [closePacket, errorPacket]) {
        const peer = await RawPeer.connect(plain.port);
        peer.send(evilClient());
        const { sessionId } = (await peer.next("SERVER_HELLO_ACK")).header;
        peer.send(last(sessionId));
        peer.end();
        await peer.ended;
        peer.destroy();
      }
      const stranger = await RawPeer.connect(plain.port);
      stranger.send(bytes);
      stranger.end();
      await until(() => plain.stats.open === 0 && lines.length >= 5, "all lines of the log");
      assertFit({ code: 0, lines }, "serve");
      assertStringIncludes(lines.join("\n"), json ? "FAKE" : "\\u001b[31mFAKE\\nsession");
      for (const message of raw) assert(!UNFIT.test(message), JSON.stringify(message)); // for logs of one's own
      stranger.destroy();
    } finally {
      await plain.close();
    }
  }
});

test("what the scripted server prints", async () => {
  const lines: string[] = [];
  const ended = runCli(["peer", "serve", "--port", "0", "--sessions", "1", "--lifetime", "30"], {
    print: (line) => void lines.push(line),
    warn: (line) => void lines.push(line),
  });
  await until(() => lines.length > 0, "the first line");
  const peer = await RawPeer.connect(JSON.parse(lines[0]).tcp_port);
  peer.send(evilClient());
  const { sessionId } = (await peer.next("SERVER_HELLO_ACK")).header;
  peer.send(closePacket(sessionId));
  peer.end();
  assertEquals(await ended, 0);
  assertFit({ code: 0, lines }, "peer serve");
  peer.destroy();
});

test("what decode prints, and what is said of wrong arguments", async () => {
  const file = join(folder, "evil.bin");
  const packets = [evilClient(), closePacket(7), errorPacket(7)];
  writeFileSync(
    file,
    packets.map((packet) => encodePacket(packet)).reduce((all, one) => new Uint8Array([...all, ...one])),
  );
  for (const more of [[], ["--json"], ["--full", "--show-secrets"], ["--list"], ["--brief"]]) {
    for (const colours of [false, true]) {
      const printed = await nnrp(["decode", file, ...more], colours);
      assertFit(printed, `decode ${more}`);
    }
  }
  writeFileSync(file, bytes);
  assertFit(await nnrp(["decode", file]), "decode of text");
  assertFit(await nnrp(["decode", file, "--hex"]), "decode of hex");
  assertFit(await nnrp(["decode", `${folder}/${EVIL}`]), "decode of no file");
  assertFit(await nnrp(["golden", "check", file]), "golden check");
  assertFit(await nnrp([EVIL]), "no command");
  assertFit(await nnrp(["info", `nnrp://${EVIL}`]), "no address");
});
