/**
 * The server's side of the handshake: judging a CLIENT_HELLO and writing the SERVER_HELLO_ACK (behaviour spec §6.2, §6.3,
 * §6.6). Choosing the session id and checking the auth block are the host's.
 *
 * @module
 */
import { NnrpWireError } from "../../errors.ts";
import { ErrorCode, TransportId, TransportPolicy, WireFormat } from "../../wire/enums.ts";
import { type ControlExtensionEntry, encodeControlExtensions } from "../../wire/extensions.ts";
import { PayloadKind } from "../../wire/flags.ts";
import { VERSION_MAJOR } from "../../wire/header.ts";
import { joinHelloBody } from "../../wire/hello_body.ts";
import {
  type ClientHelloTransportPolicyExtension,
  SERVER_ACK_LOSS_TOLERANCE,
  SERVER_ACK_PAYLOAD_CAPABILITIES,
  SERVER_ACK_TRANSPORT_POLICY,
} from "../../wire/known_extensions.ts";
import type { ClientHelloMetadata } from "../../wire/metadata/client_hello.ts";
import type { ServerHelloAckMetadata } from "../../wire/metadata/server_hello_ack.ts";
import { comeBackEntry, migrationTokenEntry, streamedResultsEntry } from "../../wire/private_extensions.ts";
import {
  HELLO_EXTENSION_TYPES,
  type HelloExtensions,
  readHelloExtensions,
  unknownCritical,
} from "./hello_extensions.ts";
import { type ServerCapabilities, withDefaults } from "./server_capabilities.ts";

/** A CLIENT_HELLO as it came. */
export interface ReceivedHello {
  /** `version_major` of its header. Default 1. */
  readonly versionMajor?: number;
  /** Its metadata. */
  readonly metadata: ClientHelloMetadata;
  /** Its control extensions. */
  readonly controlExtensions: readonly ControlExtensionEntry[];
}

/** The hello cannot be accepted: send ERROR (connection scope, fatal) and close. */
export interface HelloRefusal {
  /** Tells the two outcomes apart. */
  readonly accepted: false;
  /** {@linkcode ErrorCode}. */
  readonly errorCode: number;
  /** Reason sent to the client. */
  readonly diagnostic: string;
}

/** The hello can be accepted, on these terms. */
export interface HelloAgreement {
  /** Tells the two outcomes apart. */
  readonly accepted: true;
  /** All of the ack but what {@linkcode HelloAckChoice} adds. */
  readonly terms: Omit<ServerHelloAckMetadata, "sessionId" | "controlExtensionBytes">;
  /** Wished session id; 0 = any. */
  readonly requestedSessionId: number;
  /** Requested model (0xF003), beside the auth block; undefined = not specified. */
  readonly requestedModel: string | undefined;
  /** Whether both sides tell final results by behaviour spec §8.6. */
  readonly streamedResults: boolean;
  /** Whether the client asks for a migration token (0xF002). */
  readonly wantsMigrationToken: boolean;
  /** Whether a CLOSE may ask the client to come back (0xF004). */
  readonly comeBack: boolean;
  /** Payload kinds the client may send; null = it did not bind itself (no 0x0105), so all are taken. */
  readonly bindingPayloadKinds: number | null;
  /** How the client wished its transport chosen (0x0101); null = not specified. */
  readonly transportPolicy: ClientHelloTransportPolicyExtension | null;
  /** LossTolerance of the session, cut to what the server makes use of (0x0103); null = not specified. */
  readonly lossTolerance: number | null;
}

/** What the host adds to an agreement. */
export interface HelloAckChoice {
  /** The session's id, not 0. */
  readonly sessionId: number;
  /** Transport of this connection, {@linkcode TransportId}. */
  readonly activeTransportId: number;
  /** Token for the next SESSION_MIGRATE, 16 bytes; sent only if the client asked for one. */
  readonly migrationToken?: Uint8Array;
  /** Model in use. Default none. */
  readonly modelName?: string;
  /** Further control extensions. */
  readonly controlExtensions?: readonly ControlExtensionEntry[];
}

/**
 * Judges a hello. Refused are: no common version or wire format (UNSUPPORTED_VERSION), more lanes than allowed
 * (LIMIT_EXCEEDED), an unknown critical extension, no common payload kind or, for tensors, codec, dtype or layout
 * (UNSUPPORTED_CAPABILITY), a known extension that cannot be read (MALFORMED_BODY).
 */
