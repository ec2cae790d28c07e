/**
 * Moving a session to another path: what a caller asks for, and what becomes of it (behaviour spec §11).
 *
 * @module
 */
import type { CarrierDialer, SessionMigrateAckMetadata } from "@nnrp/core";
import type { TransportPorts } from "./dial_plan.ts";
import type { WaitOptions } from "@nnrp/runtime";

/** Where a session is to move. What is left out is as it was dialled. */
export interface MigrateOptions extends WaitOptions {
  /** Host of the server. Default: the one that was dialled. */
  readonly host?: string;
  /** Port. Default: the one that was dialled. */
  readonly port?: number;
  /** Ports by transport, where they differ. */
  readonly ports?: TransportPorts;
  /** Carriers to choose from. Default: those of the dial. */
  readonly carriers?: readonly CarrierDialer[];
  /** Name of the carrier to move to, for example `"websocket"`. Default: the first one that is not in use. */
  readonly carrier?: string;
  /** TransportId to move to. Default: any other path. */
  readonly selectedTransportId?: number;
  /** As `selectedTransportId`; both must be equal if both are given. */
  readonly forcedTransportId?: number;
  /** Last frame whose result came, sent to the server. Default: the greatest one of this session. */
  readonly lastResultFrameId?: number;
  /** Whether the token may travel in plain text to another machine. Default false. */
  readonly allowPlaintextAuth?: boolean;
  /** Longest time for all of it, ms. Default 10,000. */
  readonly timeoutMs?: number;
}

/** Outcome of a move, without the session it happened to. */
export interface MoveOutcome {
  /** `"success"`; `"failed"`: the server refused, the session goes on where it was; `"skipped"`: there was no reason to move. */
  readonly status: "success" | "failed" | "skipped";
  /** Whether the server accepted. */
  readonly accepted: boolean;
  /** TransportId before. */
  readonly previousTransportId: number;
  /** TransportId now. */
  readonly currentTransportId: number;
  /** Carrier name before. */
  readonly previousCarrier: string;
  /** Carrier name now. */
  readonly currentCarrier: string;
  /** The server's answer; null if it was not asked. */
  readonly ackMetadata: SessionMigrateAckMetadata | null;
  /** Frame from which submits go on towards servers without tokens; 0 = not specified. */
  readonly resumeFromFrameId: number;
}
