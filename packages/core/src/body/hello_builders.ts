/**
 * Packets of the two hellos as rc2's endpoints write them (wire spec §4.1, §4.2, §11).
 *
 * @module
 */
import { DEFAULT_MAX_BODY_BYTES, DEFAULT_MAX_CACHE_BYTES } from "../wire/limits.ts";
import { NnrpValueError } from "../errors.ts";
import { asBytes } from "../wire/byte_arguments.ts";
import { MessageType, TransportId, TransportPolicy, WireFormat } from "../wire/enums.ts";
import { type ControlExtensionEntry, encodeControlExtensions } from "../wire/extensions.ts";
import { HeaderFlags } from "../wire/flags.ts";
import { VERSION_MAJOR } from "../wire/header.ts";
import { joinHelloBody } from "../wire/hello_body.ts";
import { checkU32, shown } from "../wire/integers.ts";
import {
  CLIENT_HELLO_TRANSPORT_POLICY,
  type ClientHelloTransportPolicyExtension,
} from "../wire/known_extensions.ts";
import { CLIENT_HELLO_RECORD } from "../wire/metadata/client_hello.ts";
import { SERVER_HELLO_ACK_RECORD } from "../wire/metadata/server_hello_ack.ts";
import { makePacket, type NnrpPacket } from "../wire/packet.ts";

/** How a client wants its transport chosen; an id of 0 is the same as none. */
export interface TransportChoice {
  /** TransportPolicy. Default: not sent. */
  readonly transportPolicy?: number | null;
  /** TransportId that goes with the policy. Default 0. */
  readonly preferredTransportId?: number;
  /** TransportId that was selected, for example by a probe: becomes PREFER. Default 0. */
  readonly selectedTransportId?: number;
  /** TransportId that must be taken: becomes FORCE. Default 0. */
  readonly forcedTransportId?: number;
}

/** Arguments of {@linkcode buildClientHelloPacket}. */
export interface ClientHelloPacketOptions extends TransportChoice {
  /** Session the client would like, u32; 0 = any. Default 1, as rc2. */
  readonly requestedSessionId?: number;
  /** Opaque bytes for the server's authentication. Default none. */
  readonly authBlock?: Uint8Array;
  /** Model, in place of an auth block: rc2 sends its name as one. Default none. */
  readonly requestedModel?: string | null;
  /** A packed extension block, copied unchecked. Default empty. */
  readonly controlExtensions?: Uint8Array;
  /** Further extensions, after that block. Default none. */
  readonly extraExtensions?: readonly ControlExtensionEntry[];
  /** The policy extension itself, in place of the four fields of the choice. Default none. */
  readonly transportPolicyExtension?: ClientHelloTransportPolicyExtension | null;
  /** What the client offers. */
  readonly clientProfile?: {
    /** Lanes, u16. Default 1. */
    readonly maxViews?: number;
    /** Whether to use the server's cache. Default true. */
    readonly enableCache?: boolean;
    /** Objects it would like to keep there, u32. Default 256. */
    readonly maxCacheEntries?: number;
    /** Bytes it would like to keep there, u32. Default 8 MiB. */
    readonly maxCacheBytes?: number;
  };
}

/**
 * The policy extension that a choice becomes (wire spec §11).
 *
 * @returns null if nothing was chosen.
 * @throws NnrpValueError if selected and forced differ, or one of them is given along with a policy or preference.
 */
export function resolveTransportChoice(choice: TransportChoice): ClientHelloTransportPolicyExtension | null {
  const {
    preferredTransportId: preferred = 0,
    selectedTransportId: selected = 0,
    forcedTransportId: forced = 0,
  } = choice;
  const policy = choice.transportPolicy ?? undefined;
  checkTransport(preferred, "preferredTransportId");
  checkTransport(selected, "selectedTransportId");
  checkTransport(forced, "forcedTransportId");
  if (forced !== 0 && selected !== 0 && forced !== selected) {
    throw new NnrpValueError("another transport is forced than was selected", {
      field: "forcedTransportId",
      expected: selected,
      actual: forced,
    });
  }
  if (forced !== 0 || selected !== 0) {
    if (policy !== undefined || preferred !== 0) {
      throw new NnrpValueError("a selected or forced transport is the policy", {
        field: policy !== undefined ? "transportPolicy" : "preferredTransportId",
        expected: "none",
        actual: policy ?? preferred,
      });
    }
    const quic = (forced || selected) === TransportId.QUIC;
    return forced !== 0
      ? {
        transportPolicy: quic ? TransportPolicy.FORCE_QUIC : TransportPolicy.FORCE_TCP,
        preferredTransportId: forced,
      }
      : {
        transportPolicy: quic ? TransportPolicy.PREFER_QUIC : TransportPolicy.PREFER_TCP,
        preferredTransportId: selected,
      };
  }
  if (policy === undefined && preferred === 0) return null;
  return { transportPolicy: policy ?? TransportPolicy.AUTO, preferredTransportId: preferred };
}

/**
 * A CLIENT_HELLO as rc2's client writes it: its capabilities, the policy extension first, then the others, then the auth block.
 *
 * @throws NnrpValueError if the transport is chosen twice, auth block and model are both given, or a number does not fit.
 */
