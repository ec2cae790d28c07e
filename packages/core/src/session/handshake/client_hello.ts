/**
 * The client's first word: a CLIENT_HELLO made from a profile (behaviour spec §6.1, §6.6). The defaults are those of rc2's
 * client, so that no server sees anything it has not seen before.
 *
 * @module
 */
import { WireFormat } from "../../wire/enums.ts";
import { type ControlExtensionEntry, encodeControlExtensions } from "../../wire/extensions.ts";
import { VERSION_MAJOR } from "../../wire/header.ts";
import { joinHelloBody } from "../../wire/hello_body.ts";
import {
  CLIENT_HELLO_LOSS_TOLERANCE,
  CLIENT_HELLO_PAYLOAD_CAPABILITIES,
  CLIENT_HELLO_TRANSPORT_POLICY,
  type ClientHelloTransportPolicyExtension,
  findExtension,
} from "../../wire/known_extensions.ts";
import type { ClientHelloMetadata } from "../../wire/metadata/client_hello.ts";
import {
  comeBackEntry,
  MIGRATION_TOKEN_SIZE,
  migrationTokenEntry,
  requestedModelEntry,
  streamedResultsEntry,
} from "../../wire/private_extensions.ts";
import { DEFAULT_MAX_CACHE_BYTES } from "../../wire/limits.ts";
import { DEFAULT_MAX_CACHE_ENTRIES } from "../cache/cache.ts";

/** What a client offers; every field has rc2's default (behaviour spec §6.1). */
export interface ClientProfile {
  /** Lanes (views), u16. Default 1. */
  readonly maxViews?: number;
  /** Whether to use the server's cache. Default true. */
  readonly enableCache?: boolean;
  /** Requested capacity, objects. Default 256. */
  readonly maxCacheEntries?: number;
  /** Requested capacity, bytes. Default 8 MiB. */
  readonly maxCacheBytes?: number;
  /** Bit (kind − 1) for each kind of object it will put. Default 0x7, the kinds of the tensor profile. */
  readonly cacheObjectBitmap?: number;
  /** Codecs it can read. Default 0x3. */
  readonly codecBitmap?: number;
  /** Compressions it can read. Default 0x3. */
  readonly compressionBitmap?: number;
  /** Bit n = TensorDType n. Default 0x1F. */
  readonly dtypeBitmap?: number;
  /** Bit n = TensorLayout n. Default 0x3. */
  readonly layoutBitmap?: number;
  /** Requested frames per second × 100, u16. Default 6000. */
  readonly targetCadenceX100?: number;
  /** Latency budget of most frames, ms, u16. Default 50. */
  readonly latencyBudgetMs?: number;
  /** Requested quality tier, u16. Default 2. */
  readonly qualityTier?: number;
  /** Degrade policy bits, u16. Default 0. */
  readonly degradePolicy?: number;
  /** TransportPolicy: which transports to try, and in which order. Default AUTO. `dialClient` reads it. */
  readonly transportPolicy?: number;
  /** LossTolerance of the session; adds 0x0103. Default: not sent. */
  readonly lossTolerance?: number;
  /**
   * The payload kinds it will send, binding; adds 0x0105. Default: not sent, and the hello says TENSOR as
   * rc2's does.
   */
  readonly payloadKindBitmap?: number;
}

/** What goes into a CLIENT_HELLO. */
export interface ClientHelloOptions {
  /** What the client offers. */
  readonly profile?: ClientProfile;
  /** Requested session id, u32; 0 (default) = any. rc2's server takes it verbatim. */
  readonly requestedSessionId?: number;
  /** Auth block: bytes, or text as UTF-8. Default empty. */
  readonly auth?: Uint8Array | string;
  /**
   * Requested model: extension 0xF003 and, if there is no auth block, rc2's way as well: the auth block
   * itself.
   */
  readonly model?: string;
  /** How the transport was or should be chosen (0x0101). Default: not sent. */
  readonly transportPolicy?: ClientHelloTransportPolicyExtension;
  /** Further control extensions; they take the place of those made here if they are of the same type. */
  readonly controlExtensions?: readonly ControlExtensionEntry[];
  /** Whether to offer streamed results (0xF001). Default true. */
  readonly streamedResults?: boolean;
  /** Whether to ask for a migration token (0xF002). Default true. */
  readonly migrationToken?: boolean;
  /** Whether to understand a CLOSE that asks to come back (0xF004). Default: as `streamedResults`. */
  readonly comeBack?: boolean;
}

