/**
 * What a scenario of the interop client works with: the server's address, the limits, and ways to connect. Everything
 * opened here is closed when the scenario ends, however it ends.
 *
 * @module
 */
import { type ClientSession, dialClient, type DialOptions } from "@nnrp/client";
import { tcp } from "@nnrp/tcp";
import type { JsonLine } from "./json_lines.ts";
import { RawConnection } from "./raw_connection.ts";

/** What to drive, and how. */
export interface DriveOptions {
  /** Carrier to use. */
  readonly transport: "tcp" | "quic";
  /** Server. */
  readonly host: string;
  /** TCP port, 0 = none. */
  readonly tcpPort: number;
  /** QUIC port, 0 = none. */
  readonly quicPort: number;
  /** Names with commas, `"plain"` or `"all"`. */
  readonly scenario: string;
  /** Limit of every wait, ms. */
  readonly timeoutMs: number;
  /** Limit of a scenario, ms. */
  readonly limitMs: number;
}

/** Plays one scenario; what it returns becomes the `detail` of the verdict. */
export type ScenarioPlay = (env: ScenarioEnvironment) => Promise<JsonLine | void>;

/** The ways of one scenario to its server. */
export class ScenarioEnvironment {
  /** What to drive, and how. */
  readonly options: DriveOptions;
  readonly #sessions: ClientSession[] = [];
  readonly #raw: RawConnection[] = [];

  /**
   * Nothing is connected yet.
   *
   * @param options What to drive, and how.
   */
  constructor(options: DriveOptions) {
    this.options = options;
  }

  /** Limit of every wait, ms. */
  get timeoutMs(): number {
    return this.options.timeoutMs;
  }

  /**
   * A session. No automatic PINGs: the reference server counts what it receives.
   *
   * @param options What differs from the usual: session id 77, no auth.
   */
  async dial(options: DialOptions = {}): Promise<ClientSession> {
    const session = await dialClient(this.options.host, this.options.tcpPort, {
      carriers: [tcp()],
      requestedSessionId: 77,
      timeoutMs: this.timeoutMs,
      keepAliveMs: 0,
      ...options,
    });
    this.#sessions.push(session);
    return session;
  }

  /** A connection without a session. */
  async openRaw(): Promise<RawConnection> {
    const { host, tcpPort } = this.options;
    const signal = AbortSignal.timeout(this.timeoutMs);
    const connection = new RawConnection(await tcp().dial({ host, port: tcpPort }, { signal }));
    this.#raw.push(connection);
    return connection;
  }

  /** Closes whatever the scenario left open. */
  async close(): Promise<void> {
    await Promise.allSettled([
      ...this.#sessions.map((session) => session.close()),
      ...this.#raw.map((connection) => connection.close()),
    ]);
  }
}
