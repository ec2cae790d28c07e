/**
 * Descriptions of WebSocket handshakes that fail.
 *
 * @module
 */
import { explainSocket, explainTls } from "@nnrp/core";
import type { HandshakeKind } from "@nnrp/runtime";
import { HTTP_ALPN } from "./runtime_sockets.ts";

/** The HTTP upgrade. */
export const UPGRADE: HandshakeKind = {
  carrier: "websocket",
  what: "WebSocket handshake",
  explain: explainSocket,
};

/** TLS before it. */
export const TLS: HandshakeKind = {
  carrier: "websocket",
  what: "TLS handshake",
  explain: (cause) => explainTls(cause, "server", { alpn: HTTP_ALPN }),
};
