/**
 * Events for a log: text of peers is fit to be shown, and nothing secret is in them.
 *
 * @module
 */
import {
  type ClientHelloContext,
  type ClientHelloMetadata,
  ControlExtensionType,
  findExtension,
  fitToShow,
  readRequestedModel,
} from "@nnrp/core";

/** What a log may know of a client's hello. The auth block, tokens and unknown extensions stay out of it. */
export interface LoggedHello {
  /** Numbers of the hello: versions, capabilities, wishes, and the lengths of what is not included here. */
  readonly metadata: ClientHelloMetadata;
  /** Requested model (extension 0xF003), fit to be shown; undefined if none. rc2's way is the auth block. */
  readonly model: string | undefined;
  /** Types of its control extensions, in their order. */
  readonly extensionTypes: readonly number[];
  /** Flags of the packet's header. */
  readonly headerFlags: number;
}

/** A log event. */
export interface ServerLogEvent {
  /** Kind of event, a stable name for programs. */
  readonly type:
    | "session-start"
    | "session-end"
    | "handshake-refused"
    | "auth-refused"
    | "handler-failed"
    | "internal-failure"
    | "connection-refused"
    | "session-suspended"
    | "session-moved"
    | "migration-refused";
  /** Human-readable description: one line, fit to be shown even where it quotes the client. */
  readonly message: string;
  /** Client's address. */
  readonly remote: string;
  /** Name of the carrier. */
  readonly carrier: string;
  /** Session it happened in; 0 = none. */
  readonly sessionId: number;
  /** What the client said in its hello, where there was one, without what proves who it is. */
  readonly hello?: LoggedHello;
  /** The error, if one caused it. */
  readonly error?: unknown;
}

/** An event as the engine and the carriers know it. */
export interface LogFacts extends Omit<ServerLogEvent, "hello"> {
  /** The whole hello, where there was one. */
  readonly hello?: ClientHelloContext | undefined;
}

/** The event that a log gets. */
export function logEvent({ hello, ...facts }: LogFacts): ServerLogEvent {
  const message = fitToShow(facts.message);
  return hello === undefined ? { ...facts, message } : { ...facts, message, hello: loggedHello(hello) };
}

function loggedHello({ packet, metadata, controlExtensions }: ClientHelloContext): LoggedHello {
  return {
    metadata,
    model: modelOf(controlExtensions),
    extensionTypes: controlExtensions.map(({ extType }) => extType),
    headerFlags: packet.header.flags,
  };
}

function modelOf(entries: ClientHelloContext["controlExtensions"]): string | undefined {
  const entry = findExtension(entries, ControlExtensionType.REQUESTED_MODEL);
  return entry === undefined ? undefined : fitToShow(readRequestedModel(entry));
}
