/**
 * A program for the browser on the installed packages: server and client in one page through memory, and a client over
 * WebSocket. Its results are on `globalThis.nnrpPage`.
 *
 * @module
 */
import { dialClient, TypedPayload } from "@nnrp/client";
import { memoryNetwork } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { webSocket } from "@nnrp/websocket";

async function inMemory(): Promise<string> {
  const network = memoryNetwork();
  const server = await serve({ listen: [network] }, (frame) => ({ typedPayloads: frame.typedPayloads }));
  const session = await dialClient("nnrp://memory", { carriers: [network] });
  const result = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("hello, myself")] });
  await session.close();
  await server.close();
  return result.text();
}

async function overWebSocket(url: string): Promise<string> {
  const session = await dialClient(url, { carriers: [webSocket()] });
  let text = "";
  const request = { typedPayloads: [TypedPayload.tokenChunk("from a page")] };
  for await (const part of session.submitStream(request).text()) text += part;
  await session.close();
  return text;
}

Object.assign(globalThis, { nnrpPage: { inMemory, overWebSocket } });
