/**
 * A server under attack and, beside the attackers, a client that behaves: it must be served all the time.
 *
 * @module
 */
import type { ClientSession } from "@nnrp/client";
import { TypedPayload } from "@nnrp/core";
import type { NnrpServer, ServeOptions } from "@nnrp/server";
import { assertEquals } from "@std/assert";
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { TCP } from "../support/places.ts";
import { until } from "../support/raw_peer.ts";

/** Longest time an attack takes, ms: then it ends, however far it came. */
export const ATTACK_MS = 4000;
/** How long a server under attack keeps a session whose client vanished, ms. */
export const RESUME_WINDOW_MS = 100;
/** Memory that may still be held after an attack, bytes: the attackers live in this process, too. */
const MEMORY_SLACK = 32 * 1024 * 1024;

/** What a scene gives to the attacker. */
export interface Scene {
  /** The server under attack. */
  readonly server: NnrpServer;
  /** Its port. */
  readonly port: number;
  /** The client that behaves. */
  readonly good: ClientSession;
  /** Throws unless the good client is answered now. */
  serves(): Promise<void>;
}

/** Collects what nobody holds any more. */
const collect: () => void = (() => {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
})();

/** Memory that somebody in this process holds, on the JavaScript heap and beside it, bytes. */
export function usedMemory(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Whether an attack that began then must end. */
export function isOver(startedMs: number): boolean {
  return performance.now() - startedMs > ATTACK_MS;
}

/**
 * Attacks an echo server. Before, during and after it the good client is served; afterwards nothing of the attackers is left.
 *
 * @param options Of the server.
 * @param attack Does its worst; calls `serves()` in the middle of it.
 */
export async function underAttack(
  options: ServeOptions,
  attack: (scene: Scene) => Promise<void>,
): Promise<void> {
  // Attackers do not come back for their sessions, and the tests do not wait long for it.
  const at = await TCP.serve((frame) => ({ typedPayloads: frame.typedPayloads }), {
    ...options,
    migration: { resumeWindowMs: RESUME_WINDOW_MS, ...options.migration },
  });
  const good = await at.dial();
  let round = 0;
  const serves = async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `round ${round} frame ${i}`);
    round++;
    const results = await Promise.all(
      texts.map((text) => good.submit({ typedPayloads: [TypedPayload.tokenChunk(text)] })),
    );
    assertEquals(results.map((r) => r.text()), texts);
  };
  await serves();
  const before = usedMemory();
  await attack({ server: at.server, port: at.server.port, good, serves });
  await serves();
  await until(() => at.server.stats.open === 1, `attackers to be gone: ${at.server.stats.open - 1} are left`);
  await until(() => at.server.stats.sessions === 1, "their sessions to be given up");
  const { suspended, bytesInFlight, queued } = at.server.stats;
  assertEquals([suspended, bytesInFlight, queued], [0, 0, 0]);
  // Not at once: sockets are let go by the event loop. What the allocator keeps for the next attack is nobody's.
  await until(
    () => usedMemory() - before < MEMORY_SLACK,
    `memory to be given back: ${(usedMemory() - before) >> 20} MiB more than before`,
  );
  const newcomer = await at.dial();
  assertEquals(
    (await newcomer.submit({ typedPayloads: [TypedPayload.tokenChunk("hello")] })).text(),
    "hello",
  );
  assertEquals(good.state, "active");
  await at.end();
}
