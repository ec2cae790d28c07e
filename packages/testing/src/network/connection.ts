/**
 * What all connections of the virtual network have in common, and what a test can do to one.
 *
 * @module
 */
import type { PeerIdentity } from "@nnrp/core";
import type { VirtualHost } from "../time/virtual_host.ts";
import type { Arrivals, ConnectionEnd } from "./arrival_count.ts";
import type { Wire } from "./wire.ts";

/** A connection, for tests: {@linkcode VirtualLink.connections}. */
export interface VirtualConnection {
  /** Its number in the network, 1, 2, … */
  readonly id: number;
  /** The carrier that opened it. */
  readonly carrier: string;
  /** Who dialled. */
  readonly client: VirtualHost;
  /** Who listened. */
  readonly server: VirtualHost;
  /** What has arrived at each end. */
  readonly arrivals: { readonly client: Arrivals; readonly server: Arrivals };
  /** Ends that are gone, first the one that went first; what they had not read is counted as it was then. */
  readonly ends: readonly ConnectionEnd[];
  /** Ends it for both: what has arrived can still be read, then both ends get the error. */
  cut(reason?: string): void;
}

/** What a connection reports about itself to users of its carriers. */
export interface ConnectionInfo {
  /** Carrier name, for example `"tcp"`. */
  readonly name: string;
  /** Transport id on the wire. */
  readonly transport: number;
  /** Whether bytes count as encrypted. */
  readonly encrypted: boolean;
  /** Who the client proved to be, for the server. */
  readonly peerIdentity: PeerIdentity | undefined;
  /** Whether the server's certificate counts as unchecked, for the client. */
  readonly unverified: boolean;
  /** Whether chunks are written into the reader's memory, as by sockets that are asked for bytes. */
  readonly readInto: boolean;
  /** The server's address as the client sees it. */
  readonly serverAddress: string;
  /** The client's address as the server sees it. */
  readonly clientAddress: string;
}

/** Where a connection lies. */
export interface ConnectionPath {
  /** Its number. */
  readonly id: number;
  /** Who dialled. */
  readonly client: VirtualHost;
  /** Who listened. */
  readonly server: VirtualHost;
  /** From client to server. */
  readonly up: Wire;
  /** From server to client. */
  readonly down: Wire;
  /** Called once when both ends are gone. */
  readonly closed: (connection: VirtualConnection) => void;
}