export function judgeHello(
  hello: ReceivedHello,
  capabilities: ServerCapabilities = {},
): HelloRefusal | HelloAgreement {
  const can = withDefaults(capabilities);
  const { metadata: m, controlExtensions } = hello;
  const version = versionFault(hello);
  if (version !== null) return refuse(ErrorCode.UNSUPPORTED_VERSION, version);
  if (m.maxLaneCount > can.maxLaneCount) {
    return refuse(ErrorCode.LIMIT_EXCEEDED, `max_lane_count ${m.maxLaneCount} is over ${can.maxLaneCount}`);
  }
  const unknown = unknownCritical(controlExtensions, [...HELLO_EXTENSION_TYPES, ...can.knownExtensionTypes]);
  if (unknown !== undefined) {
    return refuse(
      ErrorCode.UNSUPPORTED_CAPABILITY,
      `critical extension ${hex(unknown.extType)} is not known`,
    );
  }
  let told: HelloExtensions;
  try {
    told = readHelloExtensions(controlExtensions);
  } catch (error) {
    if (error instanceof NnrpWireError) return refuse(ErrorCode.MALFORMED_BODY, error.message);
    throw error;
  }

  const kinds = commonPayloadKinds(m.supportedPayloadKindBitmap, told.payloadKinds, can.payloadKindBitmap);
  const codecs = (m.supportedCodecBitmap & can.codecBitmap) >>> 0;
  const dtypes = (m.supportedDtypeBitmap & can.dtypeBitmap) >>> 0;
  const layouts = (m.supportedLayoutBitmap & can.layoutBitmap) >>> 0;
  const offeredKinds = told.payloadKinds ?? m.supportedPayloadKindBitmap;
  if (kinds === 0) return nothingInCommon("payload kind", offeredKinds, can.payloadKindBitmap);
  if (kinds & PayloadKind.TENSOR) { // without tensors these three mean nothing
    if (codecs === 0) return nothingInCommon("codec", m.supportedCodecBitmap, can.codecBitmap);
    if (dtypes === 0) return nothingInCommon("dtype", m.supportedDtypeBitmap, can.dtypeBitmap);
    if (layouts === 0) return nothingInCommon("layout", m.supportedLayoutBitmap, can.layoutBitmap);
  }

  return {
    accepted: true,
    terms: {
      selectedVersionMajor: VERSION_MAJOR,
      selectedWireFormat: WireFormat.CURRENT,
      authStatus: 0,
      acceptedProfileBitmap: (m.supportedProfileBitmap & can.profileBitmap) >>> 0,
      acceptedPayloadKindBitmap: kinds,
      acceptedCodecBitmap: codecs,
      acceptedCompressionBitmap: (m.supportedCompressionBitmap & can.compressionBitmap) >>> 0,
      acceptedDtypeBitmap: dtypes,
      acceptedLayoutBitmap: layouts,
      ...cacheTerms(m, can),
      maxLaneCount: Math.max(1, m.maxLaneCount),
      maxConcurrentFrames: can.maxConcurrentFrames,
      targetCadenceX100: Math.min(m.targetCadenceX100, can.maxTargetCadenceX100),
      latencyBudgetMs: m.latencyBudgetMs,
      qualityTier: m.qualityTier,
      degradePolicy: m.degradePolicy & can.degradePolicyBitmap,
      maxBodyBytes: can.maxBodyBytes,
      tokenTtlMs: can.tokenTtlMs,
      retryAfterMs: 0,
      serverFlags: 0,
    },
    requestedSessionId: m.requestedSessionId,
    requestedModel: told.requestedModel,
    streamedResults: told.streamedResults && can.streamedResults,
    wantsMigrationToken: told.wantsMigrationToken,
    comeBack: told.comeBack,
    bindingPayloadKinds: told.payloadKinds === null ? null : kinds,
    transportPolicy: told.transportPolicy,
    lossTolerance: told.lossTolerance === null ? null : Math.min(told.lossTolerance, can.maxLossTolerance),
  };
}

