/**
 * Control extensions of the two hellos as the session sees them: which types are known, which ones must not be passed over,
 * what they say (behaviour spec §6.2, §6.6; wire spec §5).
 *
 * @module
 */
import type { ControlExtensionEntry } from "../../wire/extensions.ts";
import { ControlExtensionFlags } from "../../wire/flags.ts";
import {
  CLIENT_HELLO_LOSS_TOLERANCE,
  CLIENT_HELLO_PAYLOAD_CAPABILITIES,
  CLIENT_HELLO_TRANSPORT_POLICY,
  type ClientHelloTransportPolicyExtension,
  ControlExtensionType,
  findExtension,
  type KnownExtension,
} from "../../wire/known_extensions.ts";
import { readRequestedModel } from "../../wire/private_extensions.ts";

/** Types that a server of ours knows in a hello. */
export const HELLO_EXTENSION_TYPES: readonly number[] = [
  ControlExtensionType.CLIENT_HELLO_TRANSPORT_POLICY,
  ControlExtensionType.CLIENT_HELLO_LOSS_TOLERANCE,
  ControlExtensionType.CLIENT_HELLO_PAYLOAD_CAPABILITIES,
  ControlExtensionType.STREAMED_RESULTS,
  ControlExtensionType.MIGRATION_TOKEN,
  ControlExtensionType.REQUESTED_MODEL,
  ControlExtensionType.COME_BACK,
];

/** Types that a client of ours knows in an ack. */
export const ACK_EXTENSION_TYPES: readonly number[] = [
  ControlExtensionType.SERVER_ACK_TRANSPORT_POLICY,
  ControlExtensionType.SERVER_ACK_LOSS_TOLERANCE,
  ControlExtensionType.SERVER_ACK_PAYLOAD_CAPABILITIES,
  ControlExtensionType.STREAMED_RESULTS,
  ControlExtensionType.MIGRATION_TOKEN,
  ControlExtensionType.COME_BACK,
];

/** What the extensions of a hello say; null and undefined = nothing. */
export interface HelloExtensions {
  /** How the client wishes its transport chosen (0x0101). */
  readonly transportPolicy: ClientHelloTransportPolicyExtension | null;
  /** LossTolerance of the session (0x0103). */
  readonly lossTolerance: number | null;
  /** Payload kinds the client will send (0x0105). */
  readonly payloadKinds: number | null;
  /** Whether the client tells final results by behaviour spec §8.6 (0xF001). */
  readonly streamedResults: boolean;
  /** Whether it asks for a migration token (0xF002). */
  readonly wantsMigrationToken: boolean;
  /** Requested model (0xF003). */
  readonly requestedModel: string | undefined;
  /** Whether it understands a CLOSE that asks it to come back (0xF004). */
  readonly comeBack: boolean;
}

/**
 * Reads the extensions of a hello that are known here. Of several of one type the first counts.
 *
 * @throws NnrpWireError (stage body) if one of them is malformed.
 */
export function readHelloExtensions(entries: readonly ControlExtensionEntry[]): HelloExtensions {
  const read = <T>(known: KnownExtension<T>): Required<T> | null => {
    const entry = findExtension(entries, known.extType);
    return entry === undefined ? null : known.read(entry);
  };
  const model = findExtension(entries, ControlExtensionType.REQUESTED_MODEL);
  return {
    transportPolicy: read(CLIENT_HELLO_TRANSPORT_POLICY),
    lossTolerance: read(CLIENT_HELLO_LOSS_TOLERANCE)?.sessionLossTolerance ?? null,
    payloadKinds: read(CLIENT_HELLO_PAYLOAD_CAPABILITIES)?.payloadKindBitmap ?? null,
    streamedResults: findExtension(entries, ControlExtensionType.STREAMED_RESULTS) !== undefined,
    wantsMigrationToken: findExtension(entries, ControlExtensionType.MIGRATION_TOKEN) !== undefined,
    comeBack: findExtension(entries, ControlExtensionType.COME_BACK) !== undefined,
    requestedModel: model === undefined ? undefined : readRequestedModel(model),
  };
}

/** Whether a hello or an ack has an extension that only peers of ours have: such a peer answers pings. */
export function speaksOurs(entries: readonly ControlExtensionEntry[]): boolean {
  return findExtension(entries, ControlExtensionType.STREAMED_RESULTS) !== undefined ||
    findExtension(entries, ControlExtensionType.MIGRATION_TOKEN) !== undefined;
}

/** The first entry of an unknown type that says CRITICAL. */
export function unknownCritical(
  entries: readonly ControlExtensionEntry[],
  known: readonly number[],
): ControlExtensionEntry | undefined {
  return entries.find((entry) =>
    ((entry.extFlags ?? 0) & ControlExtensionFlags.CRITICAL) !== 0 && !known.includes(entry.extType)
  );
}
