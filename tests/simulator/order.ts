/**
 * What a frame asks the handler to do, as it travels in the frame's token text; and bytes that tell whose they are.
 *
 * @module
 */

/** How a handler behaves. */
export type Act = typeof ACTS[number];

/** All behaviours of handlers. */
export const ACTS = [
  "quick", // answers at once
  "promise", // answers from an async function, at once
  "slow", // works for `ms`, stops when its signal says so
  "deaf", // works for `ms`, ignores its signal
  "throws", // throws at once
  "rejects", // rejects after `ms`
  "blocks", // keeps the event loop busy for `ms`
  "waits", // does not answer by itself: ends by its signal, or after `ms`
  "drops", // answers by a drop
  "stream", // an async generator: `parts`, some ms between them
  "rush", // an async generator that never waits
  "iterator", // an async iterable written by hand, with `return()`
  "source", // the same, which after its parts waits until it is told to stop
  "plain", // a plain generator
  "array", // an array of parts
  "reuses", // an async generator that yields one buffer again and again
  "lends", // an async generator that takes the memory of each part away once it is asked for the next
  "takes", // an async generator that takes the memory of a part away when it likes; of its answer, if it has no parts
  "breaks", // an async generator that throws after half of its parts
  "spoils", // an async generator whose middle part cannot be sent
  "huge", // answers with more than a body may have
] as const;

/** What a frame asks for. */
export interface Order {
  /** Names the frame in the whole run: client, life, session, number. */
  readonly nonce: string;
  /** What the handler does. */
  readonly act: Act;
  /** Parts of a stream; 0 = one answer. */
  readonly parts: number;
  /** Bytes of each part, or of the answer, beside its name. */
  readonly bytes: number;
  /** How long the handler works, ms. */
  readonly ms: number;
  /** Bytes of bulk that came with it; −1 = not known, since its memory was taken away meanwhile. */
  readonly up: number;
}

/** The order as it travels. */
export function orderText({ nonce, act, parts, bytes, ms, up }: Order): string {
  return `${nonce} ${act} ${parts} ${bytes} ${ms} ${up}`;
}

/** The order of a received frame; null if the text is none, which is a finding of its own. */
export function readOrder(text: string): Order | null {
  const [nonce, act, parts, bytes, ms, up] = text.split(" ");
  const isAct = (ACTS as readonly string[]).includes(act);
  return isAct ? { nonce, act: act as Act, parts: +parts, bytes: +bytes, ms: +ms, up: +up } : null;
}

/** The words of part `i` of `count`: who the answer is for. */
export function partName(nonce: string, i: number, count: number): string {
  return `${nonce} ${i}/${count};`;
}

/** Stands for the bulk of the submit where a part's number is asked. */
export const UPLOAD = -1;

/** The byte that the bulk of a part is filled with. */
export function fillOf(nonce: string, i: number): number {
  let hash = 0x811c9dc5 ^ i;
  for (let at = 0; at < nonce.length; at++) hash = Math.imul(hash ^ nonce.charCodeAt(at), 0x01000193);
  return (hash >>> 13) & 0xff;
}

/** Bulk of a part, in memory of its own. */
export function bulkOf(nonce: string, i: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(fillOf(nonce, i));
}

/** Places that are looked at; bulks are filled with one byte, so a foreign or reused one differs everywhere. */
const LOOKS = 16;

/** Whether bytes are the bulk of that part. */
export function isBulkOf(bulk: Uint8Array, nonce: string, i: number, bytes: number): boolean {
  if (bulk.length !== bytes) return false;
  const fill = fillOf(nonce, i);
  const step = Math.max(1, Math.floor(bytes / LOOKS));
  for (let at = 0; at < bytes; at += step) if (bulk[at] !== fill) return false;
  return bytes === 0 || bulk[bytes - 1] === fill;
}
