/**
 * The request of a WebTransport session as a browser may send it, byte by byte: runtimes' clients choose its fields themselves.
 *
 * @module
 */
import { connectRaw } from "./raw_quic.ts";

/** A session that was asked for. */
export interface RawRequest {
  /** The connection. */
  readonly conn: Deno.QuicConn;
  /** Resolves when the server closed the connection. */
  readonly closed: Promise<unknown>;
}

/** Connects to a port of this machine and asks for a session (RFC 9220, draft-ietf-webtrans-http3-02). */
export async function askForSession(
  port: number,
  fields: Readonly<Record<string, string>>,
): Promise<RawRequest> {
  const conn = await connectRaw(port, ["h3"]);
  const closed = conn.closed.catch(() => {});
  const settings = [
    ...[number(0x33), [1]], // datagrams
    ...[number(0x08), [1]], // extended CONNECT
    ...[number(0x2b603742), [1]], // WebTransport
    ...[[0xc0, 0, 0, 0, 0xc6, 0x71, 0x70, 0x6a], [1]], // its sessions
  ].flat();
  const control = (await conn.createUnidirectionalStream()).getWriter();
  await control.write(new Uint8Array([0, 4, ...number(settings.length), ...settings]));
  const all = {
    ":method": "CONNECT",
    ":scheme": "https",
    ":path": "/nnrp",
    ":protocol": "webtransport",
    ...fields,
  };
  const head = [0, 0, ...Object.entries(all).flatMap(([name, value]) => literal(name, value))];
  const request = (await conn.createBidirectionalStream()).writable.getWriter();
  await request.write(new Uint8Array([1, ...number(head.length), ...head]));
  return { conn, closed };
}

/** A QUIC number (RFC 9000 §16). */
function number(value: number): number[] {
  if (value < 64) return [value];
  if (value < 16_384) return [0x40 | value >> 8, value & 255];
  return [0x80 | value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** A field of which name and value are spelled out (RFC 9204 §4.5.6). */
function literal(name: string, value: string): number[] {
  return [...text(0x20, 7, name), ...text(0, 127, value)];
}

/** A text behind its length, of which the bits of `mask` are in the first byte (RFC 7541 §5.1, up to 127 more). */
function text(flags: number, mask: number, value: string): number[] {
  const bytes = [...new TextEncoder().encode(value)];
  if (bytes.length < mask) return [flags | bytes.length, ...bytes];
  return [flags | mask, bytes.length - mask, ...bytes];
}
