/**
 * A client and a server in one process without a socket: for tests of your own handler. Run:
 * `deno run -A examples/testing_with_memory.ts`.
 *
 * @module
 */
import { dialClient, TypedPayload } from "@nnrp/client";
import { memoryNetwork } from "@nnrp/core";
import { serve } from "@nnrp/server";

const net = memoryNetwork();
const server = await serve({ listen: [net] }, (frame) => ({
  typedPayloads: [TypedPayload.tokenChunk(frame.text().toUpperCase())],
}));
const session = await dialClient("nnrp://memory", { carriers: [net] });
const result = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("hello")] });
console.log(result.text());
await session.close();
await server.close();
