/**
 * The head of a WebSocket frame (RFC 6455 §5.2), the limits of frames and messages, and how their violation
 * is reported.
 *
 * @module
 */
import { NnrpWireError } from "@nnrp/core";
import { CloseCode } from "./close_code.ts";

/** Kinds of frames. */
export const Opcode = {
  /** The message of the frame before goes on. */
  CONTINUATION: 0x0,
  /** Text; refused, NNRP is binary. */
  TEXT: 0x1,
  /** Bytes. */
  BINARY: 0x2,
  /** The sender has ended (closing handshake). */
  CLOSE: 0x8,
  /** Liveness check; answered by PONG. */
  PING: 0x9,
  /** Answer to PING. */
  PONG: 0xa,
} as const;
/** One of the kinds of frames. */
export type Opcode = typeof Opcode[keyof typeof Opcode];

/** Longest head: two bytes, eight of length, four of mask key. */
export const MAX_HEAD_BYTES = 14;
/** Longest payload of a control frame (RFC 6455 §5.5). */
export const MAX_CONTROL_BYTES = 125;
/**
 * Largest message this side sends, bytes: runtimes put a whole message together before anyone sees it, and refuse large ones
 * (Bun over 16 MiB, Deno over 64 MiB).
 */
export const MAX_SENT_MESSAGE = 256 * 1024;
/** Largest message this side accepts, bytes; it is never held as a whole. */
export const MAX_RECEIVED_MESSAGE = 64 * 1024 * 1024;
/** A broken rule: the error for the upper layers, and the close code for the peer. */
export class FrameViolation extends Error {
  /** Code of the close frame. */
  readonly closeCode: number;
  /** For the session and its log. */
  readonly error: NnrpWireError;

  /**
   * @param closeCode Code of the close frame.
   * @param field Part of the frame, for example `"frame.mask"`.
   * @param rule The broken rule in words.
   * @param expected What the rule asks for.
   * @param actual What came.
   */
  constructor(
    closeCode: number,
    field: string,
    rule: string,
    expected?: string | number,
    actual?: string | number | bigint,
  ) {
    const limit = closeCode === CloseCode.TOO_BIG || closeCode === CloseCode.POLICY;
    const error = new NnrpWireError(`WebSocket: ${rule}`, {
      field,
      expected,
      actual,
      stage: "framing",
      limit,
    });
    super(error.message);
    this.closeCode = closeCode;
    this.error = error;
  }
}

/** Length of the head of a frame with a payload of `length` bytes. */
export function headLength(length: number, masked: boolean): number {
  return (length < 126 ? 2 : length < 65536 ? 4 : 10) + (masked ? 4 : 0);
}

/** Writes the head of an unfragmented frame, but for the mask key; returns where the key or payload begins. */
export function writeHead(
  bytes: Uint8Array,
  at: number,
  opcode: number,
  length: number,
  masked: boolean,
): number {
  const flag = masked ? 0x80 : 0;
  bytes[at++] = 0x80 | opcode;
  if (length < 126) {
    bytes[at++] = flag | length;
  } else if (length < 65536) {
    bytes[at++] = flag | 126;
    bytes[at++] = length >>> 8;
    bytes[at++] = length & 0xff;
  } else {
    bytes[at++] = flag | 127;
    for (let shift = 56; shift >= 32; shift -= 8) bytes[at++] = 0; // 4 GiB are far beyond MAX_SENT_MESSAGE
    for (let shift = 24; shift >= 0; shift -= 8) bytes[at++] = (length >>> shift) & 0xff;
  }
  return at;
}
