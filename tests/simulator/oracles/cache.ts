/**
 * A frame that refers to a cached object gets the object last put under that key, or a miss, and never another.
 *
 * @module
 */
import type { Result } from "@nnrp/client";
import type { Frame } from "../ledger.ts";
import type { Stage } from "../stage.ts";

/** An object: it says which put of which session it is. */
export function cachedBytes(session: string, key: number, put: number, bytes: number): Uint8Array {
  const text = new TextEncoder().encode(`${session}/${key}/${put} `);
  const data = new Uint8Array(Math.max(bytes, text.length)).fill(0x2e);
  data.set(text);
  return data;
}

/** A frame that referred to an object was answered. A miss is an ERROR, so it does not come here. */
export function checkCached(stage: Stage, frame: Frame, result: Result | undefined): void {
  const { cache, run } = frame;
  if (cache === null || result === undefined || result.isDrop) return;
  stage.judged("cache");
  const bytes = result.opaqueBytesPayloads[0];
  const found = (what: string) => stage.found("cache", what, run.client.name, run.tags(frame));
  if (bytes === undefined) return found("a reference was answered without its object");
  const [session, key, put] = new TextDecoder().decode(bytes.subarray(0, 40)).split(" ")[0].split("/");
  if (session !== run.name || +key !== cache.key) {
    return found("a reference was answered with the object of another key or session");
  }
  if (+put <= cache.gone) return found("a reference was answered with an object that was taken out before");
  if (+put < cache.from() || +put > cache.to()) {
    found("a reference was answered with another version than the last");
  }
}
