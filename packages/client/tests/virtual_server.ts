/**
 * A server in a virtual world, of core's engines alone: what the client's tests need of one, in virtual time.
 *
 * @module
 */
import {
  buildHelloAck,
  type Carrier,
  type CarrierListener,
  type Host,
  judgeHello,
  type ReceivedSubmit,
  type ResultFields,
  type ServerCapabilities,
  ServerEngine,
  type ServerEngineOptions,
  ServerHandshake,
  type ServerHandshakeOptions,
  type ServerHost,
  type SessionEngine,
  TypedPayload,
} from "@nnrp/core";
import type { VirtualCarrier } from "@nnrp/testing";

/** How a {@linkcode VirtualServer} behaves. */
export interface VirtualServerOptions extends ServerEngineOptions, ServerHandshakeOptions {
  /** What it can. */
  readonly capabilities?: ServerCapabilities;
  /** Called for each frame. Default: it answers with the frame's text. */
  readonly submit?: (frame: ReceivedSubmit, session: ServedSession) => void;
  /** See ServerHost. */
  readonly refuses?: ServerHost["refuses"];
  /** Judges each hello: an error code refuses it. */
  readonly judge?: (auth: string, hellos: number) => { errorCode: number; retryAfterMs?: number } | null;
}

/** One session of a {@linkcode VirtualServer}. */
export interface ServedSession {
  /** Its engine. */
  readonly engine: ServerEngine;
  /** Its connection. */
  readonly carrier: Carrier;
  /** Answers a frame with this text. */
  answer(frame: ReceivedSubmit, text: string): void;
}

/** Serves sessions, without moves. */
export class VirtualServer {
  /** Sessions so far. */
  readonly sessions: ServedSession[] = [];
  /** Auth blocks of the hellos so far, as text. */
  readonly hellos: string[] = [];
  readonly #host: Host;
  readonly #options: VirtualServerOptions;
  #listener: CarrierListener | null = null;

  constructor(host: Host, options: VirtualServerOptions = {}) {
    this.#host = host;
    this.#options = options;
  }

  /** Takes connections. */
  async listen(carrier: VirtualCarrier): Promise<this> {
    this.#listener = await carrier.listen((accepted) => this.#accept(accepted), { runtime: this.#host });
    return this;
  }

  /** Takes no more. */
  async stop(): Promise<void> {
    await this.#listener?.close();
  }

  #accept(carrier: Carrier): void {
    const host = this.#host;
    const options = this.#options;
    let engine: SessionEngine;
    const wake = () => {
      host.after(Math.max(1, engine.nextDeadlineMs - host.now()), () => {
        engine.tick(host.now());
        if (engine.nextDeadlineMs !== Infinity) wake();
      });
    };
    const finished = () => void carrier.drained().then(() => carrier.close());
    const handshake = new ServerHandshake(carrier, {
      hello: ({ metadata, controlExtensions, authBlock }) => {
        const auth = new TextDecoder().decode(authBlock);
        this.hellos.push(auth);
        const no = options.judge?.(auth, this.hellos.length) ?? null;
        if (no !== null) return handshake.refuseHello(no.errorCode, "no", no.retryAfterMs);
        const agreement = judgeHello({ metadata, controlExtensions }, options.capabilities);
        if (!agreement.accepted) return handshake.refuseHello(agreement.errorCode, agreement.diagnostic);
        const ack = buildHelloAck(agreement, {
          sessionId: this.sessions.length + 1,
          activeTransportId: carrier.transport,
        });
        const agreed = handshake.agree(ack.metadata, ack.body)!;
        const session = new ServerEngine(agreed, {
          submit: (frame) => {
            if (options.submit === undefined) served.answer(frame, frame.text());
            else options.submit(frame, served);
          },
          refuses: (submit) => options.refuses?.(submit) ?? null,
          cancelled: () => {},
          flow: () => {},
          patched: () => {},
          draining: () => {},
          finished,
          error: () => {},
        }, options);
        const served: ServedSession = {
          engine: session,
          carrier,
          answer: (frame, text) => {
            session.sendResult(frame, said(text), true, host.now());
            session.turn();
          },
        };
        engine = session;
        this.sessions.push(served);
        session.start(host.now());
      },
      ended: finished,
    }, options);
    engine = handshake;
    engine.opened(host.now());
    carrier.start({
      begin: () => engine.begin(host.now()),
      packet: (cursor, lane) => engine.receive(cursor, lane),
      turn: () => engine.turn(),
      skips: (cursor) => engine.skips(cursor),
      fault: (error) => engine.fault(error),
      end: () => engine.peerEnded(),
      closed: (info) => engine.carrierClosed(info),
    });
    wake();
  }
}

/** A frame or a result of one token chunk. */
export function said(text: string): { typedPayloads: NonNullable<ResultFields["typedPayloads"]> } {
  return { typedPayloads: [TypedPayload.tokenChunk(text)] };
}
