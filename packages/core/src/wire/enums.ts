/**
 * Every enumeration of the protocol (wire spec §12): one value per field. Bit sets are in `flags.ts`, names for numbers in
 * `enum_names.ts`. Record fields are typed `number`, since open sets let unknown numbers travel; compare with these constants.
 *
 * @module
 */
export * from "./control_enums.ts";

/** Message types (wire spec §3). Closed: the header reader refuses any other. */
export const MessageType = {
  /** First packet of a client. */
  CLIENT_HELLO: 0x01,
  /** The server's answer to it. */
  SERVER_HELLO_ACK: 0x02,
  /** Asks for other session parameters. */
  SESSION_PATCH: 0x03,
  /** Reports which fields of a patch were applied. */
  SESSION_PATCH_ACK: 0x04,
  /** Ends the session in order. */
  CLOSE: 0x05,
  /** Tells of a failure of the connection, the session or one frame. */
  ERROR: 0x06,
  /** A frame to work on. */
  FRAME_SUBMIT: 0x10,
  /** Takes a frame back. */
  FRAME_CANCEL: 0x11,
  /** A result, or a part of one. */
  RESULT_PUSH: 0x12,
  /** There will be no result for this frame. */
  RESULT_DROP: 0x13,
  /** Puts an object into the peer's cache. */
  CACHE_PUT: 0x14,
  /** Answers a CACHE_PUT. */
  CACHE_ACK: 0x15,
  /** Takes objects out of the peer's cache. */
  CACHE_INVALIDATE: 0x16,
  /** Grants, reduces or pauses credit. */
  FLOW_UPDATE: 0x17,
  /** Tells how results fare before or without a result. */
  RESULT_HINT: 0x18,
  /** Measures a path. */
  TRANSPORT_PROBE: 0x19,
  /** Answers a probe. */
  TRANSPORT_PROBE_ACK: 0x1a,
  /** Moves the session to this connection. */
  SESSION_MIGRATE: 0x1b,
  /** Answers a migration. */
  SESSION_MIGRATE_ACK: 0x1c,
  /** Asks for a PONG. */
  PING: 0x20,
  /** Answers a PING. */
  PONG: 0x21,
} as const;
/** A known message type. */
export type MessageType = typeof MessageType[keyof typeof MessageType];

/** Wire formats (wire spec §12). Closed. */
export const WireFormat = {
  /** The only one. */
  CURRENT: 0,
} as const;
/** A known wire format. */
export type WireFormat = typeof WireFormat[keyof typeof WireFormat];

/** What a submitted frame is to its stream (wire spec §12). Advisory: any number travels. */
export const FrameClass = {
  /** Stands alone. */
  KEYFRAME: 0,
  /** Depends on an earlier frame. */
  DELTA: 1,
  /** Sent again. */
  RETRANSMIT: 2,
  /** May be dropped first. */
  DISCARDABLE: 3,
} as const;
/** A known frame class. */
export type FrameClass = typeof FrameClass[keyof typeof FrameClass];

/** Codes of ERROR packets (wire spec §12). Advisory: any number travels. */
export const ErrorCode = {
  /** No common version or wire format. */
  UNSUPPORTED_VERSION: 1,
  /** The auth block was refused. */
  AUTH_FAILED: 2,
  /** The message does not fit the session's state. */
  INVALID_STATE: 3,
  /** A header or framing that cannot be read. */
  MALFORMED_HEADER: 4,
  /** Metadata or a body that cannot be read. */
  MALFORMED_BODY: 5,
  /** Something that was not agreed on in the hellos. */
  UNSUPPORTED_CAPABILITY: 6,
  /** A limit was exceeded. */
  LIMIT_EXCEEDED: 7,
  /** The frame's budget passed. */
  FRAME_EXPIRED: 8,
  /** The frame was cancelled. */
  FRAME_CANCELLED: 9,
  /** A referenced object is not in the cache. */
  CACHE_MISS: 10,
  /** Too much to do; see the retry time. */
  SERVER_BUSY: 11,
  /** A fault of the sender of the error. */
  INTERNAL_ERROR: 12,
} as const;
/** A known error code. */
export type ErrorCode = typeof ErrorCode[keyof typeof ErrorCode];

/** What an ERROR is about (wire spec §4.5). Closed. */
export const ErrorScope = {
  /** The connection. */
  CONNECTION: 0,
  /** The session. */
  SESSION: 1,
  /** One frame. */
  FRAME: 2,
} as const;
/** A known error scope. */
export type ErrorScope = typeof ErrorScope[keyof typeof ErrorScope];

/** Transports as the wire names them (wire spec §12). Closed. */
export const TransportId = {
  /** Not specified. */
  UNSPECIFIED: 0,
  /** QUIC, and WebTransport. */
  QUIC: 1,
  /** TCP, TLS, WebSocket and memory. */
  TCP: 2,
} as const;
/** A known transport. */
export type TransportId = typeof TransportId[keyof typeof TransportId];

/** How a client wants its transport chosen (wire spec §12). Closed. */
export const TransportPolicy = {
  /** Whatever works best. */
  AUTO: 0,
  /** QUIC if possible. */
  PREFER_QUIC: 1,
  /** TCP if possible. */
  PREFER_TCP: 2,
  /** QUIC or nothing. */
  FORCE_QUIC: 3,
  /** TCP or nothing. */
  FORCE_TCP: 4,
} as const;
/** A known transport policy. */
export type TransportPolicy = typeof TransportPolicy[keyof typeof TransportPolicy];

