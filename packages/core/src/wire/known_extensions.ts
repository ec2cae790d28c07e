/**
 * The six control extensions of wire spec §5, each one value that makes and reads entries; and the types of all known ones,
 * our private ones (`private_extensions.ts`) included.
 *
 * @module
 */
import { NnrpWireError } from "../errors.ts";
import { LossTolerance, TransportId, TransportPolicy } from "./enums.ts";
import type { ControlExtensionEntry } from "./extensions.ts";
import { PayloadKind } from "./flags.ts";
import { closedEnum, closedFlags, u32, u8, ZERO } from "./metadata/fields.ts";
import { type AnyRecord, defineRecord, type WireRecord } from "./metadata/record.ts";

/** Types of the known control extensions. A receiver skips unknown types, unless they are CRITICAL. */
export const ControlExtensionType = {
  /** How the client wants its transport chosen. */
  CLIENT_HELLO_TRANSPORT_POLICY: 0x0101,
  /** How it was chosen. */
  SERVER_ACK_TRANSPORT_POLICY: 0x0102,
  /** How much loss the client's session bears. */
  CLIENT_HELLO_LOSS_TOLERANCE: 0x0103,
  /** What of it was accepted. */
  SERVER_ACK_LOSS_TOLERANCE: 0x0104,
  /** Which payloads the client will send. */
  CLIENT_HELLO_PAYLOAD_CAPABILITIES: 0x0105,
  /** Which of them were accepted. */
  SERVER_ACK_PAYLOAD_CAPABILITIES: 0x0106,
  /** Private: both sides tell final results by behaviour spec §8.6. */
  STREAMED_RESULTS: 0xf001,
  /** Private: token for the next SESSION_MIGRATE (behaviour spec §11). */
  MIGRATION_TOKEN: 0xf002,
  /** Private: the wished model, beside an auth block. */
  REQUESTED_MODEL: 0xf003,
  /** Private: a server's CLOSE says whether to come back. */
  COME_BACK: 0xf004,
} as const;
/** A known type of control extension. */
export type ControlExtensionType = typeof ControlExtensionType[keyof typeof ControlExtensionType];

/** A known control extension with a payload of 8 bytes. */
export interface KnownExtension<T> {
  /** Its ControlExtensionType. */
  readonly extType: number;
  /** Its payload as a table. */
  readonly record: WireRecord<T>;
  /** Makes an entry, flags 0. Throws NnrpValueError if a field breaks a rule. */
  readonly entry: (fields: T) => ControlExtensionEntry;
  /** Reads an entry. Throws NnrpWireError on another type, another length or a broken rule. */
  readonly read: (entry: ControlExtensionEntry) => Required<T>;
}

/** Payload of 0x0101. */
export interface ClientHelloTransportPolicyExtension {
  /** TransportPolicy. */
  readonly transportPolicy: number;
  /** TransportId the client would like; 0 = none. */
  readonly preferredTransportId: number;
}

/** Payload of 0x0102. */
export interface ServerHelloAckTransportPolicyExtension {
  /** TransportPolicy of the hello. */
  readonly transportPolicy: number;
  /** TransportPolicy that was accepted. */
  readonly acceptedTransportPolicy: number;
  /** TransportId of this connection. */
  readonly activeTransportId: number;
}

/** Payload of 0x0103. */
export interface ClientHelloLossToleranceExtension {
  /** LossTolerance of the session. */
  readonly sessionLossTolerance: number;
}

/** Payload of 0x0104. */
export interface ServerHelloAckLossToleranceExtension {
  /** LossTolerance that was accepted. */
  readonly acceptedLossTolerance: number;
}

/** Payload of 0x0105. */
export interface ClientHelloPayloadCapabilitiesExtension {
  /** PayloadKind bits. */
  readonly payloadKindBitmap: number;
  /** Always 0. */
  readonly criticalExtensionFrameBitmap: number;
}

/** Payload of 0x0106. */
export interface ServerHelloAckPayloadCapabilitiesExtension {
  /** PayloadKind bits. */
  readonly acceptedPayloadKindBitmap: number;
  /** Always 0. */
  readonly acceptedCriticalExtensionFrameBitmap: number;
}

const POLICY = closedEnum(TransportPolicy);
const TRANSPORT = closedEnum(TransportId);
const TOLERANCE = closedEnum(LossTolerance);
const KINDS = closedFlags(PayloadKind);
/** Seven reserved bytes that readers insist on. */
const STRICT_GAP = [{ offset: 1, size: 7, mustBeZero: true }];

/** 0x0101: how the client wants its transport chosen. */
export const CLIENT_HELLO_TRANSPORT_POLICY: KnownExtension<ClientHelloTransportPolicyExtension> = known(
  ControlExtensionType.CLIENT_HELLO_TRANSPORT_POLICY,
  defineRecord<ClientHelloTransportPolicyExtension>({
    name: "client_hello_transport_policy_extension",
    size: 8,
    stage: "body",
    fields: { transportPolicy: u8(0, POLICY), preferredTransportId: u32(4, TRANSPORT) },
    gaps: [{ offset: 1, size: 3, mustBeZero: false }],
  }),
);

