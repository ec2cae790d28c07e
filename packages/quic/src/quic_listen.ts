/**
 * Listens for QUIC on Deno: one UDP port for all connections, raw QUIC and WebTransport distinguished by
 * ALPN. Handshakes run side by side, bounded in time and number; whatever happens to one, the listener goes
 * on.
 *
 * @module
 */
import {
  type CancelTimer,
  type Carrier,
  type CarrierListener,
  type CarrierListenOptions,
  type GuardedListening,
  guardListening,
  type Host,
  NnrpTransportError,
  NnrpUnsupportedError,
  NnrpValueError,
} from "@nnrp/core";
import { askCredential, type HandshakeKind, Handshakes, systemHost } from "@nnrp/runtime";
import {
  closeEndpoint,
  giveBackClientEndpoint,
  giveBackServerEndpoint,
  takeClientEndpoint,
  takeServerEndpoint,
} from "./endpoints.ts";
import { explain } from "./explain.ts";
import { QuicCarrier } from "./quic_carrier.ts";
import { ALPN, format } from "./quic_dial.ts";
import { pemText, type QuicSettings } from "./quic_options.ts";

/** ALPN name of HTTP/3, below WebTransport. */
const H3 = "h3";
/** Pause after a failed accept, ms. */
const ACCEPT_BACKOFF_MS = 50;
/** How long a closing listener waits for its accept to end, ms. */
const WAKE_MS = 500;
const HANDSHAKE: HandshakeKind = {
  carrier: "quic",
  what: "QUIC handshake",
  explain: (cause) => explain(cause, "accept"),
};

/** Binds and accepts until closed. */
export async function listenQuic(
  accept: (carrier: Carrier) => void,
  options: CarrierListenOptions,
  settings: QuicSettings,
): Promise<CarrierListener> {
  const { host, port, cert, key, webTransport, origins } = settings;
  if (cert === undefined || key === undefined) {
    throw new NnrpValueError("are needed to listen; `nnrp cert` makes some for trying out", {
      field: "quic.cert, quic.key",
      expected: "PEM texts",
      actual: "none",
    });
  }
  if (webTransport && origins.listed !== null && origins.listed !== "all") {
    throw new NnrpUnsupportedError(
      "quic.allowedOrigins: Deno does not show the Origin of a WebTransport session, so it cannot be checked; leave " +
        'WebTransport out (webTransport: false) and let pages use webSocket(), or say ["*"] and let a token decide',
    );
  }
  const asking = options.runtime ?? systemHost();
  const pair = {
    cert: pemText(await askCredential(asking, cert, "quic.cert", {}), "quic.cert"),
    key: pemText(await askCredential(asking, key, "quic.key", {}), "quic.key"),
  };
  let endpoint: Deno.QuicEndpoint | undefined;
  try {
    endpoint = takeServerEndpoint(host, port);
    const listener = endpoint.listen({
      ...pair,
      alpnProtocols: webTransport ? [ALPN, H3] : [ALPN],
      ...settings.accepted,
    });
    return new Listener(endpoint, listener, accept, options, settings);
  } catch (cause) {
    if (endpoint !== undefined) closeEndpoint(endpoint);
    throw new NnrpTransportError("quic", `cannot listen on ${host}:${port}: ${explain(cause, "listen")}`, {
      cause,
    });
  }
}

class Listener implements CarrierListener {
  readonly name = "quic";
  readonly host: string;
  readonly port: number;

  readonly #endpoint: Deno.QuicEndpoint;
  readonly #listener: Deno.QuicListener;
  readonly #host: GuardedListening;
  readonly #runtime: Host;
  readonly #handshakes: Handshakes;
  readonly #settings: QuicSettings;
  #open = true;
  #stopped = false;
  #live = 0; // connections handed over and not closed
  readonly #running: Promise<void>;

