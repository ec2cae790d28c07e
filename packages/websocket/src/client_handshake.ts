/**
 * The client's side of the HTTP handshake on a socket of our own (RFC 6455 §4.1), and words for what a server may answer instead.
 *
 * @module
 */
import { cutPeerText, type Host, NnrpTransportError, readPeerText, shownAddress } from "@nnrp/core";
import type { RawSocket } from "@nnrp/runtime/sockets";
import { acceptKey, newKey } from "./accept_key.ts";
import { hasToken, type HttpHead, HttpHeadError, readHead } from "./http_head.ts";

/** How much of a refusal's body is shown, characters. */
const BODY_SHOWN = 200;

/** Shortest part of a field that is left out where a server repeats it, characters; shorter ones are words. */
const LEAST_SECRET = 8;

/** Where to. */
export interface HandshakeTarget {
  /** Host, and the port unless it is the usual one, as in the Host field. */
  readonly authority: string;
  /** Path, with a query or without. */
  readonly path: string;
  /** Further fields. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Makes a WebSocket of the socket; resolves to the bytes that came behind the answer. Rejects with NnrpTransportError. */
export async function shakeHands(
  socket: RawSocket,
  target: HandshakeTarget,
  host: Host,
): Promise<Uint8Array> {
  const key = newKey(host);
  const lines = [
    `GET ${target.path} HTTP/1.1`,
    `host: ${target.authority}`,
    "upgrade: websocket",
    "connection: Upgrade",
    `sec-websocket-key: ${key}`,
    "sec-websocket-version: 13",
    ...Object.entries(target.headers).map(([name, value]) => `${name}: ${value}`),
  ];
  await socket.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  let head: HttpHead;
  try {
    head = await readHead(socket);
  } catch (cause) {
    if (!(cause instanceof HttpHeadError)) throw cause;
    throw refused(`is no WebSocket server: ${cause.message}`, cause);
  }
  const status = /^HTTP\/1\.1 (\d{3})(?: (.*))?$/.exec(head.first);
  if (status === null) {
    throw refused(`is no WebSocket server: it answers ${JSON.stringify(head.first.slice(0, 80))}`);
  }
  if (status[1] !== "101") {
    const answer = `answers ${status[1]} ${cutPeerText(status[2] ?? "")}`.trimEnd();
    throw refused(withoutSecrets(answer + await explain(Number(status[1]), head, socket), target));
  }
  const { fields } = head;
  if (!hasToken(fields.get("upgrade"), "websocket") || !hasToken(fields.get("connection"), "upgrade")) {
    throw refused("switches to another protocol than WebSocket");
  }
  if (fields.get("sec-websocket-accept") !== await acceptKey(key)) {
    throw refused(
      "answers with a wrong Sec-WebSocket-Accept: something between here and there is in the way",
    );
  }
  for (const field of ["sec-websocket-extensions", "sec-websocket-protocol"]) {
    if (fields.has(field)) {
      throw refused(`wants ${field} ${cutPeerText(fields.get(field) ?? "")}, which nobody asked for`);
    }
  }
  return head.rest;
}

/** What to do about a refusal. */
async function explain(status: number, head: HttpHead, socket: RawSocket): Promise<string> {
  const said = await firstLine(head, socket);
  const words = said === "" ? "" : `: ${said}`;
  if (status >= 300 && status < 400) {
    const to = shownAddress(cutPeerText(head.fields.get("location") ?? ""));
    return `${words}; redirects are not followed${to === "" ? "" : `, dial ${to} instead`}`;
  }
  if (status === 200) return `${words}; a web server, but no WebSocket there: is the path right?`;
  if (status === 404) return `${words}; is the path right?`;
  if (status === 401 || status === 407) return `${words}; a header may be missing`;
  return words;
}

/** Servers that refuse like to repeat what they were sent; fields such as Authorization are not for errors and logs. */
function withoutSecrets(words: string, { headers, path }: HandshakeTarget): string {
  const query = path.indexOf("?");
  const sent = [...Object.values(headers), query < 0 ? "" : path.slice(query + 1)];
  const parts = sent.flatMap((value) => [value, ...value.split(/[ ,;=&]/)]);
  const secrets = parts.filter((part) => part.length >= LEAST_SECRET).sort((a, b) => b.length - a.length);
  return secrets.reduce((text, secret) => text.replaceAll(secret, "…"), words);
}

/** The first line of a plain text body, if it is there. */
async function firstLine(head: HttpHead, socket: RawSocket): Promise<string> {
  if (!(head.fields.get("content-type") ?? "").startsWith("text/plain")) return "";
  let body: Uint8Array | null = head.rest;
  if (body.length === 0 && head.fields.get("content-length") !== "0") {
    body = await socket.read().catch(() => null);
  }
  if (body === null) return "";
  const line = readPeerText(body).split("\n", 1)[0].trim();
  return Array.from(line).slice(0, BODY_SHOWN).join(""); // a slice of code units might cut a character
}

function refused(message: string, cause?: unknown): NnrpTransportError {
  return new NnrpTransportError("websocket", message, { cause });
}
