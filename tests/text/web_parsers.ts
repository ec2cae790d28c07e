/**
 * The parsers of `@nnrp/websocket`: heads of HTTP, their fields, frames.
 *
 * @module
 */
import { originRules } from "@nnrp/core";
import { isKey } from "../../packages/websocket/src/accept_key.ts";
import { describeClose } from "../../packages/websocket/src/close_code.ts";
import { FrameReader } from "../../packages/websocket/src/frame_reader.ts";
import { hasToken, HeadCollector, MAX_HEAD, parseHead } from "../../packages/websocket/src/http_head.ts";
import { httpAnswer, judgeUpgrade } from "../../packages/websocket/src/upgrade_request.ts";
import { inDrops, ofBytes, ofText } from "./core_parsers.ts";
import type { Parser } from "./parser.ts";

const encoder = new TextEncoder();

/** The handshake's inner function on a whole head, with the bounds lifted. */
function head(name: string, before: string, after: string): Parser {
  return ofBytes(`an HTTP head, ${name}`, MAX_HEAD, (bytes) => {
    const whole = new Uint8Array(before.length + bytes.length + after.length);
    whole.set(encoder.encode(before));
    whole.set(bytes, before.length);
    whole.set(encoder.encode(after), before.length + bytes.length);
    parseHead(whole, Infinity);
  });
}

/** A request with a filling in one place. */
function request(place: string): Parser {
  const usual: Record<string, string> = {
    method: "GET",
    target: "/nnrp",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    host: "localhost",
    origin: "http://localhost",
  };
  return ofText(`judgeUpgrade, ${place}`, MAX_HEAD, (text) => {
    const { method, target, ...fields } = { ...usual, [place]: text };
    const verdict = judgeUpgrade(
      { method, target, field: (name) => fields[name], remote: "127.0.0.1:1", encrypted: false },
      { path: "/nnrp", origins: originRules({}, "127.0.0.1", "") },
    );
    if (!verdict.accepted) httpAnswer(verdict);
  });
}

const events = { payload: () => {}, ping: () => {}, close: () => {} };

/** The parsers. */
export const webParsers: readonly Parser[] = [
  head("a value", "GET / HTTP/1.1\r\na:", ""),
  head("a value that is none", "GET / HTTP/1.1\r\na:", "\n"),
  head("a name", "GET / HTTP/1.1\r\n", ": a"),
  head("the first line", "", "\r\na: b"),
  ofBytes(
    "the search for the end of an HTTP head",
    MAX_HEAD,
    (bytes) => new HeadCollector(Infinity).push(bytes),
  ),
  inDrops("an HTTP head", MAX_HEAD, () => {
    const collector = new HeadCollector(Infinity);
    collector.push(encoder.encode("GET / HTTP/1.1\r\na:"));
    return (drop) => collector.push(drop);
  }),
  ofText("hasToken", MAX_HEAD, (text) => hasToken(text, "websocket")),
  ofText("isKey", MAX_HEAD, isKey),
  ...["method", "target", "upgrade", "connection", "sec-websocket-key", "host", "origin"].map(request),
  ofText("describeClose", 123, (text) => describeClose(1000, text)),
  ofBytes(
    "FrameReader",
    65536,
    (bytes) => new FrameReader(false, events, () => 0).push(bytes, 0, bytes.length),
  ),
  inDrops("FrameReader in a message", 65536, () => {
    const reader = new FrameReader(false, events, () => 0);
    reader.push(Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0, 32, 0, 0), 0, 10);
    return (drop) => reader.push(drop, 0, 1);
  }),
];
