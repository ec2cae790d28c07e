/** What may be lost with a path is said again, and nothing else (behaviour spec §10, §11). */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { CacheInvalidateScope } from "../../wire/enums.ts";
import { MAX_UNHEARD_INVALIDATIONS, UnheardInvalidations } from "./unheard_invalidations.ts";

const of = (key: number) => ({
  invalidateScope: CacheInvalidateScope.OBJECT_KEY,
  cacheNamespace: 0,
  cacheKeyHi: 0,
  cacheKeyLo: key,
  reasonCode: 0,
});
const keysOf = (lost: readonly { cacheKeyLo: number }[]) => lost.map((fields) => fields.cacheKeyLo);

test("what the server answered after it is not said again; what came later is", () => {
  const unheard = new UnheardInvalidations();
  for (const id of [1, 2, 5]) unheard.said(of(id), BigInt(id));
  unheard.heard(3n);
  unheard.pathBegins(6n);
  assertEquals(keysOf(unheard.pathLost()), [5]);
  assertEquals([keysOf(unheard.pathLost()), unheard.size], [[], 0]);
});

test("an answer on the new path says nothing of the old one; its end does", () => {
  const unheard = new UnheardInvalidations();
  unheard.said(of(1), 1n);
  unheard.pathBegins(2n);
  unheard.said(of(3), 3n);
  unheard.heard(4n);
  assertEquals(unheard.size, 1, "that of the old path");
  unheard.said(of(5), 5n);
  unheard.pathEnded();
  assertEquals(unheard.size, 1, "that of the new path");
  unheard.pathBegins(6n);
  assertEquals(keysOf(unheard.pathLost()), [5]);
});

test("with too many the whole cache is invalidated, on whichever path they were said", () => {
  const unheard = new UnheardInvalidations();
  unheard.said(of(1), 1n);
  unheard.pathBegins(2n);
  for (let id = 2n; id <= MAX_UNHEARD_INVALIDATIONS + 1; id++) unheard.said(of(0), id);
  assert(unheard.size <= MAX_UNHEARD_INVALIDATIONS);
  assertEquals(unheard.pathLost().map((fields) => fields.invalidateScope), [
    CacheInvalidateScope.WHOLE_SESSION,
  ]);
  unheard.pathBegins(5000n);
  assertEquals(unheard.pathLost().map((fields) => fields.invalidateScope), [
    CacheInvalidateScope.WHOLE_SESSION,
  ]);
});

test("whatever happens, what the server did not read before the loss is said again", () => {
  const step = fc.constantFrom("invalidate", "invalidate", "ask", "answer", "move", "end", "lose");
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const unheard = new UnheardInvalidations();
    let id = 0n;
    // The server's side: packets that are still on their way, per path, and the keys that it has read.
    let paths: { key?: number; ask?: bigint }[][] = [[]];
    const owed = new Set<number>();
    const answers: bigint[] = [];
    const read = (packet: { key?: number; ask?: bigint }) => {
      if (packet.key !== undefined) owed.delete(packet.key);
      if (packet.ask !== undefined) answers.push(packet.ask);
    };
    const say = (key: number) => {
      owed.add(key);
      unheard.said(of(key), ++id);
      paths.at(-1)!.push({ key });
    };
    for (const what of steps) {
      if (what === "invalidate") say(Number(id) + 1);
      else if (what === "ask") paths.at(-1)!.push({ ask: ++id });
      else if (what === "answer") {
        const packet = paths[0].shift();
        if (packet !== undefined) read(packet);
        for (const traceId of answers.splice(0)) unheard.heard(traceId);
      } else if (what === "move" && paths.length === 1) {
        unheard.pathBegins(id + 1n);
        paths.push([]);
      } else if (what === "end" && paths.length === 2) {
        paths.shift()!.forEach(read);
        answers.length = 0;
        unheard.pathEnded();
      } else if (what === "lose") {
        if (paths.length === 1) {
          unheard.pathBegins(id + 1n);
          paths.push([]);
        }
        paths = paths.slice(1);
        keysOf(unheard.pathLost()).forEach(say);
      }
    }
    unheard.pathBegins(id + 1n);
    const lost = new Set(keysOf(unheard.pathLost()));
    for (const key of owed) assert(lost.has(key), `key ${key}`);
  }));
});
