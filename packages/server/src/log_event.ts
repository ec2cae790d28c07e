/**
 * Makes events for logs: words of peers are fit to be shown, and nothing secret is in them.
 *
 * @module
 */
import {
  type ClientHelloContext,
  ControlExtensionType,
  findExtension,
  fitToShow,
  readRequestedModel,
} from "@nnrp/core";
import type { LoggedHello, ServerLogEvent } from "./options.ts";

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
