/**
 * The parsers of `@nnrp/tools`, which read what peers sent and files of others, and the ways to its output.
 *
 * @module
 */
import { encodePacket, makePacket, MessageType, NnrpWireError } from "@nnrp/core";
import { looksLikeHex, parseHexText } from "../../packages/tools/src/decode/hex_text.ts";
import { foreignInput } from "../../packages/tools/src/decode/foreign.ts";
import { renderPacket } from "../../packages/tools/src/decode/render.ts";
import { decodeInput } from "../../packages/tools/src/decode/stream.ts";
import { FULL } from "../../packages/tools/src/decode/tree.ts";
import { ruleOf } from "../../packages/tools/src/decode/walk.ts";
import { bytesOfHex } from "../../packages/tools/src/golden/hex.ts";
import { gated } from "../../packages/tools/src/output_gate.ts";
import { escapeHtml } from "../../packages/tools/src/report/markup.ts";
import { EventLog } from "../../packages/tools/src/serving/event_log.ts";
import { ofBytes, ofText } from "./core_parsers.ts";
import type { Parser } from "./parser.ts";

const nowhere = () => {};

function decoded(bytes: Uint8Array, full = false): void {
  for (const packet of decodeInput(bytes, full ? FULL : {}).packets) {
    renderPacket(packet, full ? { maxRows: Infinity } : {});
  }
}

function close(body: Uint8Array): Uint8Array {
  return encodePacket(makePacket({ msgType: MessageType.CLOSE, body }));
}

function event(json: boolean): Parser {
  return ofText(
    `a line of the log${json ? " as JSON" : ""}`,
    4096,
    (message) =>
      new EventLog(nowhere, json).event({
        type: "session-end",
        message,
        remote: "127.0.0.1:1",
        carrier: "tcp",
        sessionId: 1,
        error: new Error(message),
      }),
  );
}

/** The parsers. */
export const toolParsers: readonly Parser[] = [
  event(false),
  event(true),
  ofText("what is printed", 4096, (text) => gated({ print: nowhere, warn: nowhere }).print(text)),
  ofText("escapeHtml", 4096, escapeHtml),
  ofText("hex text", 65536, parseHexText),
  ofText("hex text, a line of xxd", 65536, (text) => parseHexText(`00000000: ${text}!`)),
  ofText("hex text, a line of hexdump", 65536, (text) => parseHexText(`00000000  ${text}!`)),
  ofText("hex text of golden vectors", 65536, bytesOfHex),
  ofText("the rule of an error", 4096, (text) => ruleOf(new NnrpWireError(text, { field: "a", actual: 1 }))),
  ofBytes("looksLikeHex", 65536, looksLikeHex),
  ofBytes("an input that is no NNRP", 65536, (bytes) => foreignInput(bytes, "file", 0, "nnrp decode file")),
  ofBytes("decode, a CLOSE", 65536, (body) => decoded(close(body))),
  { ...ofBytes("decode --full, a CLOSE", 65536, (body) => decoded(close(body), true)), few: true },
  ofBytes("decode, a broken header", 65536, (bytes) => decoded(bytes)),
];
