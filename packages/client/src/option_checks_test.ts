/** Numbers that no client can work with are refused before it dials, by name, instead of hanging its frames or its process. */
import { memoryNetwork, NnrpValueError } from "@nnrp/core";
import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { ClientSession, dialClient, type DialOptions } from "../mod.ts";

/** Options, and the least number that each takes. */
const TOP = {
  timeoutMs: 0,
  maxInFlight: 1,
  maxWaitingSubmits: 0,
  maxSendBufferBytes: 1,
  sendStallMs: 0,
  maxStreamResults: 0,
  maxStreamBytes: 0,
  maxEventsKept: 0,
  keepAliveMs: 0,
  idleTimeoutMs: 0,
  pongTimeoutMs: 0,
  maxMissedPongs: 1,
  maxUnclaimedResults: 0,
  maxUnclaimedBytes: 0,
};
const RECONNECT = { minDelayMs: 0, maxDelayMs: 0, maxAttempts: 0 };

for (const [group, options] of Object.entries({ "": TOP, "reconnect.": RECONNECT })) {
  for (const [name, least] of Object.entries(options)) {
    const field = group + name;
    test(`${field} takes numbers from ${least} up and nothing else`, async () => {
      for (const value of [NaN, least - 1, -Infinity, "5", null, {}]) {
        const one = { [name]: value };
        const net = memoryNetwork();
        let dials = 0;
        const carrier = { ...net, dial: () => (dials++, Promise.reject(new Error("dialled"))) };
        const given = { carriers: [carrier], ...(group === "" ? one : { reconnect: one }) } as DialOptions;
        const error = await assertRejects(() => dialClient("nnrp://memory", given), NnrpValueError, field);
        assertEquals([error.field, dials], [field, 0], String(value));
      }
    });
  }
}

test("sessions on a carrier that is open already take the same numbers", async () => {
  const net = memoryNetwork();
  const listener = await net.listen(() => {});
  const carrier = await net.dial({ host: "memory", port: 1 });
  await assertRejects(
    async () => await ClientSession.open(carrier, { maxSendBufferBytes: 0 }),
    NnrpValueError,
    "maxSendBufferBytes",
  );
  await carrier.close({ graceful: false });
  await listener.close();
});
