/**
 * A server in memory and a session with it, for tests.
 *
 * @module
 */
import { memoryNetwork } from "@nnrp/core";
import { type ClientSession, dialClient } from "@nnrp/client";
import { type Handler, serve, type ServeOptions } from "@nnrp/server";

/** Serves with a handler while a test uses a session. */
export async function withServer(
  handler: Handler,
  use: (session: ClientSession) => Promise<void>,
  options: Partial<ServeOptions> = {},
): Promise<void> {
  const network = memoryNetwork();
  const server = await serve({ ...options, listen: [network] }, handler);
  const session = await dialClient("nnrp://memory", { carriers: [network] });
  try {
    await use(session);
  } finally {
    await session.close();
    await server.close();
  }
}
