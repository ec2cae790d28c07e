/**
 * The addresses under which clients reach a server, for people and for programs.
 *
 * @module
 */
import type { NnrpServer } from "@nnrp/server";

/** One address of a server. */
export interface ServedAddress {
  /** Address for clients. */
  readonly address: string;
  /** Carrier, for example `"tcp"`. */
  readonly carrier: string;
  /** Bound host. */
  readonly host: string;
  /** Bound port. */
  readonly port: number;
}

/**
 * All addresses, in the order of the listeners; a QUIC listener has one for WebTransport too.
 *
 * @param server A server that listens.
 * @param secureWebSocket Whether its WebSocket is encrypted.
 * @param webTransport Whether its QUIC takes WebTransport.
 */
export function servedAddresses(
  server: Pick<NnrpServer, "addresses">,
  secureWebSocket: boolean,
  webTransport: boolean,
): ServedAddress[] {
  return server.addresses.flatMap(({ name, host, port }) => {
    const at = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const one = (carrier: string, address: string): ServedAddress => ({ address, carrier, host, port });
    if (name === "websocket") return [one(name, `${secureWebSocket ? "wss" : "ws"}://${at}/nnrp`)];
    if (name === "tcp") return [one(name, `nnrp://${at}`)];
    const first = one(name, `nnrp+${name}://${at}`);
    return name === "quic" && webTransport ? [first, one("webtransport", `https://${at}/nnrp`)] : [first];
  });
}
