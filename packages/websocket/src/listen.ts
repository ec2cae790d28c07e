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
  guardListening,
  NnrpTransportError,
  NnrpUnsupportedError,
} from "@nnrp/core";
import { Handshakes, systemHost } from "@nnrp/runtime";
import type { KeyPairSource, RawSocket } from "@nnrp/runtime/sockets";
import { FramedStream } from "./framed_stream.ts";
import { TLS, UPGRADE } from "./handshake_kind.ts";
import { HTTP_ALPN, runtimeSockets, TLS_OPTIONS } from "./runtime_sockets.ts";
import { acceptHandshake } from "./server_handshake.ts";
import type { UpgradeRules } from "./upgrade_request.ts";
import { carrierOn } from "./websocket_carrier.ts";

/** Where and how to listen. */
export interface ListenPlace {
  /** Host or address. */
  readonly host: string;
  /** Port; 0 = any. */
  readonly port: number;
  /** Certificate and key for `wss://`; without them it is `ws://`. */
  readonly tls: KeyPairSource;
  /** Which requests are welcome. */
  readonly rules: UpgradeRules;
}

/**
 * Binds and accepts. Rejects with NnrpTransportError, NnrpValueError if certificate and key cannot be used, or NnrpUnsupportedError
 * in browsers.
 */
export async function listen(
  { host, port, tls: source, rules }: ListenPlace,
  onCarrier: (carrier: Carrier) => void,
  options: CarrierListenOptions,
): Promise<CarrierListener> {
  const sockets = await runtimeSockets();
  if (sockets === null) {
    throw new NnrpUnsupportedError("a browser cannot listen; run the server on Deno, Node or Bun");
  }
  const { runtime = systemHost() } = options;
  const tls = await sockets.askKeyPair(runtime, source, TLS_OPTIONS, {});
  if (tls !== null) await sockets.checkMaterial(tls, [], TLS_OPTIONS, "caCerts");
  const encrypted = tls !== null;
  const { accept, failed } = guardListening(onCarrier, options);
  // TLS and the upgrade behind it count together; each has the whole time.
  const handshakes = new Handshakes(encrypted ? TLS : UPGRADE, runtime, { ...options, failed });

  const arrived = async (socket: RawSocket): Promise<void> => {
    const { remote } = socket;
    const handshake = handshakes.begin(remote, () => socket.destroy(), UPGRADE);
    if (handshake === null) {
      socket.destroy();
      return;
    }
    try {
      const rest = await acceptHandshake(socket, rules, encrypted, runtime);
      if (!handshake.succeeded()) return;
      const stream = new FramedStream(socket.stream(), { client: false, rest, host: runtime });
      accept(carrierOn(stream, runtime, { remote, encrypted }));
    } catch (cause) {
      socket.destroy();
      handshake.failed(cause);
    }
  };

  try {
    const place = { host, port, noDelay: true };
    const bound = tls === null
      ? await sockets.listen(place, runtime, (socket) => void arrived(socket))
      : await sockets.listenTls(
        {
          ...place,
          alpn: HTTP_ALPN,
          identity: tls,
          clientCaCerts: null,
          requireClientCertificate: false,
        },
        handshakes,
        (socket) => void arrived(socket),
      );
    const close = async (): Promise<void> => {
      handshakes.close();
      await bound.close();
    };
    return { name: "websocket", host: bound.host, port: bound.port, close };
  } catch (cause) {
    throw new NnrpTransportError("websocket", `cannot listen on ${host}:${port}: ${explainSocket(cause)}`, {
      cause,
    });
  }
}
