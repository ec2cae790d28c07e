/**
 * Ours as a server, through the public API: three servers whose limits let everything through that the axes ask for. Prints
 * their ports. Runs on Deno and Node.
 *
 * @module
 */
import { TypedPayload } from "@nnrp/core";
import { serve, type ServeOptions } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { control } from "../peers/control.ts";

const FRAMES = 65_535;
const BYTES = 1024 * 1024 * 1024;

const options = (): ServeOptions => ({
  listen: [tcp({ port: 0 })],
  profile: {
    maxConcurrentFrames: FRAMES,
    maxInFlightFrames: 2 * FRAMES,
    maxBodyBytes: 64 * 1024 * 1024,
    maxCacheEntries: FRAMES,
    maxCacheBytes: BYTES / 4,
  },
  maxQueuedFrames: 2 * FRAMES,
  maxSessionBytes: BYTES,
  maxServerBytes: 4 * BYTES,
});

const echo = await serve(options(), (frame) => ({ typedPayloads: frame.typedPayloads }));
const tokens = await serve(options(), async function* (frame) {
  const { payload } = frame.typedPayloads[0];
  const parts = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  for (let i = 0; i < parts; i++) yield { typedPayloads: [TypedPayload.tokenChunk(payload)] };
});
// A handler that is never done at once leaves whatever comes meanwhile in the queue.
const one = await serve({ ...options(), concurrency: 1 }, async (frame) => {
  const { typedPayloads } = frame;
  await null;
  return { typedPayloads };
});

await control(
  { echo: echo.port, tokens: tokens.port, one: one.port },
  () => Promise.reject(new Error("a server takes no jobs")),
);