/** 0x0102: how the transport was chosen. */
export const SERVER_ACK_TRANSPORT_POLICY: KnownExtension<ServerHelloAckTransportPolicyExtension> = known(
  ControlExtensionType.SERVER_ACK_TRANSPORT_POLICY,
  defineRecord<ServerHelloAckTransportPolicyExtension>({
    name: "server_hello_ack_transport_policy_extension",
    size: 8,
    stage: "body",
    fields: {
      transportPolicy: u8(0, POLICY),
      acceptedTransportPolicy: u8(1, POLICY),
      activeTransportId: u32(4, TRANSPORT),
    },
    gaps: [{ offset: 2, size: 2, mustBeZero: false }],
  }),
);

/** 0x0103: how much loss the client's session bears. */
export const CLIENT_HELLO_LOSS_TOLERANCE: KnownExtension<ClientHelloLossToleranceExtension> = known(
  ControlExtensionType.CLIENT_HELLO_LOSS_TOLERANCE,
  defineRecord<ClientHelloLossToleranceExtension>({
    name: "client_hello_loss_tolerance_extension",
    size: 8,
    stage: "body",
    fields: { sessionLossTolerance: u8(0, TOLERANCE) },
    gaps: STRICT_GAP,
  }),
);

/** 0x0104: what of it was accepted. */
export const SERVER_ACK_LOSS_TOLERANCE: KnownExtension<ServerHelloAckLossToleranceExtension> = known(
  ControlExtensionType.SERVER_ACK_LOSS_TOLERANCE,
  defineRecord<ServerHelloAckLossToleranceExtension>({
    name: "server_hello_ack_loss_tolerance_extension",
    size: 8,
    stage: "body",
    fields: { acceptedLossTolerance: u8(0, TOLERANCE) },
    gaps: STRICT_GAP,
  }),
);

/** 0x0105: which payloads the client will send. */
export const CLIENT_HELLO_PAYLOAD_CAPABILITIES: KnownExtension<ClientHelloPayloadCapabilitiesExtension> =
  known(
    ControlExtensionType.CLIENT_HELLO_PAYLOAD_CAPABILITIES,
    defineRecord<ClientHelloPayloadCapabilitiesExtension>({
      name: "client_hello_payload_capabilities_extension",
      size: 8,
      stage: "body",
      fields: { payloadKindBitmap: u32(0, KINDS), criticalExtensionFrameBitmap: u32(4, ZERO) },
    }),
  );

/** 0x0106: which of them were accepted. */
export const SERVER_ACK_PAYLOAD_CAPABILITIES: KnownExtension<ServerHelloAckPayloadCapabilitiesExtension> =
  known(
    ControlExtensionType.SERVER_ACK_PAYLOAD_CAPABILITIES,
    defineRecord<ServerHelloAckPayloadCapabilitiesExtension>({
      name: "server_hello_ack_payload_capabilities_extension",
      size: 8,
      stage: "body",
      fields: {
        acceptedPayloadKindBitmap: u32(0, KINDS),
        acceptedCriticalExtensionFrameBitmap: u32(4, ZERO),
      },
    }),
  );

/** Payloads of the six extensions of wire spec §5 by type, for whoever walks them. */
export const KNOWN_EXTENSION_RECORDS: ReadonlyMap<number, AnyRecord> = new Map<number, AnyRecord>(
  [
    CLIENT_HELLO_TRANSPORT_POLICY,
    SERVER_ACK_TRANSPORT_POLICY,
    CLIENT_HELLO_LOSS_TOLERANCE,
    SERVER_ACK_LOSS_TOLERANCE,
    CLIENT_HELLO_PAYLOAD_CAPABILITIES,
    SERVER_ACK_PAYLOAD_CAPABILITIES,
  ].map(({ extType, record }) => [extType, record]),
);

/** The first entry of a type, if there is one. */
export function findExtension(
  entries: readonly ControlExtensionEntry[],
  extType: number,
): ControlExtensionEntry | undefined {
  return entries.find((entry) => entry.extType === extType);
}

function known<T>(extType: number, record: WireRecord<T>): KnownExtension<T> {
  return {
    extType,
    record,
    entry: (fields: T): ControlExtensionEntry => {
      const payload = new Uint8Array(record.size);
      record.encode(fields, new DataView(payload.buffer), 0);
      return { extType, extFlags: 0, payload };
    },
    read: (entry: ControlExtensionEntry): Required<T> => {
      checkExtensionType(entry, extType, record.name);
      const { payload } = entry;
      return record.decode(
        new DataView(payload.buffer, payload.byteOffset, payload.byteLength),
        0,
        payload.byteLength,
      );
    },
  };
}

/**
 * Refuses an entry of another type.
 *
 * @param field What was to be read, for the error.
 * @throws NnrpWireError if the type is not `extType`.
 */
export function checkExtensionType(entry: ControlExtensionEntry, extType: number, field: string): void {
  if (entry.extType !== extType) {
    throw new NnrpWireError("is an entry of another type", {
      field,
      expected: extType,
      actual: entry.extType,
    });
  }
}
