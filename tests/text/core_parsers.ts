/**
 * The parsers of `@nnrp/core`, `@nnrp/client`, `@nnrp/tcp` and `@nnrp/quic` that read peers' bytes, and errors that quote them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  cutPeerText,
  decodeClientHelloBody,
  decodeControlExtensions,
  decodeFrameSubmitBody,
  decodePacket,
  decodeServerHelloAckBody,
  encodePacket,
  explainLostTls,
  explainSocket,
  explainTls,
  fitToShow,
  HEADER_SIZE,
  makePacket,
  MessageType,
  NnrpTransportError,
  PacketReader,
  readHelloExtensions,
  readPeerText,
  shownAddress,
} from "@nnrp/core";
import { parseEndpoint } from "@nnrp/client/internal";
import { isConnectionLoss } from "../../packages/quic/src/connection_loss.ts";
import { explain } from "../../packages/quic/src/explain.ts";
import { splitCertificates } from "../../packages/runtime/src/sockets/tls_material.ts";
import type { Parser } from "./parser.ts";

const LIMITS = { maxMetadataBytes: 1 << 20, maxBodyBytes: 1 << 30, maxProbeBodyBytes: 1 << 30 };
const alpn = "nnrp/1";

/** A parser of text. */
export function ofText(name: string, bound: number, read: (text: string) => unknown): Parser {
  return { name, bound, prepare: (filling) => () => read(filling) };
}

/** A parser of bytes: one for each character. */
export function ofBytes(
  name: string,
  bound: number,
  read: (bytes: Uint8Array<ArrayBuffer>) => unknown,
): Parser {
  return {
    name,
    bound,
    prepare: (filling) => {
      const bytes = new Uint8Array(Buffer.from(filling, "latin1"));
      return () => read(bytes);
    },
  };
}

/** A parser that takes pieces, fed byte by byte; making a million of them takes a while, so with few fillings. */
export function inDrops(
  name: string,
  bound: number,
  begin: () => (drop: Uint8Array<ArrayBuffer>) => unknown,
): Parser {
  const whole = ofBytes(`${name}, byte by byte`, bound, (bytes) => {
    const push = begin();
    for (let at = 0; at < bytes.length; at++) push(bytes.subarray(at, at + 1));
  });
  return { ...whole, few: true };
}

/** The beginning of a CLOSE whose body a reader has to put together. */
const CLOSE_HEADER = encodePacket(makePacket({ msgType: MessageType.CLOSE, body: new Uint8Array(2 << 20) }))
  .slice(0, HEADER_SIZE);

/** The parsers. */
export const coreParsers: readonly Parser[] = [
  ofBytes("readPeerText", 1 << 20, readPeerText),
  ofText("cutPeerText", 1 << 20, cutPeerText),
  ofText("fitToShow", 4096, fitToShow),
  ofText("the message of an error", 4096, (text) => new NnrpTransportError("tcp", text).message),
  ofText("shownAddress", 4096, shownAddress),
  ofText("parseEndpoint", 4096, parseEndpoint),
  ofText("parseEndpoint of a path", 4096, (text) => parseEndpoint(`ws://host/${text}`)),
  ofText("explainSocket", 4096, (text) => explainSocket(new Error(text))),
  ofText("explainTls, client", 4096, (text) => explainTls(new Error(text), "client", { alpn })),
  ofText("explainTls, server", 4096, (text) => explainTls(new Error(text), "server", { alpn })),
  ofText("explainLostTls", 4096, (text) => explainLostTls(new Error(text), "client", { alpn })),
  ofText("explain of QUIC", 4096, (text) => explain(new Error(text), "dial")),
  ofText("isConnectionLoss of QUIC", 4096, (text) => isConnectionLoss(new Error(text))),
  ofText("splitCertificates", 4096, (text) => splitCertificates([text], "caCerts")),
  ofBytes("decodeControlExtensions", 65536, decodeControlExtensions),
  ofBytes("readHelloExtensions", 65536, (bytes) => readHelloExtensions(decodeControlExtensions(bytes))),
  ofBytes(
    "decodeClientHelloBody",
    65536,
    (body) => decodeClientHelloBody({ authBytes: 0, controlExtensionBytes: body.length }, body),
  ),
  ofBytes(
    "decodeServerHelloAckBody",
    65536,
    (body) => decodeServerHelloAckBody({ controlExtensionBytes: 0 }, body),
  ),
  ofBytes("decodePacket", 65536, decodePacket),
  ofBytes(
    "decodeFrameSubmitBody",
    65536,
    (body) => decodeFrameSubmitBody({ submitMode: 1, payloadKindBitmap: 0xffff } as never, body),
  ),
  inDrops("PacketReader", 4096, () => {
    const reader = new PacketReader({ ...LIMITS }, () => {});
    return (drop) => reader.push(drop);
  }),
  inDrops("PacketReader in a body", 4096, () => {
    const reader = new PacketReader({ ...LIMITS }, () => {});
    reader.push(CLOSE_HEADER.slice());
    return (drop) => reader.push(drop);
  }),
];
