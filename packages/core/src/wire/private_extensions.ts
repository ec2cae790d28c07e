/**
 * Our private control extensions, never CRITICAL, so that peers without them skip them (behaviour spec §6.6).
 *
 * @module
 */
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { readPeerText } from "../peer_text.ts";
import { asBytes } from "./byte_arguments.ts";
import type { ControlExtensionEntry } from "./extensions.ts";
import { checkExtensionType, ControlExtensionType } from "./known_extensions.ts";

/** Length of a migration token, bytes. */
export const MIGRATION_TOKEN_SIZE = 16;

/** 0xF001: this side tells final results by behaviour spec §8.6. */
export function streamedResultsEntry(): ControlExtensionEntry {
  return { extType: ControlExtensionType.STREAMED_RESULTS, extFlags: 0, payload: new Uint8Array(8) };
}

/**
 * 0xF002: the token for the next SESSION_MIGRATE, or 16 zero bytes in a hello that asks for one.
 *
 * @param token 16 bytes.
 * @throws NnrpValueError for another length.
 */
export function migrationTokenEntry(token: Uint8Array): ControlExtensionEntry {
  if (asBytes(token, "token").length !== MIGRATION_TOKEN_SIZE) {
    throw new NnrpValueError("has a fixed length", {
      field: "token",
      expected: MIGRATION_TOKEN_SIZE,
      actual: token.length,
    });
  }
  return { extType: ControlExtensionType.MIGRATION_TOKEN, extFlags: 0, payload: token };
}

/**
 * Reads 0xF002.
 *
 * @returns The 16 bytes, a view on the entry.
 * @throws NnrpWireError on another type or length.
 */
export function readMigrationToken(entry: ControlExtensionEntry): Uint8Array {
  checkExtensionType(entry, ControlExtensionType.MIGRATION_TOKEN, "migration_token");
  if (entry.payload.length !== MIGRATION_TOKEN_SIZE) {
    throw new NnrpWireError("has a fixed length", {
      field: "migration_token",
      expected: MIGRATION_TOKEN_SIZE,
      actual: entry.payload.length,
    });
  }
  return entry.payload;
}

/** 0xF004: a server's CLOSE says whether its client is to come back. */
export function comeBackEntry(): ControlExtensionEntry {
  return { extType: ControlExtensionType.COME_BACK, extFlags: 0, payload: new Uint8Array(8) };
}

/** 0xF003: the wished model, for hellos whose auth block is in use. */
export function requestedModelEntry(model: string): ControlExtensionEntry {
  return {
    extType: ControlExtensionType.REQUESTED_MODEL,
    extFlags: 0,
    payload: new TextEncoder().encode(model),
  };
}

/**
 * Reads 0xF003.
 *
 * @returns The model's name, at most 1 KiB of it; bytes that are no UTF-8 become U+FFFD.
 * @throws NnrpWireError on another type.
 */
export function readRequestedModel(entry: ControlExtensionEntry): string {
  checkExtensionType(entry, ControlExtensionType.REQUESTED_MODEL, "requested_model");
  return readPeerText(entry.payload);
}
