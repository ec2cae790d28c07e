/**
 * Turns an HTTP/3 connection into a WebTransport carrier, on Deno.
 *
 * @module
 */
import type { Carrier } from "@nnrp/core";
import { WebTransportCarrier } from "./web_transport_carrier.ts";

/** Application error code for a path that is not served, as HTTP has it. */
const NOT_FOUND = 404;

/**
 * Shakes hands as WebTransport. Pends while the client stays silent: whoever calls bounds it and closes the connection.
 *
 * @param conn The connection.
 * @param remote The peer's address.
 * @param path Path that must be asked for; `"*"` takes any.
 * @param ended Called when the session is gone.
 */
export async function acceptWebTransport(
  conn: Deno.QuicConn,
  remote: string,
  path: string,
  ended: () => void,
): Promise<Carrier> {
  const session = await Deno.upgradeWebTransport(conn);
  session.closed.catch(() => {}); // an unhandled one ends the process
  const { pathname } = new URL(session.url);
  if (path !== "*" && pathname !== path) {
    session.close({ closeCode: NOT_FOUND, reason: `no NNRP at ${pathname}` });
    throw new Error(`it asked for ${pathname}, not ${path}`);
  }
  return new WebTransportCarrier(session, null, remote, 0, ended, conn.incomingUnidirectionalStreams);
}
