/**
 * What the client learns from a SERVER_HELLO_ACK, and when it must not go on (behaviour spec §6.2, §6.4, §8.1).
 *
 * @module
 */
import { NnrpProtocolError } from "../../errors.ts";
import { enumName } from "../../wire/enum_names.ts";
import { ErrorCode, ErrorScope, WireFormat } from "../../wire/enums.ts";
import type { ControlExtensionEntry } from "../../wire/extensions.ts";
import { VERSION_MAJOR } from "../../wire/header.ts";
import { decodeServerHelloAckBody } from "../../wire/hello_body.ts";
import {
  ControlExtensionType,
  findExtension,
  SERVER_ACK_LOSS_TOLERANCE,
  SERVER_ACK_PAYLOAD_CAPABILITIES,
  SERVER_ACK_TRANSPORT_POLICY,
  type ServerHelloAckTransportPolicyExtension,
} from "../../wire/known_extensions.ts";
import type { ServerHelloAckMetadata } from "../../wire/metadata/server_hello_ack.ts";
import { readMigrationToken } from "../../wire/private_extensions.ts";
import { ACK_EXTENSION_TYPES, speaksOurs, unknownCritical } from "./hello_extensions.ts";

/** Frames in flight when the server did not tell (behaviour spec §8.1). */
export const UNTOLD_CONCURRENT_FRAMES = 64;

/** What the server agreed to. */
export interface AcceptedHello {
  /** The ack as it came. */
  readonly metadata: ServerHelloAckMetadata;
  /** The session's id: from the metadata, whatever the header says. */
  readonly sessionId: number;
  /** Model in use; empty = not specified. */
  readonly modelName: string;
  /** All control extensions of the ack; payloads are views on its body. */
  readonly controlExtensions: readonly ControlExtensionEntry[];
  /** Frames that may be in flight: what the server says, or {@linkcode UNTOLD_CONCURRENT_FRAMES} if it does not. */
  readonly maxConcurrentFrames: number;
  /** Largest body of a submit, bytes; 2³² − 1 if the server does not tell. */
  readonly maxBodyBytes: number;
  /** Whether the server announced a cache. rc2's never does, so this alone is no reason to refuse a put. */
  readonly cacheAnnounced: boolean;
  /** Whether the server tells final results by behaviour spec §8.6 (0xF001). */
  readonly streamedResults: boolean;
  /** Whether the server is one of ours by its extensions (0xF001, 0xF002): it answers pings, for example. */
  readonly isOurs: boolean;
  /** Whether a CLOSE of the server says whether to come back (0xF004). */
  readonly comeBack: boolean;
  /** Token for the next SESSION_MIGRATE (0xF002), a copy; null = none. */
  readonly migrationToken: Uint8Array | null;
  /** How the transport was chosen (0x0102); null = not specified. */
  readonly transportPolicy: ServerHelloAckTransportPolicyExtension | null;
  /** LossTolerance the server accepted (0x0104); null = not specified. */
  readonly lossTolerance: number | null;
  /** Payload kinds the server accepted (0x0106), binding; null = not specified. */
  readonly payloadKinds: number | null;
}

/** Options of {@linkcode readHelloAck}. */
export interface ReadHelloAckOptions {
  /** Whether the hello offered streamed results: both sides must say it. Default true. */
  readonly streamedResultsOffered?: boolean;
  /** Whether the hello offered to come back: likewise. Default true. */
  readonly comeBackOffered?: boolean;
  /** Further control extensions the application understands, so that CRITICAL ones are not refused. */
  readonly knownExtensionTypes?: readonly number[];
}

/**
 * Reads a SERVER_HELLO_ACK.
 *
 * @param metadata Its metadata.
 * @param body Its body.
 * @param options What was offered.
 * @throws NnrpProtocolError (local, connection scope, fatal) UNSUPPORTED_VERSION for another version or wire format, AUTH_FAILED
 * for a nonzero auth_status, UNSUPPORTED_CAPABILITY for an unknown critical extension.
 * @throws NnrpWireError if the body is malformed.
 */
