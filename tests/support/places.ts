/**
 * Where a server and its clients meet in tests: in memory, and on real sockets.
 *
 * @module
 */
import { type ClientSession, dialClient, type DialOptions } from "@nnrp/client";
import { memoryNetwork } from "@nnrp/core";
import { type Handler, NnrpServer, serve, type ServeOptions } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";

/** A server and how to reach it. */
export interface Meeting {
  /** The server. */
  readonly server: NnrpServer;
  /** Opens a session with it. */
  dial(options?: DialOptions): Promise<ClientSession>;
  /** Closes the sessions that were dialled here, then the server. */
  end(): Promise<void>;
}

/** A kind of network. */
export interface Place {
  /** For the names of tests. */
  readonly name: string;
  /** Starts a server with a handler. */
  serve(handler: Handler, options?: ServeOptions): Promise<Meeting>;
  /** Starts a server whose application takes sessions and frames itself. */
  bind(options?: ServeOptions): Promise<Meeting>;
}

function place(name: string, isMemory: boolean): Place {
  async function start(handler: Handler | null, options: ServeOptions): Promise<Meeting> {
    const net = isMemory ? memoryNetwork() : tcp({ port: 0 });
    const all = { ...options, listen: [net] };
    const server = handler === null ? await NnrpServer.bind(all) : await serve(all, handler);
    const dialled: ClientSession[] = [];
    return {
      server,
      async dial(dialOptions: DialOptions = {}): Promise<ClientSession> {
        const url = isMemory ? "nnrp://memory" : `nnrp://127.0.0.1:${server.port}`;
        const session = await dialClient(url, { carriers: [net], ...dialOptions });
        dialled.push(session);
        return session;
      },
      async end(): Promise<void> {
        await Promise.all(dialled.map((session) => session.close({ drainMs: 0 })));
        await server.close({ drainMs: 0 });
      },
    };
  }
  return {
    name,
    serve: (handler, options = {}) => start(handler, options),
    bind: (options = {}) => start(null, options),
  };
}

/** A network that never leaves the process. */
export const MEMORY: Place = place("memory", true);
/** TCP on the loopback. */
export const TCP: Place = place("TCP", false);
/** Both. */
export const PLACES: readonly Place[] = [MEMORY, TCP];

/** A promise with its handles, for handlers that wait for the test. */
export class Gate<T = void> {
  /** Resolves when the test says so. */
  readonly opened: Promise<T>;
  /** Resolves it. */
  open!: (value: T) => void;

  constructor() {
    this.opened = new Promise((resolve) => this.open = resolve);
  }
}
