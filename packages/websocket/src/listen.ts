/**
 * A WebSocket listener of our own on Deno, Node and Bun: sockets, a bounded handshake, framing.
 *
 * @module
 */
import {
  type Carrier,
  type CarrierListener,
  type CarrierListenOptions,
  explainSocket,
  explainTls,
  guardListening,
  NnrpError,
  NnrpTimeoutError,
  NnrpTransportError,
  NnrpUnsupportedError,
} from "@nnrp/core";
import { FramedStream } from "./framed_stream.ts";
import { HTTP_ALPN, type RawSocket, rawSockets, type ServerTls } from "./raw_socket.ts";
import { acceptHandshake } from "./server_handshake.ts";
import type { UpgradeRules } from "./upgrade_request.ts";
import { carrierOn } from "./websocket_carrier.ts";

/** Longest handshake unless the server says otherwise, ms. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Handshakes at once unless the server says otherwise. */
export const MAX_HANDSHAKES = 1024;

/** Where and how to listen. */
export interface ListenPlace {
  /** Host or address. */
  readonly host: string;
  /** Port; 0 = any. */
  readonly port: number;
  /** Certificate and key for `wss://`; null for `ws://`. */
  readonly tls: ServerTls | null;
  /** Which requests are welcome. */
  readonly rules: UpgradeRules;
}

/** Binds and accepts. Rejects with NnrpTransportError, or NnrpUnsupportedError in browsers. */
export async function listen(
  place: ListenPlace,
  onCarrier: (carrier: Carrier) => void,
  options: CarrierListenOptions,
): Promise<CarrierListener> {
  const sockets = await rawSockets(place.tls !== null);
  if (sockets === null) {
    throw new NnrpUnsupportedError("a browser cannot listen; run the server on Deno, Node or Bun");
  }
  const { host, port, tls, rules } = place;
  const { handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS, maxHandshakes = MAX_HANDSHAKES } = options;
  const { accept, failed } = guardListening(onCarrier, options);
  const shaking = new Set<RawSocket>();

  const arrived = async (socket: RawSocket): Promise<void> => {
    if (shaking.size >= maxHandshakes) {
      socket.destroy();
      failed(socket.remote, new NnrpTransportError("websocket", "too many connections are shaking hands"));
      return;
    }
    shaking.add(socket);
    let late: NnrpTimeoutError | null = null;
    const timer = setTimeout(() => {
      late = new NnrpTimeoutError("the WebSocket handshake", handshakeTimeoutMs);
      socket.destroy();
    }, handshakeTimeoutMs);
    try {
      const rest = await acceptHandshake(socket, rules, tls !== null);
      if (late !== null) throw late;
      accept(
        carrierOn(new FramedStream(socket.stream(), { client: false, rest }), socket.remote, tls !== null),
      );
    } catch (cause) {
      socket.destroy();
      failed(socket.remote, late ?? asError(cause, tls !== null));
    } finally {
      clearTimeout(timer);
      shaking.delete(socket);
    }
  };

  try {
    const bound = await sockets.listen(
      host,
      port,
      tls,
      { timeoutMs: handshakeTimeoutMs, max: maxHandshakes },
      (socket) => void arrived(socket),
      (remote, cause) => failed(remote, asError(cause, true)),
    );
    const close = async (): Promise<void> => {
      for (const socket of shaking) socket.destroy();
      await bound.close();
    };
    return { name: "websocket", host: bound.host, port: bound.port, close };
  } catch (cause) {
    throw new NnrpTransportError("websocket", `cannot listen on ${host}:${port}: ${explainSocket(cause)}`, {
      cause,
    });
  }
}

function asError(cause: unknown, encrypted: boolean): NnrpError {
  if (cause instanceof NnrpError) return cause;
  const why = encrypted ? explainTls(cause, "server", { alpn: HTTP_ALPN }) : explainSocket(cause);
  return new NnrpTransportError("websocket", `the handshake failed: ${why}`, { cause });
}
