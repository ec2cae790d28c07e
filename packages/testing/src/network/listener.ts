/**
 * Who listens on a network, and how a connection to it comes about.
 *
 * @module
 */
import type { Carrier } from "@nnrp/core";
import type { VirtualHost } from "../time/virtual_host.ts";
import type { ConnectionInfo, ConnectionPath, VirtualConnection } from "./connection.ts";

/** Who listens. */
export interface VirtualListener {
  /** Its host. */
  readonly host: VirtualHost;
  /** Whether it is no longer there: closed, or its host was killed. */
  readonly isGone: () => boolean;
  /** Takes a connection; called in an event of its host. */
  readonly accept: (carrier: Carrier) => void;
}

/** How to make a connection of a carrier's kind. */
export type MakeConnection = (
  path: ConnectionPath,
  info: ConnectionInfo,
) => VirtualConnection & { readonly clientCarrier: Carrier; readonly serverCarrier: Carrier };
