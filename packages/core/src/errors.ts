/**
 * The error family of NNRP: one class per kind of failure, each with a stable `code`, so that programs branch
 * on `error.code` or the class and people read the message (behaviour spec §4).
 *
 * A message is one line that is fit to be shown, whatever a peer's words in it hold (see {@linkcode fitToShow}); fields such as
 * `diagnostic` keep the words as they came.
 *
 * @module
 */
import { fitToShow } from "./peer_text.ts";

/** What all NNRP errors carry: a stable code beside the message. */
export interface NnrpErrorOptions {
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/** Base of every error this project throws on purpose. */
export class NnrpError extends Error {
  /** Stable name for programs, for example `"WIRE"` or `"TIMEOUT"`. */
  readonly code: string;

  /**
   * Subclasses give their own code; use one of them where it fits.
   *
   * @param code Stable name for programs.
   * @param message What was expected, what was found, what to do; it is made fit to be shown.
   * @param options `cause`, if another error led to this one.
   */
  constructor(code: string, message: string, options?: NnrpErrorOptions) {
    super(fitToShow(message), options);
    this.name = new.target.name;
    this.code = code;
  }
}

/**
 * Which part of a packet is malformed; it decides what fails (behaviour spec §9): `"framing"` ends the
 * connection.
 */
export type WireStage = "framing" | "metadata" | "body";

/** Where and how bytes broke a rule. */
export interface NnrpWireErrorOptions extends NnrpErrorOptions {
  /** The field or structure, in the names of the wire spec, for example `"client_hello.auth_bytes"`. */
  readonly field: string;
  /** Byte offset inside the structure that was read, if known. */
  readonly offset?: number;
  /** What the rule asks for. */
  readonly expected?: string | number | bigint;
  /** What the bytes say. */
  readonly actual?: string | number | bigint;
  /** Part of the packet; `"body"` where left out. */
  readonly stage?: WireStage;
  /** True if a limit was exceeded rather than a rule broken: answered with LIMIT_EXCEEDED. */
  readonly limit?: boolean;
}

/** Bytes that break a rule of the wire spec. Nothing was decoded. */
export class NnrpWireError extends NnrpError {
  /** The field or structure, in the names of the wire spec. */
  readonly field: string;
  /** Byte offset inside the structure that was read, if known. */
  readonly offset: number | undefined;
  /** What the rule asks for. */
  readonly expected: string | number | bigint | undefined;
  /** What the bytes say. */
  readonly actual: string | number | bigint | undefined;
  /** Part of the packet. */
  readonly stage: WireStage;
  /** Whether a limit was exceeded rather than a rule broken. */
  readonly limit: boolean;

  /**
   * Appends field, offset, expected and actual value to the message.
   *
   * @param message The broken rule; field, offset, expected and actual are appended.
   * @param options Where and how.
   */
  constructor(message: string, options: NnrpWireErrorOptions) {
    super("WIRE", describe(message, options), options);
    this.field = options.field;
    this.offset = options.offset;
    this.expected = options.expected;
    this.actual = options.actual;
    this.stage = options.stage ?? "body";
    this.limit = options.limit ?? false;
  }
}

/** Which argument was refused. */
export interface NnrpValueErrorOptions extends NnrpErrorOptions {
  /** The argument or field, in the caller's names, for example `"tileIds[3]"`. */
  readonly field: string;
  /** What would have been accepted. */
  readonly expected?: string | number | bigint;
  /** The value that was given. */
  readonly actual?: string | number | bigint;
}

/** An argument that cannot be encoded or used. Nothing was sent. */
export class NnrpValueError extends NnrpError {
  /** The argument or field, in the caller's names. */
  readonly field: string;
  /** What would have been accepted. */
  readonly expected: string | number | bigint | undefined;
  /** The value that was given. */
  readonly actual: string | number | bigint | undefined;

  /**
   * Appends field, expected and actual value to the message.
   *
   * @param message What is wrong; field, expected and actual are appended.
   * @param options Which argument.
   */
  constructor(message: string, options: NnrpValueErrorOptions) {
    super("VALUE", describe(message, options), options);
    this.field = options.field;
    this.expected = options.expected;
    this.actual = options.actual;
  }
}

/** A function of the application that was asked for a credential failed: this try to connect, or to say hello, is over. */
export class NnrpCredentialError extends NnrpError {
  /** The option that the function was given as, for example `"auth"` or `"tls.cert"`. */
  readonly field: string;