/** Metadata and body of SERVER_HELLO_ACK: extensions that were asked for, then the model's name. */
export function buildHelloAck(
  agreement: HelloAgreement,
  choice: HelloAckChoice,
): { metadata: ServerHelloAckMetadata; body: Uint8Array } {
  const { terms, transportPolicy, lossTolerance, bindingPayloadKinds } = agreement;
  const entries: ControlExtensionEntry[] = [];
  if (transportPolicy !== null) {
    entries.push(SERVER_ACK_TRANSPORT_POLICY.entry({
      transportPolicy: transportPolicy.transportPolicy,
      acceptedTransportPolicy: acceptedPolicy(transportPolicy.transportPolicy, choice.activeTransportId),
      activeTransportId: choice.activeTransportId,
    }));
  }
  if (lossTolerance !== null) {
    entries.push(SERVER_ACK_LOSS_TOLERANCE.entry({ acceptedLossTolerance: lossTolerance }));
  }
  if (bindingPayloadKinds !== null) {
    entries.push(SERVER_ACK_PAYLOAD_CAPABILITIES.entry({
      acceptedPayloadKindBitmap: bindingPayloadKinds,
      acceptedCriticalExtensionFrameBitmap: 0,
    }));
  }
  entries.push(...choice.controlExtensions ?? []);
  if (agreement.streamedResults) entries.push(streamedResultsEntry());
  if (agreement.wantsMigrationToken && choice.migrationToken !== undefined) {
    entries.push(migrationTokenEntry(choice.migrationToken));
  }
  if (agreement.comeBack) entries.push(comeBackEntry());
  const block = encodeControlExtensions(entries);
  return {
    metadata: { ...terms, sessionId: choice.sessionId, controlExtensionBytes: block.length },
    body: joinHelloBody(block, new TextEncoder().encode(choice.modelName ?? "")),
  };
}

/** Why the hello speaks another protocol; null if it does not. */
function versionFault({ versionMajor = VERSION_MAJOR, metadata: m }: ReceivedHello): string | null {
  if (versionMajor !== VERSION_MAJOR) return `version ${versionMajor} of the header is not ${VERSION_MAJOR}`;
  if (m.minVersionMajor > VERSION_MAJOR || m.maxVersionMajor < VERSION_MAJOR) {
    return `versions ${m.minVersionMajor}…${m.maxVersionMajor} do not include ${VERSION_MAJOR}`;
  }
  if ((m.supportedWireFormatBitmap >>> WireFormat.CURRENT & 1) === 0) {
    return `wire formats ${hex(m.supportedWireFormatBitmap)} do not include ${WireFormat.CURRENT}`;
  }
  return null;
}

/**
 * rc2 offers TENSOR alone, always, and sends typed payloads nevertheless: without 0x0105 that offer says nothing, and like its
 * server ours answers with all it can (behaviour spec §6.2).
 */
function commonPayloadKinds(offered: number, told: number | null, can: number): number {
  if (told === null && offered === PayloadKind.TENSOR) return can;
  return ((told ?? offered) & can) >>> 0;
}

/** The cache is on only if both want it. */
function cacheTerms(
  m: ClientHelloMetadata,
  can: Required<ServerCapabilities>,
): Pick<
  ServerHelloAckMetadata,
  "cacheDigestBitmap" | "cacheObjectBitmap" | "maxCacheEntries" | "maxCacheBytes"
> {
  const entries = Math.min(m.maxCacheEntries, can.maxCacheEntries);
  const bytes = Math.min(m.maxCacheBytes, can.maxCacheBytes);
  const kinds = m.cacheObjectBitmap & can.cacheObjectBitmap;
  if (!can.enableCache || entries === 0 || bytes === 0 || kinds === 0) {
    return { cacheDigestBitmap: 0, cacheObjectBitmap: 0, maxCacheEntries: 0, maxCacheBytes: 0 };
  }
  return {
    cacheDigestBitmap: m.cacheDigestBitmap & 0x1,
    cacheObjectBitmap: kinds,
    maxCacheEntries: entries,
    maxCacheBytes: bytes,
  };
}

/** A wish for the other transport was not met: what is left of it is AUTO. */
function acceptedPolicy(policy: number, activeTransportId: number): number {
  const wished: Readonly<Record<number, number>> = {
    [TransportPolicy.PREFER_QUIC]: TransportId.QUIC,
    [TransportPolicy.FORCE_QUIC]: TransportId.QUIC,
    [TransportPolicy.PREFER_TCP]: TransportId.TCP,
    [TransportPolicy.FORCE_TCP]: TransportId.TCP,
  };
  return wished[policy] === activeTransportId ? policy : TransportPolicy.AUTO;
}

function nothingInCommon(what: string, offered: number, can: number): HelloRefusal {
  return refuse(
    ErrorCode.UNSUPPORTED_CAPABILITY,
    `no common ${what}: offered ${hex(offered)}, known ${hex(can)}`,
  );
}

function refuse(errorCode: number, diagnostic: string): HelloRefusal {
  return { accepted: false, errorCode, diagnostic };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