export function readHelloAck(
  metadata: ServerHelloAckMetadata,
  body: Uint8Array,
  options: ReadHelloAckOptions = {},
): AcceptedHello {
  const { selectedVersionMajor, selectedWireFormat, authStatus } = metadata;
  if (authStatus !== 0) throw refusal(ErrorCode.AUTH_FAILED, `auth_status ${authStatus}`, metadata);
  if (selectedVersionMajor !== VERSION_MAJOR || selectedWireFormat !== WireFormat.CURRENT) {
    const chosen = `server chose version ${selectedVersionMajor}, wire format ${selectedWireFormat}`;
    throw refusal(ErrorCode.UNSUPPORTED_VERSION, chosen, metadata);
  }
  const { controlExtensions, activeModelName } = decodeServerHelloAckBody(metadata, body);
  const unknown = unknownCritical(controlExtensions, [
    ...ACK_EXTENSION_TYPES,
    ...options.knownExtensionTypes ?? [],
  ]);
  if (unknown !== undefined) {
    const what = `critical extension 0x${unknown.extType.toString(16)} is not known`;
    throw refusal(ErrorCode.UNSUPPORTED_CAPABILITY, what, metadata);
  }
  const find = (extType: number): ControlExtensionEntry | undefined =>
    findExtension(controlExtensions, extType);
  const token = find(ControlExtensionType.MIGRATION_TOKEN);
  const policy = find(ControlExtensionType.SERVER_ACK_TRANSPORT_POLICY);
  const tolerance = find(ControlExtensionType.SERVER_ACK_LOSS_TOLERANCE);
  const kinds = find(ControlExtensionType.SERVER_ACK_PAYLOAD_CAPABILITIES);
  const ours = find(ControlExtensionType.STREAMED_RESULTS) !== undefined;
  return {
    metadata,
    sessionId: metadata.sessionId,
    modelName: activeModelName,
    controlExtensions,
    maxConcurrentFrames: concurrentFrames(metadata.maxConcurrentFrames, ours),
    maxBodyBytes: metadata.maxBodyBytes === 0 ? 0xffff_ffff : metadata.maxBodyBytes,
    cacheAnnounced: metadata.maxCacheEntries > 0 && metadata.maxCacheBytes > 0,
    comeBack: find(ControlExtensionType.COME_BACK) !== undefined && (options.comeBackOffered ?? true),
    isOurs: speaksOurs(controlExtensions),
    streamedResults: ours && (options.streamedResultsOffered ?? true),
    migrationToken: token === undefined ? null : readMigrationToken(token).slice(),
    transportPolicy: policy === undefined ? null : SERVER_ACK_TRANSPORT_POLICY.read(policy),
    lossTolerance: tolerance === undefined
      ? null
      : SERVER_ACK_LOSS_TOLERANCE.read(tolerance).acceptedLossTolerance,
    payloadKinds: kinds === undefined
      ? null
      : SERVER_ACK_PAYLOAD_CAPABILITIES.read(kinds).acceptedPayloadKindBitmap,
  };
}

/**
 * rc2's servers say 1 unless configured otherwise and never enforce it: from a server without our extension
 * that is no word at all.
 */
function concurrentFrames(told: number, ours: boolean): number {
  return told === 0 || (told === 1 && !ours) ? UNTOLD_CONCURRENT_FRAMES : told;
}

function refusal(errorCode: number, diagnostic: string, ack: ServerHelloAckMetadata): NnrpProtocolError {
  return new NnrpProtocolError({
    errorCode,
    codeName: enumName(ErrorCode, errorCode),
    errorScope: ErrorScope.CONNECTION,
    fatal: true,
    retryAfterMs: ack.retryAfterMs,
    relatedSessionId: ack.sessionId,
    diagnostic,
  });
}