  /**
   * An error with code `"CREDENTIAL"` for a source that failed.
   *
   * @param field The option that the function was given as.
   * @param words Description of the failure.
   * @param options `cause`: what the function threw.
   */
  constructor(field: string, words: string, options?: NnrpErrorOptions) {
    super("CREDENTIAL", `${field}: cannot be had: ${words}`, options);
    this.field = field;
  }
}

/** Fields of an ERROR packet. */
export interface NnrpProtocolErrorOptions extends NnrpErrorOptions {
  /** Number on the wire; {@linkcode ErrorCode} names the known ones. */
  readonly errorCode: number;
  /** Name of the number, `"CODE_n"` for an unknown one. */
  readonly codeName: string;
  /** 0 connection, 1 session, 2 frame. */
  readonly errorScope: number;
  /** Whether the session is over. */
  readonly fatal?: boolean;
  /** When trying again makes sense, in ms; 0 = not specified. */
  readonly retryAfterMs?: number;
  /** Session the error speaks of, 0 = none. */
  readonly relatedSessionId?: number;
  /** Frame the error speaks of. */
  readonly relatedFrameId?: number;
  /** View of that frame. */
  readonly relatedViewId?: number;
  /** Diagnostic text of the sender. */
  readonly diagnostic?: string;
  /** Whether the peer sent it (true) or this side found it. */
  readonly remote?: boolean;
}

/** An ERROR of the protocol: sent by the peer, or found here with the code the peer would have used. */
export class NnrpProtocolError extends NnrpError {
  /** Number on the wire. */
  readonly errorCode: number;
  /** Name of the number, for example `"AUTH_FAILED"`. */
  readonly codeName: string;
  /** 0 connection, 1 session, 2 frame. */
  readonly errorScope: number;
  /** Whether the session is over. */
  readonly fatal: boolean;
  /** When trying again makes sense, in ms; 0 = not specified. */
  readonly retryAfterMs: number;
  /** Session the error speaks of, 0 = none. */
  readonly relatedSessionId: number;
  /** Frame the error speaks of. */
  readonly relatedFrameId: number;
  /** View of that frame. */
  readonly relatedViewId: number;
  /** Diagnostic text of the sender. */
  readonly diagnostic: string;
  /** Whether the peer sent it. */
  readonly remote: boolean;

  /**
   * Composes the message from the fields of the ERROR.
   *
   * @param options Fields of the ERROR.
   */
  constructor(options: NnrpProtocolErrorOptions) {
    const scope = ["connection", "session", "frame"][options.errorScope] ?? `scope ${options.errorScope}`;
    const who = options.remote ? "peer says " : "";
    const about = options.errorScope === 2
      ? ` ${options.relatedFrameId ?? 0}/${options.relatedViewId ?? 0}`
      : "";
    const retry = options.retryAfterMs ? ` (retry after ${options.retryAfterMs} ms)` : "";
    super(
      "PROTOCOL",
      `${who}${options.codeName} (${scope}${about}${options.fatal ? ", fatal" : ""})` +
        `${options.diagnostic ? `: ${options.diagnostic}` : ""}${retry}`,
      options,
    );
    this.errorCode = options.errorCode;
    this.codeName = options.codeName;
    this.errorScope = options.errorScope;
    this.fatal = options.fatal ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.relatedSessionId = options.relatedSessionId ?? 0;
    this.relatedFrameId = options.relatedFrameId ?? 0;
    this.relatedViewId = options.relatedViewId ?? 0;
    this.diagnostic = options.diagnostic ?? "";
    this.remote = options.remote ?? false;
  }
}

/** A carrier that could not connect or listen, or whose connection failed. */
export class NnrpTransportError extends NnrpError {
  /** Carrier name: `"tcp"`, `"quic"`, … */
  readonly transport: string;

  /**
   * An error with the name of its carrier.
   *
   * @param transport Carrier name.
   * @param message What failed and what to check.
   * @param options `cause` of the runtime.
   * @param code Stable name; subclasses give their own.
   */
  constructor(transport: string, message: string, options?: NnrpErrorOptions, code = "TRANSPORT") {
    super(code, message, options);
    this.transport = transport;
  }
}

/** The connection or session has ended; nothing more can be sent or received on it. */
export class NnrpConnectionClosedError extends NnrpTransportError {
  /**
   * An error with code `"CLOSED"`.
   *
   * @param transport Carrier name.
   * @param message Who closed and why.
   * @param options `cause`, if a failure closed it.
   */
  constructor(transport: string, message: string, options?: NnrpErrorOptions) {
    super(transport, message, options, "CLOSED");
  }
}

/** A wait took longer than the caller allowed. */
export class NnrpTimeoutError extends NnrpError {
  /** The limit that passed, in ms. */
  readonly timeoutMs: number;