export function buildClientHelloPacket(options: ClientHelloPacketOptions = {}): NnrpPacket {
  const { clientProfile = {}, requestedSessionId = 1, extraExtensions = [] } = options;
  const policy = policyEntries(options);
  const block = joinHelloBody(
    encodeControlExtensions(policy),
    joinHelloBody(options.controlExtensions ?? new Uint8Array(0), encodeControlExtensions(extraExtensions)),
  );
  const auth = authBlock(options);
  const cache = clientProfile.enableCache ?? true;
  const metadata = new Uint8Array(CLIENT_HELLO_RECORD.size);
  CLIENT_HELLO_RECORD.encode(
    {
      minVersionMajor: VERSION_MAJOR,
      maxVersionMajor: VERSION_MAJOR,
      supportedWireFormatBitmap: 1 << WireFormat.CURRENT,
      supportedProfileBitmap: 0x1,
      supportedPayloadKindBitmap: 0x1,
      supportedCodecBitmap: 0x3,
      supportedCompressionBitmap: 0x3,
      supportedDtypeBitmap: 0x1f,
      supportedLayoutBitmap: 0x3,
      cacheDigestBitmap: 0x1,
      cacheObjectBitmap: cache ? 0x7 : 0,
      cacheNamespaceCount: cache ? 1 : 0,
      maxLaneCount: clientProfile.maxViews ?? 1,
      maxCacheEntries: cache ? clientProfile.maxCacheEntries ?? 256 : 0,
      maxCacheBytes: cache ? clientProfile.maxCacheBytes ?? DEFAULT_MAX_CACHE_BYTES : 0,
      targetCadenceX100: 6000,
      latencyBudgetMs: 50,
      qualityTier: 2,
      degradePolicy: 0,
      requestedSessionId,
      authBytes: auth.length,
      controlExtensionBytes: block.length,
    },
    new DataView(metadata.buffer),
    0,
  );
  return makePacket({
    msgType: MessageType.CLIENT_HELLO,
    flags: HeaderFlags.ACK_REQUIRED,
    metadata,
    body: joinHelloBody(block, auth),
  });
}

/** Arguments of {@linkcode buildServerHelloAckPacket}. */
export interface ServerHelloAckPacketOptions {
  /** Session that was opened, u32. */
  readonly sessionId: number;
  /** Model that answers. */
  readonly activeModelName: string;
  /** What the server grants. */
  readonly serverProfile?: {
    /** Frames in flight, u16. Default 1. */
    readonly maxConcurrentFrames?: number;
    /** Longest body, bytes, u32. Default 32 MiB. */
    readonly maxBodyBytes?: number;
  };
}

/**
 * A SERVER_HELLO_ACK as rc2's server writes it: its capabilities and the model name, no extensions.
 *
 * @throws NnrpValueError if a number does not fit.
 */
export function buildServerHelloAckPacket(options: ServerHelloAckPacketOptions): NnrpPacket {
  const { sessionId, activeModelName, serverProfile = {} } = options;
  checkU32(sessionId, "sessionId");
  const metadata = new Uint8Array(SERVER_HELLO_ACK_RECORD.size);
  SERVER_HELLO_ACK_RECORD.encode(
    {
      selectedVersionMajor: VERSION_MAJOR,
      selectedWireFormat: WireFormat.CURRENT,
      authStatus: 0,
      sessionId,
      acceptedProfileBitmap: 0x1,
      acceptedPayloadKindBitmap: 0x7f,
      acceptedCodecBitmap: 0x3,
      acceptedCompressionBitmap: 0x3,
      acceptedDtypeBitmap: 0x1f,
      acceptedLayoutBitmap: 0x3,
      cacheDigestBitmap: 0,
      cacheObjectBitmap: 0,
      maxCacheEntries: 0,
      maxCacheBytes: 0,
      maxLaneCount: 1,
      maxConcurrentFrames: serverProfile.maxConcurrentFrames ?? 1,
      targetCadenceX100: 0,
      latencyBudgetMs: 0,
      qualityTier: 0,
      degradePolicy: 0,
      maxBodyBytes: serverProfile.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
      tokenTtlMs: 0,
      retryAfterMs: 0,
      controlExtensionBytes: 0,
      serverFlags: 0,
    },
    new DataView(metadata.buffer),
    0,
  );
  return makePacket({
    msgType: MessageType.SERVER_HELLO_ACK,
    flags: HeaderFlags.ACK_REQUIRED,
    sessionId,
    metadata,
    body: new TextEncoder().encode(activeModelName),
  });
}

function policyEntries(options: ClientHelloPacketOptions): ControlExtensionEntry[] {
  const chosen = resolveTransportChoice(options);
  const given = options.transportPolicyExtension ?? null;
  if (given !== null && chosen !== null) {
    throw new NnrpValueError("the transport is chosen twice", { field: "transportPolicyExtension" });
  }
  const extension = given ?? chosen;
  return extension === null ? [] : [CLIENT_HELLO_TRANSPORT_POLICY.entry(extension)];
}

function authBlock(options: ClientHelloPacketOptions): Uint8Array {
  const auth = asBytes(options.authBlock ?? new Uint8Array(0), "authBlock");
  const model = options.requestedModel ?? undefined;
  if (model === undefined) return auth;
  if (auth.length > 0) {
    throw new NnrpValueError("a model is sent in place of an auth block", {
      field: "requestedModel",
      actual: shown(model),
    });
  }
  return new TextEncoder().encode(model);
}

function checkTransport(id: number, field: string): void {
  if (id !== TransportId.UNSPECIFIED && id !== TransportId.QUIC && id !== TransportId.TCP) {
    throw new NnrpValueError("unknown transport", { field, expected: "0…2", actual: shown(id) });
  }
}
