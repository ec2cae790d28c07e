/**
 * A session as its server keeps it: its parts, what applications see of it, and how it was admitted.
 *
 * @module
 */
import type {
  AgreedHandshake,
  PatchRefusal,
  PatchRequest,
  SessionEnd,
  SessionEstate,
  TakenConnection,
} from "@nnrp/core";
import type { Admission } from "./admission.ts";
import type { HandlerContext } from "./handler.ts";
import { PatchJudge } from "./patch_judge.ts";
import type { ServeOptions } from "./options.ts";
import type { Scheduler } from "./scheduler.ts";
import { type ServerSession, sessionOf } from "./session.ts";
import type { SessionBeginning } from "./session_beginning.ts";
import { SessionCore } from "./session_core.ts";
import type { SessionEnvironment, SessionOwner } from "./session_environment.ts";
import { SubmitInbox } from "./submit_inbox.ts";

/** What happens to sessions. */
export interface SessionKeeper {
  /** One lost its connection and waits for its client. */
  suspended(live: LiveSession, end: SessionEnd): void;
  /** One is over. */
  closed(live: LiveSession, end: SessionEnd): void;
}

/** What all sessions of a server are made with. */
export interface SessionMakings {
  /** What they share. */
  readonly environment: SessionEnvironment;
  /** Notified of their ends and suspensions. */
  readonly keeper: SessionKeeper;
  /** Runs the handler; null = the application receives frames itself. */
  readonly scheduler: Scheduler | null;
  /** Judges patches. */
  readonly patchPolicy: ServeOptions["patchPolicy"];
}

/** See the module. */
export class LiveSession implements SessionOwner {
  /** Its parts. */
  readonly core: SessionCore;
  /** What applications see. */
  readonly session: ServerSession;
  /** How it was admitted; a new object whenever that changes. */
  admission: Admission;

  readonly #makings: SessionMakings;
  readonly #judge: PatchJudge | null;

  /**
   * Makes a LiveSession. It does nothing yet.
   *
   * @param makings What it is made with.
   * @param connection The hello was agreed, or the connection was taken for a session that began elsewhere.
   * @param beginning Path, hello, and what the handshake brought.
   * @param admission How it was admitted.
   * @param from With a taken connection: the session that goes on here, and what it takes along.
   */
  constructor(
    makings: SessionMakings,
    connection: AgreedHandshake | TakenConnection,
    beginning: Omit<SessionBeginning, "principal" | "judgePatch">,
    admission: Admission,
    from?: { readonly live: LiveSession; readonly estate: SessionEstate },
  ) {
    const { environment, scheduler, patchPolicy } = makings;
    this.#makings = makings;
    this.admission = admission;
    // What judged the patches of the session before goes on doing so: the estate has it.
    let judge = from === undefined ? null : from.live.#judge;
    if (judge === null && patchPolicy !== undefined) judge = new PatchJudge(environment.host, patchPolicy);
    this.#judge = judge;
    const judgePatch = judge && ((patch: PatchRequest): PatchRefusal | undefined => judge.judge(patch));
    const { principal } = admission;
    this.core = new SessionCore(
      environment,
      this,
      connection,
      { ...beginning, principal, judgePatch },
      from?.estate,
    );
    if (from !== undefined) this.core.listeners = { ...from.live.core.listeners };
    const inbox = scheduler === null ? new SubmitInbox(this.core.host) : null;
    this.session = sessionOf(this.core, inbox);
    judge?.isFor(this.session, this.core);
    this.core.begin(inbox ?? scheduler!.takerFor(this.core.answers, new SessionContext(this.session)));
  }

  /** See SessionOwner. */
  suspended(end: SessionEnd): void {
    this.#makings.keeper.suspended(this, end);
  }

  /** See SessionOwner. */
  closed(end: SessionEnd): void {
    this.#makings.keeper.closed(this, end);
  }
}

/** The session as handlers see it. The principal may change: `acceptWithAuth` names it. */
class SessionContext implements HandlerContext {
  readonly session: ServerSession;

  constructor(session: ServerSession) {
    this.session = session;
  }

  get principal(): unknown {
    return this.session.principal;
  }
}