  constructor(
    endpoint: Deno.QuicEndpoint,
    listener: Deno.QuicListener,
    accept: (carrier: Carrier) => void,
    options: CarrierListenOptions,
    settings: QuicSettings,
  ) {
    this.#endpoint = endpoint;
    this.#listener = listener;
    this.#host = guardListening(accept, options);
    this.#runtime = options.runtime ?? systemHost();
    this.#handshakes = new Handshakes(HANDSHAKE, this.#runtime, { ...options, failed: this.#host.failed });
    this.#settings = settings;
    this.host = endpoint.addr.hostname;
    this.port = endpoint.addr.port;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (this.#open) {
      let incoming: Deno.QuicIncoming;
      try {
        incoming = await this.#listener.incoming();
      } catch {
        if (!this.#open) return;
        await new Promise<void>((done) => this.#runtime.after(ACCEPT_BACKOFF_MS, done));
        continue;
      }
      if (!this.#open) {
        refuse(incoming);
        return;
      }
      void this.#take(incoming);
    }
  }

  async #take(incoming: Deno.QuicIncoming): Promise<void> {
    // Not `incoming.remoteAddr`: on Deno 2.9.6 reading it makes the incoming connection unusable.
    let remote = "";
    let conn: Deno.QuicConn | null = null;
    let late = false;
    let handedOver = false;
    const ended = () => {
      if (handedOver) this.#ended();
    };
    let giveUp: () => void;
    const timeUp = new Promise<never>((_, reject) => giveUp = () => reject(new Error("given up")));
    const handshake = this.#handshakes.begin(() => remote, () => {
      late = true;
      giveUp();
    });
    if (handshake === null) {
      refuse(incoming);
      return;
    }
    try {
      const shaking = (async () => {
        conn = await incoming.accept();
        conn.closed.catch(() => {}); // the carrier listens too, if there will be one
        if (late) close(conn);
        else remote = format(conn.remoteAddr);
        return conn;
      })();
      shaking.catch(() => {});
      const made = await Promise.race([shaking, timeUp]);
      if (!this.#open) throw new Error("the listener was closed meanwhile");
      const carrier = made.protocol === H3
        ? await Promise.race([this.#webTransport(made, remote, ended), timeUp])
        : new QuicCarrier(made, null, remote, this.#runtime, ended);
      if (!handshake.succeeded()) throw new Error("given up");
      handedOver = true;
      this.#live++;
      this.#host.accept(carrier);
    } catch (cause) {
      if (conn !== null) close(conn);
      handshake.failed(cause);
    }
  }

  async #webTransport(conn: Deno.QuicConn, remote: string, ended: () => void): Promise<Carrier> {
    const { acceptWebTransport } = await import("./web_transport_accept.ts");
    const { path, origins } = this.#settings;
    return acceptWebTransport(conn, remote, path, origins, this.#runtime, ended);
  }

  #ended(): void {
    this.#live--;
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (!this.#stopped || this.#live > 0) return;
    if (this.#handshakes.size > 0) closeEndpoint(this.#endpoint); // the only way to end them
    else giveBackServerEndpoint(this.#endpoint, this.#settings.host, this.port);
  }

  /** Stops accepting; live connections go on, and the port is free once they are gone. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    if (!await this.#endAccepting() && this.#live === 0) closeEndpoint(this.#endpoint);
    this.#listener.stop();
    this.#stopped = true;
    this.#closeIfUnused();
  }

  /**
   * Ends the accept under way, which nothing else ends while the endpoint lives: it would keep the process alive, and take the
   * first client of the next listener on this endpoint. So it is given a client that it refuses.
   */
  async #endAccepting(): Promise<boolean> {
    let cancelTimer: CancelTimer;
    const timeUp = new Promise<boolean>((late) => {
      cancelTimer = this.#runtime.after(WAKE_MS, () => late(false));
    });
    const endpoint = takeClientEndpoint();
    const hostname = this.host === "0.0.0.0" ? "127.0.0.1" : this.host === "::" ? "::1" : this.host;
    const client = (async () => {
      close(await Deno.connectQuic({ hostname, port: this.port, alpnProtocols: [ALPN], endpoint }));
    })();
    const gone = client.then(() => true, () => true);
    const ended = await Promise.race([this.#running.then(() => true), timeUp]);
    if (await Promise.race([gone, timeUp])) giveBackClientEndpoint(endpoint);
    else closeEndpoint(endpoint);
    cancelTimer!();
    return ended;
  }
}

function refuse(incoming: Deno.QuicIncoming): void {
  try {
    incoming.refuse();
  } catch {
    // Gone already.
  }
}

function close(conn: Deno.QuicConn): void {
  try {
    conn.close({ closeCode: 0, reason: "" });
  } catch {
    // Gone already.
  }
}
