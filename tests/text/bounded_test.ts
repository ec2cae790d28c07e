/** Text of a peer is kept up to 1 KiB, wherever it comes in; heads of HTTP up to 16 KiB and 128 fields. */
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dialClient, type LogEvent } from "@nnrp/client";
import {
  decodePacket,
  encodePacket,
  ErrorCode,
  makePacket,
  MAX_PEER_TEXT_BYTES,
  MessageType,
  type NnrpPacket,
  type NnrpProtocolError,
  requestedModelEntry,
} from "@nnrp/core";
import { serve, type ServerLogEvent } from "@nnrp/server";
import { webSocket } from "@nnrp/websocket";
import { ackFor } from "@nnrp/testing/engines";
import { errorPacket as errorSample } from "@nnrp/testing/packets";
import {
  HeadCollector,
  HttpHeadError,
  MAX_FIELDS,
  MAX_HEAD,
  parseHead,
} from "../../packages/websocket/src/http_head.ts";
import { helloPacket, RawPeer, RawServer, until } from "../support/raw_peer.ts";

const LONG = "é".repeat(20_000);
const long = new TextEncoder().encode(LONG);
const KEPT = "é".repeat(MAX_PEER_TEXT_BYTES / 2);
/** A sentence quotes a text or two, with words of its own. */
const MAX_SENTENCE = 2 * MAX_PEER_TEXT_BYTES + 400;

function errorPacket(sessionId: number): NnrpPacket {
  const fields = {
    errorCode: ErrorCode.INTERNAL_ERROR,
    errorScope: 0,
    isFatal: 1,
    relatedSessionId: sessionId,
  };
  return errorSample(fields, { sessionId }, LONG);
}

const closePacket = (sessionId: number) => makePacket({ msgType: MessageType.CLOSE, sessionId, body: long });

function assertBounded(events: readonly { readonly message: string; readonly error?: unknown }[]): void {
  for (const { message, error } of events) {
    assert(message.length <= MAX_SENTENCE, `${message.length} characters`);
    if (error instanceof Error) {
      assert(error.message.length <= MAX_SENTENCE, `${error.message.length} characters`);
    }
  }
}

test("the codec keeps bytes of text as they are", () => {
  for (const packet of [closePacket(7), errorPacket(7)]) {
    assertEquals(decodePacket(encodePacket(packet)).body, long);
  }
});

test("what a client says at its end is bounded in the server's log, and so is the model it wishes", async () => {
  const events: ServerLogEvent[] = [];
  let model: string | undefined;
  const server = await serve({
    port: 0,
    log: (event) => void events.push(event),
    authValidator: (request) => {
      model = request.model;
      return true;
    },
  }, () => ({}));
  for (const last of [closePacket, errorPacket]) {
    const peer = await RawPeer.connect(server.port);
    peer.send(helloPacket({ controlExtensions: [requestedModelEntry(LONG)] }));
    peer.send(last((await peer.next("SERVER_HELLO_ACK")).header.sessionId));
    peer.end();
    await peer.ended;
    peer.destroy();
  }
  await until(() => events.filter(({ type }) => type === "session-end").length === 2, "both ends");
  await server.close();
  assertEquals(model, KEPT);
  assertEquals(events[0].hello?.model, KEPT);
  assertBounded(events);
  assert(events.some(({ message }) => message.includes(KEPT)), "the log quotes the reason");
});

test("what a server says is bounded in the client", async () => {
  const server = await RawServer.listen();
  for (const last of [closePacket, errorPacket]) {
    const events: LogEvent[] = [];
    const dial = dialClient(`nnrp://127.0.0.1:${server.port}`, { log: (event) => void events.push(event) });
    const peer = await server.accept();
    const ack = ackFor(await peer.next("CLIENT_HELLO"));
    const body = new Uint8Array([...ack.body, ...long]);
    peer.send(makePacket({ msgType: MessageType.SERVER_HELLO_ACK, metadata: ack.metadata, body }));
    const session = await dial;
    assertEquals(session.modelName, KEPT);
    peer.send(last(7));
    peer.end();
    const end = await session.closed;
    assertEquals(end.reason, KEPT);
    assertBounded([{ message: "", error: end.error }, ...events]);
    peer.destroy();
  }
  const refused = dialClient(`nnrp://127.0.0.1:${server.port}`);
  const peer = await server.accept();
  await peer.next("CLIENT_HELLO");
  peer.send(errorPacket(0));
  peer.end();
  const error = await assertRejects(() => refused) as NnrpProtocolError;
  assertEquals(error.diagnostic, KEPT);
  assertBounded([error]);
  peer.destroy();
  server.close();
});

test("what a web server answers is bounded", async () => {
  const words = "x".repeat(10_000);
  for (
    const answer of [
      `HTTP/1.1 500 ${words}\r\n\r\n`,
      `HTTP/1.1 302 no\r\nlocation: ${words}\r\n\r\n`,
      `HTTP/1.1 500 no\r\ncontent-type: text/plain\r\n\r\n${words}`,
      `${words}\r\n\r\n`,
      `HTTP/1.1 ${words}\r\n\r\n`,
    ]
  ) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(answer));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const error = await assertRejects(() =>
      dialClient(`ws://127.0.0.1:${port}/nnrp`, { carriers: [webSocket()] })
    ) as Error;
    assertBounded([error]);
    server.close();
  }
});

const bytesOf = (text: string) => new TextEncoder().encode(text);

test("a head of HTTP may have 16 KiB, however it is cut, and not a byte more", () => {
  const head = (length: number) => bytesOf(`${"GET /".padEnd(length, "a")}\r\n\r\nrest`);
  for (const pieces of [1, 3, 1000, MAX_HEAD, 2 * MAX_HEAD]) {
    for (const [length, fits] of [[10, true], [MAX_HEAD, true], [MAX_HEAD + 1, false]] as const) {
      const bytes = head(length);
      const collector = new HeadCollector();
      let rest: Uint8Array | null = null;
      const push = () => {
        for (let at = 0; at < bytes.length && rest === null; at += pieces) {
          rest = collector.push(bytes.subarray(at, at + pieces));
        }
      };
      if (!fits) assertThrows(push, HttpHeadError, `longer than ${MAX_HEAD} bytes`);
      else {
        push();
        assertEquals(collector.head.length, length);
        assert(rest !== null && "rest".startsWith(new TextDecoder().decode(rest)));
      }
    }
  }
});

test("a head of HTTP has at most 128 fields, and fields are what RFC 9110 says", () => {
  const of = (count: number) => bytesOf(`GET / HTTP/1.1${"\r\na: b".repeat(count)}`);
  assertEquals(parseHead(of(MAX_FIELDS)).fields.get("a")?.length, MAX_FIELDS * 3 - 2);
  assertThrows(() => parseHead(of(MAX_FIELDS + 1)), HttpHeadError, "more than 128 fields");
  const { first, fields } = parseHead(bytesOf("GET / HTTP/1.1\r\nA: \t b c \t\r\nd:\r\ne:f:g"));
  assertEquals([first, ...fields], ["GET / HTTP/1.1", ["a", "b c"], ["d", ""], ["e", "f:g"]]);
  for (const line of ["a", ": b", "a b: c", " a: b", "a : b", "a: b\nc: d", "a: b\rc", "a: \0", "é: a", ""]) {
    assertThrows(
      () => parseHead(bytesOf(`GET / HTTP/1.1\r\n${line}`)),
      HttpHeadError,
      "an HTTP field that is none",
    );
  }
});
