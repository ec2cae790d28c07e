import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { NnrpProtocolError, NnrpWireError } from "../../errors.ts";
import { ErrorCode } from "../../wire/enums.ts";
import { type ControlExtensionEntry, encodeControlExtensions } from "../../wire/extensions.ts";
import { ControlExtensionType } from "../../wire/known_extensions.ts";
import type { ServerHelloAckMetadata } from "../../wire/metadata/server_hello_ack.ts";
import { streamedResultsEntry } from "../../wire/private_extensions.ts";
import { type AcceptedHello, readHelloAck, type ReadHelloAckOptions } from "./accepted_hello.ts";

/** The ack of rc2's server: constants, no extensions. */
const rc2Ack: ServerHelloAckMetadata = {
  selectedVersionMajor: 1,
  selectedWireFormat: 0,
  authStatus: 0,
  sessionId: 5,
  acceptedProfileBitmap: 1,
  acceptedPayloadKindBitmap: 0x7f,
  acceptedCodecBitmap: 3,
  acceptedCompressionBitmap: 3,
  acceptedDtypeBitmap: 0x1f,
  acceptedLayoutBitmap: 3,
  cacheDigestBitmap: 0,
  cacheObjectBitmap: 0,
  maxCacheEntries: 0,
  maxCacheBytes: 0,
  maxLaneCount: 1,
  maxConcurrentFrames: 1,
  targetCadenceX100: 0,
  latencyBudgetMs: 0,
  qualityTier: 0,
  degradePolicy: 0,
  maxBodyBytes: 33554432,
  tokenTtlMs: 0,
  retryAfterMs: 0,
  controlExtensionBytes: 0,
  serverFlags: 0,
};

/** Reads an ack with these extensions. */
function readWith(
  entries: readonly ControlExtensionEntry[],
  change: Partial<ServerHelloAckMetadata> = {},
  options?: ReadHelloAckOptions,
): AcceptedHello {
  const body = encodeControlExtensions(entries);
  return readHelloAck({ ...rc2Ack, controlExtensionBytes: body.length, ...change }, body, options);
}

test("rc2's ack is read: its 1 concurrent frame is no word at all", () => {
  const ack = readHelloAck(rc2Ack, new TextEncoder().encode("model-a"));
  assertEquals(
    [
      ack.sessionId,
      ack.modelName,
      ack.maxConcurrentFrames,
      ack.maxBodyBytes,
      ack.cacheAnnounced,
      ack.streamedResults,
    ],
    [5, "model-a", 64, 33554432, false, false],
  );
  assertEquals([ack.migrationToken, ack.transportPolicy, ack.lossTolerance, ack.payloadKinds], [
    null,
    null,
    null,
    null,
  ]);
});

test("the limit of frames in flight counts where the server means it", () => {
  const none = new Uint8Array(0);
  assertEquals(readHelloAck({ ...rc2Ack, maxConcurrentFrames: 2 }, none).maxConcurrentFrames, 2);
  assertEquals(readHelloAck({ ...rc2Ack, maxConcurrentFrames: 0 }, none).maxConcurrentFrames, 64);
  assertEquals(readWith([streamedResultsEntry()]).maxConcurrentFrames, 1);
  assertEquals(readHelloAck({ ...rc2Ack, maxBodyBytes: 0 }, none).maxBodyBytes, 0xffff_ffff);
});

test("an ack the client must not go on with", () => {
  const wrongVersion = { ...rc2Ack, selectedVersionMajor: 2 };
  const table: [string, ServerHelloAckMetadata, number][] = [
    ["auth_status", { ...rc2Ack, authStatus: 1, retryAfterMs: 30 }, ErrorCode.AUTH_FAILED],
    ["version", wrongVersion, ErrorCode.UNSUPPORTED_VERSION],
    ["wire format", { ...rc2Ack, selectedWireFormat: 1 }, ErrorCode.UNSUPPORTED_VERSION],
  ];
  for (const [name, metadata, code] of table) {
    const error = assertThrows(() => readHelloAck(metadata, new Uint8Array(0)), NnrpProtocolError);
    assertEquals(
      [error.errorCode, error.fatal, error.remote, error.errorScope],
      [code, true, false, 0],
      name,
    );
    assertEquals(error.retryAfterMs, metadata.retryAfterMs);
  }
  const critical = [{ extType: 0x7777, extFlags: 1, payload: new Uint8Array(0) }];
  const unknown = assertThrows(() => readWith(critical), NnrpProtocolError, "0x7777");
  assertEquals(unknown.errorCode, ErrorCode.UNSUPPORTED_CAPABILITY);
  assertEquals(readWith(critical, {}, { knownExtensionTypes: [0x7777] }).sessionId, 5);
});

test("a malformed body of an ack is a wire error", () => {
  assertThrows(() => readHelloAck({ ...rc2Ack, controlExtensionBytes: 9 }, new Uint8Array(8)), NnrpWireError);
  const short = { extType: ControlExtensionType.SERVER_ACK_TRANSPORT_POLICY, payload: new Uint8Array(7) };
  assertThrows(() => readWith([short]), NnrpWireError);
  assertThrows(() => readWith([{ ...short, extType: ControlExtensionType.MIGRATION_TOKEN }]), NnrpWireError);
});

test("streamed results hold only if the hello offered them too", () => {
  const ours = [streamedResultsEntry()];
  assertEquals(readWith(ours).streamedResults, true);
  assertEquals(readWith(ours, {}, { streamedResultsOffered: false }).streamedResults, false);
});
