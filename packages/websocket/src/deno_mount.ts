/**
 * NNRP inside an application's own `Deno.serve`.
 *
 * @module
 */
import type { CarrierBinding } from "@nnrp/core";
import { mount, type MountOptions } from "./mount.ts";
import { WebSocketStream } from "./web_socket_stream.ts";

/** What `Deno.serve` tells about a request, as far as it is needed: npm's users have no declarations of `Deno`. */
export interface DenoServeInfo {
  /** Where it came from: a `Deno.Addr`. */
  readonly remoteAddr: object;
}

/** As much as is needed of what `Deno.serve` tells of a request. */
export interface DenoRequestInfo {
  /** The peer's address. */
  readonly remoteAddr: {
    /** Host; not on Unix sockets. */
    readonly hostname?: string;
    /** Port. */
    readonly port?: number;
  };
}

/** A binding that lives in a `Deno.serve`. */
export interface DenoMount extends CarrierBinding {
  /**
   * Answers requests for the endpoint: with the upgrade, or with words about what is wrong. Without `info` nobody counts as a
   * visitor on this machine.
   */
  readonly handler: (request: Request, info?: DenoServeInfo) => Response;
}

/**
 * Mounts NNRP into a `Deno.serve` of the application. Deno's WebSockets cannot stop receiving: what a peer sends while its session
 * is paused is kept, up to 64 MiB.
 *
 * @example
 * ```ts
 * import { serve } from "@nnrp/server";
 * import { mountOnDeno } from "@nnrp/websocket";
 *
 * const nnrp = mountOnDeno({ allowedOrigins: ["https://app.example"] });
 * await serve({ listen: [nnrp] }, (frame) => ({ typedPayloads: frame.typedPayloads }));
 * Deno.serve({ port: 8000 }, (request, info) =>
 *   new URL(request.url).pathname === "/nnrp" ? nnrp.handler(request, info) : new Response("hello"));
 * ```
 */
export function mountOnDeno(options: MountOptions = {}): DenoMount {
  const mounted = mount(options);
  const { binding, judge, shaking } = mounted;
  return {
    ...binding,
    handler(request, info): Response {
      const url = new URL(request.url);
      const remote = format(info?.remoteAddr); // unknown once the request is upgraded
      const encrypted = url.protocol === "https:";
      const verdict = judge({
        method: request.method,
        target: url.pathname,
        field: (name) => request.headers.get(name),
        remote,
        encrypted,
      });
      if (!verdict.accepted) {
        return new Response(`${verdict.body}\n`, { status: verdict.status, headers: verdict.fields });
      }
      const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
      const stream = new WebSocketStream(socket, mounted.host);
      const done = shaking(remote, () => stream.destroy());
      socket.addEventListener("open", () => done({ stream, encrypted }));
      socket.addEventListener(
        "close",
        () => done(new Error("the connection ended before it was a WebSocket")),
      );
      return response;
    },
  };
}

function format(address: DenoRequestInfo["remoteAddr"] | undefined): string {
  if (address?.hostname === undefined) return "?";
  const { hostname, port } = address;
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