  /**
   * Composes the message from what was awaited and the limit.
   *
   * @param what What was waited for.
   * @param timeoutMs The limit that passed, in ms.
   */
  constructor(what: string, timeoutMs: number) {
    super("TIMEOUT", `${what} took longer than ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** Something this runtime, carrier or peer cannot do. */
export class NnrpUnsupportedError extends NnrpError {
  /**
   * An error with code `"UNSUPPORTED"`.
   *
   * @param message What cannot be done here, and what can.
   * @param options `cause`, if any.
   */
  constructor(message: string, options?: NnrpErrorOptions) {
    super("UNSUPPORTED", message, options);
  }
}

/** A call that the session's present state does not allow, found before anything was sent (behaviour spec §7). */
export class NnrpStateError extends NnrpError {
  /**
   * An error with code `"STATE"`.
   *
   * @param message What was asked for and in which state.
   * @param options `cause`, if any.
   */
  constructor(message: string, options?: NnrpErrorOptions) {
    super("STATE", message, options);
  }
}

/** A local bound was reached: a queue is full, a frame waits too long, a limit of the peer forbids the call. */
export class NnrpLimitError extends NnrpError {
  /** Name of the option that sets the bound. */
  readonly limit: string;

  /**
   * An error that names the bound.
   *
   * @param limit Name of the option that sets the bound.
   * @param message What was refused and how to go on.
   */
  constructor(limit: string, message: string) {
    super("LIMIT", message);
    this.limit = limit;
  }
}

/**
 * An internal failure that no bytes and no argument should cause: a defect, or a callback that threw where
 * its error had no other way to go. Only the frame or connection it happened in ends; the peer receives
 * INTERNAL_ERROR.
 */
export class NnrpInternalError extends NnrpError {
  /**
   * An error whose message holds nothing of its cause, so that it may be sent to the peer.
   *
   * @param what What failed, in words that may be sent to the peer: nothing of the cause is in it.
   * @param options `cause`: what was thrown.
   */
  constructor(what: string, options?: NnrpErrorOptions) {
    super("INTERNAL", `internal failure: ${what}`, options);
  }
}

/**
 * What was thrown as an internal failure, unless it is one already.
 *
 * @param cause What was thrown.
 * @param what What cannot go on because of it, in words that may be sent to the peer.
 */
export function internalErrorOf(cause: unknown, what: string): NnrpInternalError {
  return cause instanceof NnrpInternalError ? cause : new NnrpInternalError(what, { cause });
}

/** A packet of another type was received than the one expected. */
export class NnrpUnexpectedMessageError extends NnrpError {
  /**
   * Composes the message from both names.
   *
   * @param expected Name of the expected message.
   * @param actual Name of the received message.
   */
  constructor(expected: string, actual: string) {
    super("UNEXPECTED_MESSAGE", `expected ${expected}, got ${actual}`);
  }
}

/** The result router of a session was closed or stopped. */
export class NnrpRouterClosedError extends NnrpError {
  /**
   * An error with code `"ROUTER_CLOSED"`.
   *
   * @param message Why.
   * @param options `cause`, if a failure stopped it.
   */
  constructor(message: string, options?: NnrpErrorOptions) {
    super("ROUTER_CLOSED", message, options);
  }
}

/** The wait for a frame ended because the caller cancelled it. */
export class NnrpCancelledError extends NnrpError {
  /**
   * An error with code `"CANCELLED"`.
   *
   * @param message Which frame.
   * @param options `cause`: the reason of the caller's signal.
   */
  constructor(message: string, options?: NnrpErrorOptions) {
    super("CANCELLED", message, options);
  }
}

function describe(
  message: string,
  o: {
    field: string;
    offset?: number;
    expected?: string | number | bigint;
    actual?: string | number | bigint;
  },
): string {
  const parts: string[] = [];
  if (o.expected !== undefined) parts.push(`expected ${o.expected}`);
  if (o.actual !== undefined) parts.push(`got ${o.actual}`);
  const where = o.offset === undefined ? o.field : `${o.field} at byte ${o.offset}`;
  return `${where}: ${message}${parts.length ? ` (${parts.join(", ")})` : ""}`;
}
