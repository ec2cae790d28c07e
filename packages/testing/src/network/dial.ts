/**
 * How a connection is made: a word to the listener, one back, and what can go wrong on the way.
 *
 * @module
 */
import { type Carrier, type DialTarget, NnrpTransportError } from "@nnrp/core";
import type { VirtualHost } from "../time/virtual_host.ts";
import type { VirtualWorld } from "../time/virtual_world.ts";
import type { ConnectionInfo } from "./connection.ts";
import type { VirtualLink } from "./link.ts";
import type { MakeConnection, VirtualListener } from "./listener.ts";

/** First port that clients get. */
const FIRST_CLIENT_PORT = 49_152;
/** How many they get, one after the other. */
const CLIENT_PORTS = 16_384;

/** One dial. */
export interface VirtualDial {
  /** Where to listen. */
  readonly world: VirtualWorld;
  /** On which path. */
  readonly link: VirtualLink;
  /** Who dials. */
  readonly client: VirtualHost;
  /** Address that the server sees. */
  readonly clientAddress: string;
  /** Whom. */
  readonly target: DialTarget;
  /** Who listens there at the moment. */
  readonly listener: () => VirtualListener | undefined;
  /** Number of the connection. */
  readonly nextConnection: () => number;
  /** Makes it. */
  readonly make: MakeConnection;
  /** What it reports about itself. */
  readonly info: Omit<ConnectionInfo, "serverAddress" | "clientAddress">;
  /** How long the system tries, ms. */
  readonly connectTimeoutMs: number;
  /** Gives up. */
  readonly signal: AbortSignal | undefined;
}

/** Dials. Rejects with NnrpTransportError, or the signal's reason. */
export function dialVirtual(dial: VirtualDial): Promise<Carrier> {
  const { link, client, target, info, signal } = dial;
  const where = `${target.host}:${target.port}`;
  return new Promise<Carrier>((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    let isOver = false;
    const end = (settle: () => void) => {
      if (isOver) return;
      isOver = true;
      cancelTimer();
      signal?.removeEventListener("abort", onAbort);
      settle();
    };
    const fail = (why: string) =>
      end(() => reject(new NnrpTransportError(info.name, `cannot connect to ${where}: ${why}`)));
    const onAbort = () => end(() => reject(signal!.reason));
    const cancelTimer = client.after(dial.connectTimeoutMs, () => fail("timed out"));
    signal?.addEventListener("abort", onAbort);
    const answer = (call: () => void) =>
      link.down.transit(dial.world.now(), () => client.deliver(client.now(), call));

    link.up.transit(client.now(), () => {
      const listener = dial.listener();
      if (link.dials === "ignore" || client.isKilled) return;
      if (link.dials === "refuse" || listener === undefined || listener.isGone()) {
        answer(() => fail("connection refused"));
        return;
      }
      const carriers = connect(dial, listener.host);
      // The server's system has the connection, its program takes it when it can.
      listener.host.deliver(listener.host.now(), () => {
        if (listener.isGone()) void carriers.serverCarrier.close({ graceful: false });
        else listener.accept(carriers.serverCarrier);
      });
      answer(() => {
        if (isOver) void carriers.clientCarrier.close({ graceful: false });
        else end(() => resolve(carriers.clientCarrier));
      });
    });
  });
}

function connect(dial: VirtualDial, server: VirtualHost): ReturnType<MakeConnection> {
  const { link, client, target, clientAddress } = dial;
  const id = dial.nextConnection();
  const connection = dial.make(
    { id, client, server, up: link.up, down: link.down, closed: (gone) => link.remove(gone) },
    {
      ...dial.info,
      serverAddress: `${target.host}:${target.port}`,
      clientAddress: `${clientAddress}:${FIRST_CLIENT_PORT + (id - 1) % CLIENT_PORTS}`,
    },
  );
  link.add(connection);
  return connection;
}
