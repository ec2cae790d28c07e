/**
 * The key of a WebSocket handshake and its answer (RFC 6455 §4.2.2).
 *
 * @module
 */
import type { Host } from "@nnrp/core";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A fresh key for a request. */
export function newKey(host: Host): string {
  return base64(host.randomBytes(16));
}

/** Whether this may be a key: sixteen bytes in base64. */
export function isKey(key: string): boolean {
  return /^[A-Za-z0-9+/]{22}==$/.test(key);
}

/** What the server answers to a key. */
export async function acceptKey(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  return base64(new Uint8Array(digest));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
