/**
 * Turns an HTTP/3 connection into a WebTransport carrier, on Deno.
 *
 * @module
 */
import { type Carrier, type Host, NnrpTransportError, type OriginRules, refuseAuthority } from "@nnrp/core";
import { WebTransportCarrier } from "./web_transport_carrier.ts";

/** Application error code for a path that is not served, as HTTP has it. */
const NOT_FOUND = 404;
/** The same for a name that is not the server's. */
const FORBIDDEN = 403;

/**
 * Shakes hands as WebTransport. Pends while the client stays silent: whoever calls bounds it and closes the connection.
 *
 * @param conn The connection.
 * @param remote The peer's address.
 * @param path Path that must be asked for; `"*"` takes any.
 * @param origins Under which names. Deno 2.9.6 tells the session's URL and no field of its request, so no Origin.
 * @param host Provides the timers.
 * @param ended Called when the session is gone.
 */
export async function acceptWebTransport(
  conn: Deno.QuicConn,
  remote: string,
  path: string,
  origins: OriginRules,
  host: Host,
  ended: () => void,
): Promise<Carrier> {
  const session = await Deno.upgradeWebTransport(conn);
  session.closed.catch(() => {}); // an unhandled one ends the process
  const { pathname, hostname } = new URL(session.url);
  const refused = refuseAuthority(origins, hostname);
  if (refused !== null) {
    session.close({ closeCode: FORBIDDEN, reason: refused });
    throw new NnrpTransportError("webtransport", refused);
  }
  if (path !== "*" && pathname !== path) {
    session.close({ closeCode: NOT_FOUND, reason: `no NNRP at ${pathname}` });
    throw new Error(`it asked for ${pathname}, not ${path}`);
  }
  return new WebTransportCarrier(session, null, remote, host, 0, ended, conn.incomingUnidirectionalStreams);
}
