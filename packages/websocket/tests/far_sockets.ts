/**
 * WebSocket objects of a virtual world, as runtimes give them: they cannot end one half alone, and drop what comes once they were
 * told to close.
 *
 * @module
 */
import {
  ByteStreamCarrier,
  type CarrierBinding,
  type CarrierDialer,
  type Host,
  TransportId,
} from "@nnrp/core";
import type { VirtualWorld } from "@nnrp/testing";
import { type WebSocketLike, WebSocketStream } from "../src/web_socket_stream.ts";

/** One end of a WebSocket between two hosts. */
export class FarSocket implements WebSocketLike {
  /** See WebSocketLike. */
  readyState = 0;
  /** See WebSocketLike. */
  binaryType = "blob";
  /** See WebSocketLike: what is sent leaves at once. */
  bufferedAmount = 0;
  /** The other end. */
  peer!: FarSocket;

  readonly #after: (call: () => void) => void;
  // deno-lint-ignore no-explicit-any
  readonly #listeners = new Map<string, ((event: any) => void)[]>();

  /** Makes one whose words take a while. */
  constructor(after: (call: () => void) => void) {
    this.#after = after;
  }

  /** See WebSocketLike. */
  // deno-lint-ignore no-explicit-any
  addEventListener(type: string, listener: (event: any) => void): void {
    this.#listeners.set(type, [...this.#listeners.get(type) ?? [], listener]);
  }

  /** The handshake is done. */
  open(): void {
    this.readyState = 1;
    this.#tell("open", {});
  }

  /** See WebSocketLike. */
  send(data: Uint8Array<ArrayBuffer>): void {
    const copy = data.slice().buffer;
    this.#after(() => {
      if (this.peer.readyState === 1) this.peer.#tell("message", { data: copy });
    });
  }

  /** See WebSocketLike. */
  close(code = 1000): void {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    this.#after(() => this.peer.#closeCame(code));
  }

  #closeCame(code: number): void {
    if (this.readyState === 3) return;
    if (this.readyState === 1) this.#after(() => this.peer.#closeCame(code));
    this.readyState = 3;
    this.#tell("close", { code, reason: "", wasClean: true });
  }

  // deno-lint-ignore no-explicit-any
  #tell(type: string, event: any): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}

/**
 * A carrier on such sockets.
 *
 * @param oneWayMs How long everything takes one way, ms.
 * @param sockets Server's ends are added here.
 */
export function farWebSocket(
  world: VirtualWorld,
  client: Host,
  server: Host,
  oneWayMs: number,
  sockets: FarSocket[] = [],
): CarrierDialer & CarrierBinding {
  const info = { name: "websocket", transport: TransportId.TCP, encrypted: true, remote: "far" };
  let accept: (carrier: ByteStreamCarrier) => void;
  const after = (call: () => void) => void world.after(oneWayMs, call);
  return {
    ...info,
    listen(taker) {
      accept = taker;
      return Promise.resolve({ name: info.name, host: "server", port: 1, close: () => Promise.resolve() });
    },
    async dial() {
      const [near, far] = [new FarSocket(after), new FarSocket(after)];
      [near.peer, far.peer] = [far, near];
      sockets.push(far);
      const streams = [new WebSocketStream(near, client), new WebSocketStream(far, server)];
      await world.sleep(oneWayMs);
      far.open();
      accept(new ByteStreamCarrier(streams[1], { ...info, host: server }));
      await world.sleep(oneWayMs);
      near.open();
      return new ByteStreamCarrier(streams[0], { ...info, host: client });
    },
  };
}
