/**
 * The short way to a server: options and a handler.
 *
 * @module
 */
import type { Handler } from "./handler.ts";
import type { ServeOptions } from "./options.ts";
import { listenWith, type NnrpServer } from "./server.ts";

/**
 * Listens and answers every frame with what the handler gives. The handler and every other callback start from the asynchronous
 * context (`AsyncLocalStorage`) of this call, not from that of an earlier frame or another client.
 *
 * ```ts
 * const server = await serve({ port: 4433 }, (frame) => ({ typedPayloads: frame.typedPayloads }));
 * ```
 *
 * @param options Where to listen, what to offer, limits.
 * @param handler Works on one frame; up to `concurrency` run at once.
 * @throws NnrpTransportError if a port is taken or not allowed, NnrpValueError for numbers out of their range and options that contradict each other.
 */
export function serve(options: ServeOptions, handler: Handler): Promise<NnrpServer> {
  return listenWith(options, handler);
}
