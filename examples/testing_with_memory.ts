/**
 * Testing your own handler: client and server in one process, no socket, no port, no waiting; byte for byte what TCP would
 * carry. Run: `deno run -A examples/testing_with_memory.ts`, `node examples/testing_with_memory.ts` or
 * `bun examples/testing_with_memory.ts`.
 *
 * @module
 */
import { type ClientSession, dialClient, TypedPayload } from "@nnrp/client";
import { memoryNetwork } from "@nnrp/core";
import { drop, type Handler, serve } from "@nnrp/server";

// The handler under test.
const shout: Handler = (frame) => {
  const text = frame.text();
  return text === "" ? drop() : { typedPayloads: [TypedPayload.tokenChunk(text.toUpperCase())] };
};

/** Runs a test with a session whose other end is the handler. */
async function withHandler(handler: Handler, body: (session: ClientSession) => Promise<void>): Promise<void> {
  const net = memoryNetwork({
    // Optional: bytes arrive one at a time, the worst that a network may do to a program that cuts packets itself.
    split: (bytes) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)),
  });
  const server = await serve({ listen: [net] }, handler);
  const session = await dialClient("nnrp://memory", { carriers: [net] });
  try {
    await body(session);
  } finally {
    await session.close({ drainMs: 0 });
    await server.close({ drainMs: 0 });
  }
}

// In a project of yours these are cases of your test runner.
await withHandler(shout, async (session) => {
  const result = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("hello")] });
  console.log(result.text() === "HELLO" ? "ok: answers in capital letters" : `FAILED: ${result.text()}`);
});
await withHandler(shout, async (session) => {
  const result = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("")] });
  console.log(result.isDrop ? "ok: drops empty questions" : "FAILED: answered");
});
await withHandler(() => Promise.reject(new Error("bug")), async (session) => {
  const error = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("x")] }).catch((e) => e);
  console.log(error.codeName === "INTERNAL_ERROR" ? "ok: a bug fails one frame only" : `FAILED: ${error}`);
  console.log((await session.ping()) >= 0 ? "ok: the session is still there" : "FAILED");
});
