/**
 * Why a WebSocket closes: the numbers of RFC 6455 §7.4 that this package sends or understands.
 *
 * @module
 */
import { cutPeerText } from "@nnrp/core";

/** Close codes by name. */
export const CloseCode = {
  /** Closed in order. */
  NORMAL: 1000,
  /** The page or the server goes away. */
  GOING_AWAY: 1001,
  /** The peer broke a rule of the framing. */
  PROTOCOL_ERROR: 1002,
  /** A text message came; NNRP is binary. */
  UNSUPPORTED_DATA: 1003,
  /** Never on the wire: a close frame without a code. */
  NONE: 1005,
  /** Never on the wire: the connection ended without a close frame. */
  ABNORMAL: 1006,
  /** The reason of a close frame is not UTF-8. */
  INVALID_DATA: 1007,
  /** The peer exceeded its budget of frames without payload. */
  POLICY: 1008,
  /** A message is larger than this side accepts. */
  TOO_BIG: 1009,
} as const;
/** One of the close codes by name; peers may send others. */
export type CloseCode = typeof CloseCode[keyof typeof CloseCode];

const NAMES: Readonly<Record<number, string>> = {
  1000: "normal",
  1001: "going away",
  1002: "protocol error",
  1003: "data it cannot accept",
  1006: "no close frame",
  1007: "invalid data",
  1008: "policy",
  1009: "message too big",
  1010: "a missing extension",
  1011: "internal error",
  1012: "restart",
  1013: "try again later",
  1014: "bad gateway",
};

/** Whether a close frame may carry this code (RFC 6455 §7.4). */
export function mayTravel(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** Whether a peer that closes with this code closes in order. */
export function isOrderly(code: number): boolean {
  return code === CloseCode.NORMAL || code === CloseCode.GOING_AWAY || code === CloseCode.NONE;
}

/** A close code and reason in words, for example `"1009 (message too big): 70 MiB"`. */
export function describeClose(code: number, reason: string): string {
  const name = NAMES[code];
  return `${code}${name === undefined ? "" : ` (${name})`}${reason === "" ? "" : `: ${cutPeerText(reason)}`}`;
}
