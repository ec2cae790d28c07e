/**
 * Memory that is held stays within the limits and is in the books: bytes received and not answered, bytes waiting to be sent, and
 * what frames at work keep alive. There is no book of what suspended sessions and read buffers hold, so nobody looks at that.
 *
 * @module
 */
import type { SimServer } from "../server.ts";
import type { Stage } from "../stage.ts";

const KIB = 1024;
/** What may come in one reading beyond a limit: bytes that the system handed over already, and one more body. */
const READ_AHEAD_BYTES = 1024 * KIB;
/** Hints, drops, errors and pongs, which are short and do not wait. */
const WORDS_BYTES = 256 * KIB;

/** Looks at all servers. */
export function checkMemory(stage: Stage): void {
  for (const server of stage.servers) {
    if (server.server === null) continue;
    const { plan } = server;
    const { bytesInFlight } = server.server.stats;
    const { sessions } = server;
    if (bytesInFlight > plan.maxServerBytes + READ_AHEAD_BYTES * (1 + sessions.length)) {
      stage.found("memory", "a server holds more received bytes than maxServerBytes", "", ["received"]);
    }
    let sum = 0;
    for (const session of sessions) {
      sum += session.bytesInFlight;
      if (session.bytesInFlight > plan.maxSessionBytes + READ_AHEAD_BYTES) {
        stage.found("memory", "a session holds more received bytes than maxSessionBytes", "", ["received"]);
      }
      const { bufferedBytes } = session.stats;
      const limit = plan.maxSendBufferBytes + WORDS_BYTES + server.longestAnswer(session);
      if (bufferedBytes > limit) {
        stage.found(
          "memory",
          "a session holds more unsent bytes than maxSendBufferBytes and one answer",
          "",
          ["unsent"],
        );
      }
    }
    if (sum > bytesInFlight + READ_AHEAD_BYTES) {
      stage.found("memory", "the sessions of a server hold more than its book says", "", ["books"]);
    }
    checkPinned(stage, server);
  }
}

/** Backing memory of what running handlers can see, against the book and the cache's limit. */
function checkPinned(stage: Stage, server: SimServer): void {
  const held: Map<object, Set<ArrayBufferLike>> = new Map();
  for (const { received, context } of server.running) {
    if (received.settled || received.cameraBlock.length === 0) continue;
    let buffers = held.get(context.session);
    if (buffers === undefined) held.set(context.session, buffers = new Set());
    buffers.add(received.cameraBlock.buffer);
  }
  if (held.size > 0) stage.judged("memory");
  for (const session of server.sessions) {
    const buffers = held.get(session);
    if (buffers === undefined) continue;
    let bytes = 0;
    for (const buffer of buffers) bytes += buffer.byteLength;
    const { resolved } = server.server!.stats.memory;
    if (bytes > resolved + server.plan.maxCacheBytes) {
      stage.found(
        "memory",
        "frames at work keep more cached objects alive than the book and the cache have room for",
        "",
        ["pinned"],
      );
    }
  }
}