/** A hello that can be written: metadata and body. The header has flag ACK_REQUIRED and all ids 0. */
export interface ClientHello {
  /** Metadata of the packet (wire spec §4.1). */
  readonly metadata: ClientHelloMetadata;
  /** Control extensions, then the auth block. */
  readonly body: Uint8Array;
}

/**
 * Builds a CLIENT_HELLO: metadata, control extensions and auth block.
 *
 * @throws NnrpValueError if an extension breaks a rule; numbers are checked when the metadata is encoded.
 */
export function buildClientHello(options: ClientHelloOptions = {}): ClientHello {
  const { profile = {}, model, requestedSessionId = 0 } = options;
  const encoder = new TextEncoder();
  let auth = typeof options.auth === "string"
    ? encoder.encode(options.auth)
    : options.auth ?? new Uint8Array(0);
  if (auth.length === 0 && model !== undefined) auth = encoder.encode(model);
  const block = encodeControlExtensions(helloExtensions(options, profile));
  const cache = profile.enableCache ?? true;
  return {
    metadata: {
      minVersionMajor: VERSION_MAJOR,
      maxVersionMajor: VERSION_MAJOR,
      supportedWireFormatBitmap: 1 << WireFormat.CURRENT,
      supportedProfileBitmap: 0x1,
      supportedPayloadKindBitmap: profile.payloadKindBitmap ?? 0x1,
      supportedCodecBitmap: profile.codecBitmap ?? 0x3,
      supportedCompressionBitmap: profile.compressionBitmap ?? 0x3,
      supportedDtypeBitmap: profile.dtypeBitmap ?? 0x1f,
      supportedLayoutBitmap: profile.layoutBitmap ?? 0x3,
      cacheDigestBitmap: 0x1, // with the cache off, too, in rc2
      cacheObjectBitmap: cache ? profile.cacheObjectBitmap ?? 0x7 : 0,
      cacheNamespaceCount: cache ? 1 : 0,
      maxLaneCount: profile.maxViews ?? 1,
      maxCacheEntries: cache ? profile.maxCacheEntries ?? DEFAULT_MAX_CACHE_ENTRIES : 0,
      maxCacheBytes: cache ? profile.maxCacheBytes ?? DEFAULT_MAX_CACHE_BYTES : 0,
      targetCadenceX100: profile.targetCadenceX100 ?? 6000,
      latencyBudgetMs: profile.latencyBudgetMs ?? 50,
      qualityTier: profile.qualityTier ?? 2,
      degradePolicy: profile.degradePolicy ?? 0,
      requestedSessionId,
      authBytes: auth.length,
      controlExtensionBytes: block.length,
    },
    body: joinHelloBody(block, auth),
  };
}

/** Policy first, then what the profile adds, the caller's, our private ones (behaviour spec §6.1). */
function helloExtensions(options: ClientHelloOptions, profile: ClientProfile): ControlExtensionEntry[] {
  const { model, transportPolicy, controlExtensions = [], streamedResults = true, migrationToken = true } =
    options;
  const { comeBack = streamedResults } = options;
  const first: ControlExtensionEntry[] = [];
  const last: ControlExtensionEntry[] = [];
  if (transportPolicy !== undefined) first.push(CLIENT_HELLO_TRANSPORT_POLICY.entry(transportPolicy));
  if (profile.lossTolerance !== undefined) {
    first.push(CLIENT_HELLO_LOSS_TOLERANCE.entry({ sessionLossTolerance: profile.lossTolerance }));
  }
  if (profile.payloadKindBitmap !== undefined) {
    const { payloadKindBitmap } = profile;
    first.push(
      CLIENT_HELLO_PAYLOAD_CAPABILITIES.entry({ payloadKindBitmap, criticalExtensionFrameBitmap: 0 }),
    );
  }
  if (streamedResults) last.push(streamedResultsEntry());
  if (migrationToken) last.push(migrationTokenEntry(new Uint8Array(MIGRATION_TOKEN_SIZE)));
  if (comeBack) last.push(comeBackEntry());
  if (model !== undefined) last.push(requestedModelEntry(model));
  const isOurs = ({ extType }: ControlExtensionEntry): boolean =>
    findExtension(controlExtensions, extType) === undefined;
  return [...first.filter(isOurs), ...controlExtensions, ...last.filter(isOurs)];
}
