/**
 * Dialling where there are no sockets: with the global `WebSocket`.
 *
 * @module
 */
import {
  type Carrier,
  cutPeerText,
  type Host,
  NnrpTransportError,
  NnrpUnsupportedError,
  shownAddress,
} from "@nnrp/core";
import { WebSocketStream } from "./web_socket_stream.ts";
import { carrierOn } from "./websocket_carrier.ts";

/**
 * Opens a WebSocket. Rejects with NnrpTransportError or the signal's reason; browsers do not report why it
 * failed.
 */
export function dialBrowser(
  url: string,
  remote: string,
  encrypted: boolean,
  host: Host,
  signal?: AbortSignal,
): Promise<Carrier> {
  if (typeof WebSocket === "undefined") {
    return Promise.reject(
      new NnrpUnsupportedError("this runtime has neither sockets nor a global WebSocket"),
    );
  }
  return new Promise((resolve, reject) => {
    let socket: WebSocket;
    try {
      socket = new WebSocket(url);
    } catch (cause) {
      const words = cutPeerText(cause instanceof Error ? cause.message : String(cause));
      const why = words.replaceAll(url, shownAddress(url));
      reject(
        new NnrpTransportError("websocket", `${shownAddress(url)} cannot be dialled: ${why}`, { cause }),
      );
      return;
    }
    const stream = new WebSocketStream(socket, host);
    const settle = () => {
      signal?.removeEventListener("abort", abort);
      socket.removeEventListener("open", opened);
      socket.removeEventListener("close", failed);
    };
    const opened = () => {
      settle();
      resolve(carrierOn(stream, host, { remote, encrypted }));
    };
    const failed = (event: CloseEvent) => {
      settle();
      const why = event.reason === "" ? "" : `: ${cutPeerText(event.reason)}`;
      reject(
        new NnrpTransportError(
          "websocket",
          `${
            shownAddress(url)
          } cannot be reached${why}; is the server running, the path right, and this page's origin allowed ` +
            `(${globalThis.location?.origin ?? "none"})? The browser's console says more`,
        ),
      );
    };
    const abort = () => {
      settle();
      socket.close();
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", abort);
    socket.addEventListener("open", opened);
    socket.addEventListener("close", failed);
  });
}
