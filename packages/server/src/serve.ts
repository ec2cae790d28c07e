/**
 * The short way to a server: options and a handler.
 *
 * @module
 */
import type { Handler } from "./handler.ts";
import type { ServeOptions } from "./options.ts";
import { NnrpServer } from "./server.ts";

/**
 * Listens and answers every frame with what the handler gives.
 *
 * ```ts
 * const server = await serve({ port: 4433 }, (frame) => ({ typedPayloads: frame.typedPayloads }));
 * ```
 *
 * @param options Where to listen, what to offer, limits.
 * @param handler Works on one frame; up to `concurrency` run at once.
 * @throws NnrpTransportError if a port is taken or not allowed.
 */
export function serve(options: ServeOptions, handler: Handler): Promise<NnrpServer> {
  return NnrpServer.start(options, handler);
}
