/**
 * Answering a CLIENT_HELLO: the rules of the protocol, the validator's verdict on the client, and the
 * SERVER_HELLO_ACK or the refusal (behaviour spec §6).
 *
 * @module
 */
import {
  type AgreedHandshake,
  buildHelloAck,
  catchLater,
  type ClientHelloContext,
  ErrorCode,
  type HelloAgreement,
  type Host,
  judgeHello,
  MIGRATION_TOKEN_SIZE,
  NnrpValueError,
  type SessionPath,
} from "@nnrp/core";
import { shownValue } from "./answer_check.ts";
import type { Admission } from "./admission.ts";
import type { AuthRequest, AuthValidator } from "./auth.ts";
import type { Handshakes } from "./handshakes.ts";
import type { IncomingConnection } from "./incoming_connection.ts";
import type { ServeOptions } from "./options.ts";
import type { ServerSettings } from "./server_settings.ts";
import { ADMITTED, askValidator, type Judged } from "./verdict.ts";

/** A client that was accepted. */
export interface Guest {
  /** What its session begins with. */
  readonly agreed: AgreedHandshake;
  /** Its connection, which is nobody's now. */
  readonly path: SessionPath;
  /** Its hello. */
  readonly hello: ClientHelloContext;
  /** Model named in the handshake. */
  readonly modelName: string;
  /** First token for moves; undefined = it gets none. */
  readonly token: Uint8Array | undefined;
  /** How it was admitted. */
  readonly admission: Admission;
}

/** What the hello reception needs from its server. */
export interface ReceptionOwner {
  /** Random numbers, and the context in which the application is called. */
  readonly host: Host;
  /** Options of the application. */
  readonly options: ServeOptions;
  /** The same with defaults. */
  readonly settings: ServerSettings;
  /** Who judges clients now; undefined = every client is accepted. */
  readonly validator: AuthValidator | undefined;
  /** Handshakes in progress. */
  readonly handshakes: Handshakes;
  /** See SessionRegistry. */
  freeId(wished: number): number;
  /** A client was accepted: its session begins. Must not throw. */
  letIn(guest: Guest): void;
}

/** See the module. */
export class HelloReception {
  readonly #owner: ReceptionOwner;

  /** @param owner The server. */
  constructor(owner: ReceptionOwner) {
    this.#owner = owner;
  }

  /** Answers a hello, now or when the validator has spoken. */
  async receive(connection: IncomingConnection, hello: ClientHelloContext): Promise<void> {
    const agreement = this.#judge(connection, hello);
    if (agreement === null) return;
    const { validator, host } = this.#owner;
    const { remote, transport, peerIdentity } = connection.carrier;
    const { authBlock } = hello;
    const model = agreement.requestedModel;
    const request: AuthRequest = { authBlock, remote, transport, peerIdentity, model, hello };
    const judged = validator === undefined
      ? ADMITTED
      : await askValidator(host, validator, request, connection.askingSignal());
    if (!connection.awaitsVerdict) return; // timed out or gone meanwhile
    if (judged.accepted) {
      const { principal } = judged;
      this.#accept(connection, hello, agreement, { validator, request, principal, peerIdentity });
    } else this.#refuse(connection, agreement, judged);
  }

  /** Judges by the rules of the protocol; null = refused. */
  #judge(connection: IncomingConnection, hello: ClientHelloContext): HelloAgreement | null {
    const { options, settings } = this.#owner;
    const { metadata, controlExtensions, packet } = hello;
    const outcome = judgeHello(
      { versionMajor: packet.header.versionMajor, metadata, controlExtensions },
      {
        ...options.profile,
        maxConcurrentFrames: settings.maxConcurrentFrames,
        knownExtensionTypes: options.knownExtensionTypes,
      },
    );
    if (outcome.accepted) return outcome;
    connection.reported = true;
    connection.report("handshake-refused", outcome.diagnostic);
    connection.refuse(outcome.errorCode, outcome.diagnostic);
    return null;
  }

  #refuse(
    connection: IncomingConnection,
    agreement: HelloAgreement,
    { refuse, diagnostic, error }: Judged & { accepted: false },
  ): void {
    this.#owner.handshakes.counts.authRefused++;
    connection.reported = true;
    if (error === undefined) connection.report("auth-refused", diagnostic);
    else connection.reportFailure("auth-refused", "the auth validator failed", error);
    if (refuse === "close") connection.cut(diagnostic);
    else if (refuse === "ack") {
      const activeTransportId = connection.carrier.transport;
      connection.refuseByAck(buildHelloAck(agreement, { sessionId: 0, activeTransportId }).metadata);
    } else connection.refuse(ErrorCode.AUTH_FAILED, diagnostic);
  }

  #accept(
    connection: IncomingConnection,
    hello: ClientHelloContext,
    agreement: HelloAgreement,
    admission: Admission,
  ): void {
    const { host, options, settings, handshakes } = this.#owner;
    const modelName = options.profile?.modelName ?? "";
    const gives = agreement.wantsMigrationToken && settings.moves;
    const token = gives ? host.randomBytes(MIGRATION_TOKEN_SIZE) : undefined;
    let agreed: ReturnType<IncomingConnection["agree"]>;
    let ready = false;
    try {
      const ack = buildHelloAck(agreement, {
        sessionId: this.#chooseId(hello, agreement),
        activeTransportId: connection.carrier.transport,
        migrationToken: token,
        modelName,
        controlExtensions: options.controlExtensions,
      });
      ready = true;
      agreed = connection.agree(ack.metadata, ack.body);
    } catch (error) {
      if (ready && !(error instanceof NnrpValueError)) throw error; // not the options
      connection.reported = true;
      const words = "the server's options make no valid SERVER_HELLO_ACK";
      connection.reportFailure("handshake-refused", words, error);
      connection.refuse(ErrorCode.INTERNAL_ERROR, "the server cannot accept sessions");
      return;
    }
    if (agreed === null) return;
    handshakes.done(connection);
    this.#owner.letIn({ ...agreed, hello, modelName, token, admission });
  }

  #chooseId(hello: ClientHelloContext, { requestedSessionId }: HelloAgreement): number {
    const { host, options } = this.#owner;
    const { sessionId } = options;
    if (sessionId === undefined) return this.#owner.freeId(requestedSessionId);
    const chosen = host.runDetached(() => sessionId(hello));
    catchLater(chosen, () => {}); // an async one is refused
    if (typeof chosen !== "number" || chosen >>> 0 !== chosen) {
      throw new NnrpValueError("is no session id", {
        field: "sessionId()",
        expected: "a whole number from 0 to 4294967295; 0 = the server's own choice",
        actual: shownValue(chosen),
      });
    }
    return this.#owner.freeId(chosen);
  }
}
