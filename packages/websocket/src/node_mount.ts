/**
 * NNRP inside an application's own `node:http` or `node:https` server, on Node, Bun and Deno.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { CarrierBinding } from "@nnrp/core";
import { NodeByteStream, remoteOf } from "@nnrp/runtime";
import { acceptKey } from "./accept_key.ts";
import { FramedStream } from "./framed_stream.ts";
import { mount, type MountOptions } from "./mount.ts";
import { httpAnswer, switchingProtocols } from "./upgrade_request.ts";

/** As much of a request of `node:http` as is needed. */
export interface NodeRequest {
  /** `GET`, … */
  readonly method?: string;
  /** Path and query. */
  readonly url?: string;
  /** Fields by lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A binding that lives in an HTTP server. */
export interface NodeMount extends CarrierBinding {
  /** For `server.on("upgrade", …)`: makes a WebSocket of the socket, or answers what is wrong and closes it. */
  readonly upgrade: (request: NodeRequest, socket: object, head: Uint8Array) => void;
}

/**
 * Mounts NNRP into an HTTP server of the application.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { serve } from "@nnrp/server";
 * import { mountOnNode } from "@nnrp/websocket";
 *
 * const nnrp = mountOnNode();
 * await serve({ listen: [nnrp] }, (frame) => ({ typedPayloads: frame.typedPayloads }));
 * const http = createServer((_request, response) => response.end("hello"));
 * http.on("upgrade", nnrp.upgrade);
 * http.listen(8000);
 * ```
 */
export function mountOnNode(options: MountOptions = {}): NodeMount {
  const mounted = mount(options);
  const { binding, judge, shaking } = mounted;
  return guardUpgrade({
    ...binding,
    upgrade(request, duplex, head): void {
      const socket = duplex as Socket & { encrypted?: boolean };
      socket.pause();
      socket.setTimeout?.(0);
      socket.setNoDelay?.(true);
      const stream = new NodeByteStream(socket);
      const remote = remoteOf(socket);
      const encrypted = socket.encrypted === true;
      const verdict = judge({
        method: request.method ?? "",
        target: request.url ?? "",
        field: (name) => request.headers[name]?.toString(),
        remote,
        encrypted,
      });
      if (!verdict.accepted) {
        socket.end(httpAnswer(verdict));
        socket.resume(); // so that it notices the peer's end
        return;
      }
      const { host } = mounted;
      const done = shaking(remote, () => socket.destroy());
      acceptKey(verdict.key).then((accept) => {
        socket.write(switchingProtocols(accept));
        const rest = new Uint8Array(head); // a copy: it is a piece of the parser's memory
        done({
          stream: new FramedStream(stream, { client: false, rest, host }),
          encrypted,
        });
      }).catch((error) => {
        socket.destroy();
        done(error instanceof Error ? error : new Error(String(error)));
      });
    },
  });
}

/** What is thrown into the application's server would end its process: it costs this socket only. */
function guardUpgrade(nnrp: NodeMount): NodeMount {
  return {
    ...nnrp,
    upgrade(request, socket, head): void {
      try {
        nnrp.upgrade(request, socket, head);
      } catch {
        (socket as Socket).destroy();
      }
    },
  };
}
