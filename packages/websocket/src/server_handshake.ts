/**
 * The server's side of the HTTP handshake on a socket of our own (RFC 6455 §4.2).
 *
 * @module
 */
import { type Host, NnrpTransportError } from "@nnrp/core";
import type { RawSocket } from "@nnrp/runtime/sockets";
import { acceptKey } from "./accept_key.ts";
import { type HttpHead, HttpHeadError, readHead } from "./http_head.ts";
import {
  httpAnswer,
  judgeUpgrade,
  refusal,
  switchingProtocols,
  type UpgradeRules,
} from "./upgrade_request.ts";

/** How long a refused peer may take to read why, ms. */
const REFUSAL_MS = 250;

/** Makes a WebSocket of the socket; resolves to the bytes that came behind the request. Rejects after it has refused. */
export async function acceptHandshake(
  socket: RawSocket,
  rules: UpgradeRules,
  encrypted: boolean,
  host: Host,
): Promise<Uint8Array> {
  let head: HttpHead;
  try {
    head = await readHead(socket);
  } catch (cause) {
    if (!(cause instanceof HttpHeadError)) throw cause;
    return await refuse(host, socket, refusal(400, cause.message));
  }
  const line = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(head.first);
  if (line === null) return await refuse(host, socket, refusal(400, "no HTTP/1.1 request"));
  const { fields, rest } = head;
  const verdict = judgeUpgrade(
    { method: line[1], target: line[2], field: (name) => fields.get(name), remote: socket.remote, encrypted },
    rules,
  );
  if (!verdict.accepted) return await refuse(host, socket, verdict);
  await socket.write(switchingProtocols(await acceptKey(verdict.key)));
  return rest;
}

/** Answers, gives the peer a moment to read it, and throws. */
async function refuse(host: Host, socket: RawSocket, verdict: ReturnType<typeof refusal>): Promise<never> {
  await socket.write(httpAnswer(verdict));
  let cancelTimer: () => void;
  const moment = new Promise<null>((done) => cancelTimer = host.after(REFUSAL_MS, () => done(null)));
  await Promise.race([moment, socket.read().catch(() => null)]);
  cancelTimer!();
  throw new NnrpTransportError("websocket", `refused with HTTP ${verdict.status}: ${verdict.body}`);
}
