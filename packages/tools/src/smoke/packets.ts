/**
 * The packets of the smoke test, byte for byte those of the reference (behaviour spec §15, "Smoke helpers").
 *
 * @module
 */
import {
  BudgetPolicy,
  buildClientHelloPacket,
  buildFrameSubmitPacket,
  buildPingPacket,
  buildResultPushPacket,
  type ClientHelloPacketOptions,
  encodeControlExtensions,
  InputProfile,
  joinHelloBody,
  makePacket,
  MessageType,
  type NnrpPacket,
  ResultClass,
  ResultFlags,
  SERVER_ACK_TRANSPORT_POLICY,
  SERVER_HELLO_ACK_RECORD,
  TensorDType,
  TileIndexMode,
  TransportPolicy,
  VERSION_MAJOR,
  WireFormat,
} from "@nnrp/core";

const text = (words: string) => new TextEncoder().encode(words);
const TILE_IDS: readonly number[] = [0, 1, 2];

/** Arguments of {@linkcode buildSmokeClientHelloPacket}. */
export type SmokeClientHelloOptions = Pick<
  ClientHelloPacketOptions,
  | "requestedSessionId"
  | "authBlock"
  | "controlExtensions"
  | "transportPolicy"
  | "preferredTransportId"
  | "selectedTransportId"
  | "forcedTransportId"
>;

/**
 * The hello of the smoke client: the one of every client.
 *
 * @param options What differs from the defaults.
 * @throws NnrpValueError if the transport is chosen twice or a number does not fit.
 */
export function buildSmokeClientHelloPacket(options: SmokeClientHelloOptions = {}): NnrpPacket {
  return buildClientHelloPacket(options);
}

/** How the smoke server says that the transport was chosen; nothing is said where all are left out. */
export interface SmokeTransportAnswer {
  /** TransportPolicy of the hello. */
  readonly transportPolicy?: number;
  /** TransportPolicy that was accepted. */
  readonly acceptedTransportPolicy?: number;
  /** TransportId of the connection. */
  readonly activeTransportId?: number;
}

/** Arguments of {@linkcode buildSmokeServerHelloAckPacket}. */
export interface SmokeServerHelloAckOptions extends SmokeTransportAnswer {
  /** Session that was opened, u32. */
  readonly sessionId: number;
  /** A packed extension block, copied unchecked. Default empty. */
  readonly controlExtensions?: Uint8Array;
  /** What follows the extensions. Default empty. */
  readonly body?: Uint8Array;
}

/**
 * The ack of the smoke server, with limits of its own. Its header carries session id 0; the id is in the metadata.
 *
 * @param options Session and extensions.
 * @throws NnrpValueError if a number does not fit.
 */
export function buildSmokeServerHelloAckPacket(options: SmokeServerHelloAckOptions): NnrpPacket {
  const { controlExtensions = new Uint8Array(0), body = new Uint8Array(0) } = options;
  const { transportPolicy, acceptedTransportPolicy, activeTransportId = 0 } = options;
  const told = transportPolicy !== undefined || acceptedTransportPolicy !== undefined ||
    activeTransportId !== 0;
  const policy = SERVER_ACK_TRANSPORT_POLICY;
  const entries = told
    ? [policy.entry({
      transportPolicy: transportPolicy ?? TransportPolicy.AUTO,
      acceptedTransportPolicy: acceptedTransportPolicy ?? TransportPolicy.AUTO,
      activeTransportId,
    })]
    : [];
  const block = joinHelloBody(encodeControlExtensions(entries), controlExtensions);
  const metadata = new Uint8Array(SERVER_HELLO_ACK_RECORD.size);
  SERVER_HELLO_ACK_RECORD.encode(
    {
      selectedVersionMajor: VERSION_MAJOR,
      selectedWireFormat: WireFormat.CURRENT,
      authStatus: 0,
      sessionId: options.sessionId,
      acceptedProfileBitmap: 0x1,
      acceptedPayloadKindBitmap: 0x1,
      acceptedCodecBitmap: 0x3,
      acceptedCompressionBitmap: 0x3,
      acceptedDtypeBitmap: 0x7,
      acceptedLayoutBitmap: 0x1,
      cacheDigestBitmap: 0x1,
      cacheObjectBitmap: 0x7,
      maxCacheEntries: 16,
      maxCacheBytes: 1024 * 1024,
      maxLaneCount: 1,
      maxConcurrentFrames: 2,
      targetCadenceX100: 6000,
      latencyBudgetMs: 50,
      qualityTier: 2,
      degradePolicy: 0,
      maxBodyBytes: 4 * 1024 * 1024,
      tokenTtlMs: 300_000,
      retryAfterMs: 0,
      controlExtensionBytes: block.length,
      serverFlags: 1,
    },
    new DataView(metadata.buffer),
    0,
  );
  return makePacket({ msgType: MessageType.SERVER_HELLO_ACK, metadata, body: joinHelloBody(block, body) });
}

