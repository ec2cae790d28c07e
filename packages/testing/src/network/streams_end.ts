/**
 * What lies between a connection with many streams and the carriers at its ends.
 *
 * @module
 */
import type { VirtualHost } from "../time/virtual_host.ts";
import type { Pipe } from "./pipe.ts";

/** One end of a connection with many streams, as its carrier sees it. */
export interface StreamsEnd {
  /** Whose it is. */
  readonly host: VirtualHost;
  /** Whether it dialled: the ids of its streams are 2, 6, 10, …, the other's 3, 7, 11, …; control is 0. */
  readonly isClient: boolean;
  /** Sets the receiver of events; called before anything else. */
  listen(events: StreamsEvents): void;
  /** Opens a stream towards the peer; of control there is one. */
  open(isControl: boolean): { readonly id: number; readonly pipe: Pipe };
  /** Says that no stream follows, and how many there were beside control. */
  finish(): void;
  /** Says that everything up to the peer's end was read. */
  confirm(): void;
  /** Closes the connection: what has not arrived is lost. */
  disconnect(code: number, reason: string): void;
}

/** Events that an end gets from its connection, in the event loop of its host. */
export interface StreamsEvents {
  /** The peer opened a stream. */
  opened(id: number, isControl: boolean, pipe: Pipe): void;
  /** The peer opens no more; there were so many beside control. */
  finished(streams: number): void;
  /** The peer has read everything up to this end's end. */
  confirmed(): void;
  /** The connection is gone: by the peer (code, reason), the network (cause), or because this end closed it. */
  gone(code: number, reason: string, cause?: Error): void;
}