/** How much loss a session or frame bears (wire spec §12). Closed; FRAME_SUBMIT knows {@linkcode LOSS_TOLERANCE_INHERIT} too. */
export const LossTolerance = {
  /** None. */
  STRICT: 0,
  /** Some. */
  BEST_EFFORT: 1,
  /** Loss rather than delay. */
  LOW_LATENCY: 2,
  /** No answer is needed. */
  FIRE_AND_FORGET: 3,
} as const;
/** A known loss tolerance. */
export type LossTolerance = typeof LossTolerance[keyof typeof LossTolerance];

/** `loss_tolerance_policy` of a FRAME_SUBMIT that takes the session's (wire spec §6). */
export const LOSS_TOLERANCE_INHERIT = 0xff;

/** What the tiles of a submit are (wire spec §12). Closed. */
export const InputProfile = {
  /** Not specified. */
  UNSPECIFIED: 0,
  /** Luma of changed tiles. */
  CHANGED_TILES_LUMA: 1,
  /** Luma of the whole frame. */
  DENSE_LUMA_FRAME: 2,
} as const;
/** A known input profile. */
export type InputProfile = typeof InputProfile[keyof typeof InputProfile];

/** How tile ids are written (wire spec §10). Closed. */
export const TileIndexMode = {
  /** No bytes: a run from the base id. */
  DENSE_RANGE: 0,
  /** Two bytes per id. */
  RAW_U16: 1,
  /** First id, then differences. */
  DELTA_U16: 2,
  /** One bit per id. */
  BITSET: 3,
} as const;
/** A known tile index mode. */
export type TileIndexMode = typeof TileIndexMode[keyof typeof TileIndexMode];

/** Element types of tensors (wire spec §12). Closed. */
export const TensorDType = {
  /** IEEE half. */
  FP16: 0,
  /** IEEE single. */
  FP32: 1,
  /** 8-bit float, 4 exponent bits. */
  FP8_E4M3: 2,
  /** 8-bit float, 5 exponent bits. */
  FP8_E5M2: 3,
  /** Signed, 8 bits. */
  INT8: 4,
  /** Unsigned, 8 bits. */
  UINT8: 5,
  /** Signed, 16 bits. */
  INT16: 6,
  /** Unsigned, 16 bits. */
  UINT16: 7,
} as const;
/** A known element type. */
export type TensorDType = typeof TensorDType[keyof typeof TensorDType];

/** Memory layouts of tensors (wire spec §12). Closed. */
export const TensorLayout = {
  /** Channels last. */
  NHWC: 0,
  /** Channels first. */
  NCHW: 1,
} as const;
/** A known layout. */
export type TensorLayout = typeof TensorLayout[keyof typeof TensorLayout];

/** How quantised values are scaled (wire spec §12). Closed. */
export const ScalePolicy = {
  /** Not at all. */
  NONE: 0,
  /** By a factor. */
  LINEAR: 1,
  /** By a factor around a zero point. */
  ZERO_POINT: 2,
} as const;
/** A known scale policy. */
export type ScalePolicy = typeof ScalePolicy[keyof typeof ScalePolicy];

/** Where the objects of a submit are (wire spec §8.4). Closed. */
export const SubmitMode = {
  /** All in the packet. */
  INLINE: 0,
  /** All in the peer's cache. */
  REFERENCE: 1,
  /** Some here, some there. */
  MIXED: 2,
} as const;
/** A known submit mode. */
export type SubmitMode = typeof SubmitMode[keyof typeof SubmitMode];

/** How good a result is (wire spec §12). Closed. */
export const ResultClass = {
  /** All that was asked for. */
  COMPLETE: 0,
  /** A part. */
  PARTIAL: 1,
  /** An older result again. */
  STALE_REUSE: 2,
  /** In lower quality. */
  DEGRADED: 3,
} as const;
/** A known result class. */
export type ResultClass = typeof ResultClass[keyof typeof ResultClass];

/** Kinds of objects in bodies and caches (wire spec §12). Closed. A bit in a cache bitmap is `kind − 1`. */
export const CacheObjectKind = {
  /** Camera of a frame, opaque. */
  CAMERA_BLOCK: 1,
  /** Tile ids. */
  TILE_INDEX_BLOCK: 2,
  /** Tensor sections. */
  TENSOR_SECTION_TABLE: 3,
  /** Codec data. */
  CODEC_TABLE: 4,
  /** A result to use again. */
  REUSABLE_RESULT_OBJECT: 5,
  /** Layout of payloads. */
  PAYLOAD_LAYOUT_TEMPLATE: 6,
  /** Part of a prompt. */
  PROMPT_SEGMENT: 7,
  /** Schema of a tool. */
  TOOL_SCHEMA: 8,
  /** Schema of structured events. */
  STRUCTURED_EVENT_SCHEMA: 9,
  /** Alias of TILE_INDEX_BLOCK. */
  TILE_INDEX_TEMPLATE: 2,
  /** Alias of CODEC_TABLE. */
  CODEC_AUX_BLOCK: 4,
  /** Alias of REUSABLE_RESULT_OBJECT. */
  FALLBACK_RESOURCE: 5,
} as const;
/** A known object kind. */
export type CacheObjectKind = typeof CacheObjectKind[keyof typeof CacheObjectKind];