/**
 * A PING.
 *
 * @param options Session, and trace id, 0n where left out.
 * @throws NnrpValueError if a number does not fit.
 */
export function buildSmokePingPacket(
  options: { readonly sessionId: number; readonly traceId?: bigint },
): NnrpPacket {
  return buildPingPacket(options);
}

/**
 * A CLOSE.
 *
 * @param options Session, and words for people, `"smoke-close"` where left out.
 */
export function buildSmokeClosePacket(
  options: { readonly sessionId: number; readonly reason?: string },
): NnrpPacket {
  const { sessionId, reason = "smoke-close" } = options;
  return makePacket({ msgType: MessageType.CLOSE, sessionId, body: text(reason) });
}

/** Numbers of a smoke frame. */
export interface SmokeFrameOptions {
  /** Session, u32. */
  readonly sessionId: number;
  /** Frame, u32. */
  readonly frameId: number;
  /** View, u16. Default 0. */
  readonly viewId?: number;
}

/**
 * The submit of the smoke client: three tiles of a 640×360 frame and a camera of eight bytes.
 *
 * @param options Its numbers.
 * @throws NnrpValueError if a number does not fit.
 */
export function buildSmokeSubmitPacket(options: SmokeFrameOptions): NnrpPacket {
  const { sessionId, frameId, viewId } = options;
  return buildFrameSubmitPacket({
    sessionId,
    frameId,
    viewId,
    srcWidth: 640,
    srcHeight: 360,
    tileWidth: 32,
    tileHeight: 32,
    tileIds: TILE_IDS,
    sections: [{
      roleId: 1,
      dtypeId: TensorDType.UINT8,
      tilePayloads: [text("aa"), text("bb"), text("cc")],
    }],
    cameraBlock: text("camera!!"),
    inputProfile: InputProfile.DENSE_LUMA_FRAME,
    tileIndexMode: TileIndexMode.RAW_U16,
    latencyBudgetMs: 50,
    targetFpsX100: 6000,
  });
}

/** Arguments of {@linkcode buildSmokeResultPacket}. */
export interface SmokeResultOptions extends SmokeFrameOptions {
  /** ResultFlags; with PARTIAL one of the three tiles counts as dropped. Default 0. */
  readonly resultFlags?: number;
}

/**
 * The result of the smoke server: three tiles, answered in 14 ms.
 *
 * @param options Its numbers.
 * @throws NnrpValueError if a number does not fit.
 */
export function buildSmokeResultPacket(options: SmokeResultOptions): NnrpPacket {
  const { sessionId, frameId, viewId, resultFlags = 0 } = options;
  const dropped = (resultFlags & ResultFlags.PARTIAL) === 0 ? 0 : 1;
  return buildResultPushPacket({
    sessionId,
    frameId,
    viewId,
    resultFlags,
    tileIds: TILE_IDS,
    sections: [{
      roleId: 100,
      dtypeId: TensorDType.UINT8,
      tilePayloads: [text("ra"), text("rb"), text("rc")],
    }],
    activeProfileId: 1,
    inferenceMs: 12,
    queueMs: 2,
    serverTotalMs: 14,
    resultClass: dropped === 0 ? ResultClass.COMPLETE : ResultClass.PARTIAL,
    appliedBudgetPolicy: dropped === 0 ? BudgetPolicy.NONE : BudgetPolicy.ALLOW_PARTIAL,
    coveredTileCount: TILE_IDS.length - dropped,
    droppedTileCount: dropped,
  });
}
