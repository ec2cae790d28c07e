/**
 * What a scenario of the interop client works with: the server's address, the limits, and ways to connect. Everything
 * opened here is closed when the scenario ends, however it ends.
 *
 * @module
 */
import { type ClientSession, dialClient, type DialOptions, type TransportPorts } from "@nnrp/client";
import type { CarrierDialer } from "@nnrp/core";
import { quic } from "@nnrp/quic";
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
  /** Certificate authority of the QUIC server, PEM; empty = the runtime's own. */
  readonly ca?: string;
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

  /** The carrier to use. */
  get carrier(): CarrierDialer {
    if (this.options.transport === "tcp") return tcp();
    return quic({ caCerts: this.options.ca ? [this.options.ca] : undefined });
  }

  /** Both carriers and their ports, for scenarios about the two. */
  get both(): { carriers: CarrierDialer[]; ports: TransportPorts } {
    const { ca, quicPort, tcpPort } = this.options;
    return {
      carriers: [quic({ caCerts: ca ? [ca] : undefined }), tcp()],
      ports: { quic: quicPort, tcp: tcpPort },
    };
  }

  /** Its port. */
  get port(): number {
    return this.options.transport === "tcp" ? this.options.tcpPort : this.options.quicPort;
  }

  /**
   * A session. No automatic PINGs: the reference server counts what it receives.
   *
   * @param options What differs from the usual: session id 77, no auth.
   */
  async dial(options: DialOptions = {}): Promise<ClientSession> {
    const session = await dialClient(this.options.host, this.port, {
      carriers: [this.carrier],
      requestedSessionId: 77,
      timeoutMs: this.timeoutMs,
      keepAliveMs: 0,
      ...options,
    });
    this.#sessions.push(session);
    return session;
  }

  /** Closes a session that was opened some other way when the scenario ends. */
  closeAtEnd(session: ClientSession): void {
    this.#sessions.push(session);
  }

  /** A connection without a session. */
  async openRaw(): Promise<RawConnection> {
    const { host } = this.options;
    const signal = AbortSignal.timeout(this.timeoutMs);
    const connection = new RawConnection(await this.carrier.dial({ host, port: this.port }, { signal }));
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
