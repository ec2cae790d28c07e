/**
 * A host whose timers and turns cannot end the process: nothing stands behind their calls but the runtime.
 *
 * @module
 */
import type { Host } from "@nnrp/core";

/**
 * The same host, with calls that are made through `contain`.
 *
 * @param host Whose clock, timers and random numbers to use.
 * @param contain Makes a call, and does what is right with what it throws. Must not throw.
 */
export function containTimers(host: Host, contain: (call: () => void) => void): Host {
  return {
    now: () => host.now(),
    wallNow: () => host.wallNow(),
    after: (ms, call) => host.after(ms, () => contain(call)),
    yield: (call, workedMs) => host.yield(() => contain(call), workedMs),
    random: () => host.random(),
    randomBytes: (length) => host.randomBytes(length),
    runDetached: (call) => host.runDetached(call),
    eachDetached: (waiting, call) => host.eachDetached(waiting, () => contain(call)),
  };
}
