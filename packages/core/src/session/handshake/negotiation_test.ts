import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { ErrorCode, LossTolerance, TransportId, TransportPolicy } from "../../wire/enums.ts";
import type { ControlExtensionEntry } from "../../wire/extensions.ts";
import { decodeClientHelloBody } from "../../wire/hello_body.ts";
import { CLIENT_HELLO_PAYLOAD_CAPABILITIES, findExtension } from "../../wire/known_extensions.ts";
import type { ClientHelloMetadata } from "../../wire/metadata/client_hello.ts";
import {
  type AcceptedHello,
  buildClientHello,
  buildHelloAck,
  type ClientHelloOptions,
  type HelloAckChoice,
  type HelloAgreement,
  type HelloRefusal,
  judgeHello,
  readHelloAck,
  type ReceivedHello,
  type ServerCapabilities,
} from "./negotiation.ts";

const { QUIC, TCP } = TransportId;
const token = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const critical = (extType: number): ControlExtensionEntry => ({
  extType,
  extFlags: 1,
  payload: new Uint8Array(0),
});

/** The hello as the server sees it, with some metadata fields changed. */
function received(
  options: ClientHelloOptions = {},
  change: Partial<ClientHelloMetadata> = {},
): ReceivedHello {
  const { metadata, body } = buildClientHello(options);
  const { controlExtensions } = decodeClientHelloBody(metadata, body);
  return { metadata: { ...metadata, ...change }, controlExtensions };
}

function agreed(hello: ReceivedHello, can?: ServerCapabilities): HelloAgreement {
  const verdict = judgeHello(hello, can);
  assert(verdict.accepted, "refused");
  return verdict;
}

function refused(hello: ReceivedHello, can?: ServerCapabilities): HelloRefusal {
  const verdict = judgeHello(hello, can);
  assert(!verdict.accepted, "accepted");
  return verdict;
}

/** Hello and ack between two of ours. */
function handshake(
  options: ClientHelloOptions = {},
  can: ServerCapabilities = {},
  choice: Partial<HelloAckChoice> = {},
): AcceptedHello {
  const agreement = agreed(received(options), can);
  const ack = buildHelloAck(agreement, {
    sessionId: 9,
    activeTransportId: TCP,
    migrationToken: token,
    ...choice,
  });
  return readHelloAck(ack.metadata, ack.body);
}

test("a model without auth block travels both ways", () => {
  const { metadata, body } = buildClientHello({ model: "größe" });
  assertEquals(new TextDecoder().decode(decodeClientHelloBody(metadata, body).authBlock), "größe");
  assertEquals(agreed(received({ model: "größe" })).requestedModel, "größe");
  assertEquals(agreed(received()).requestedModel, undefined);
});

test("what a hello is refused for", () => {
  const { UNSUPPORTED_VERSION, LIMIT_EXCEEDED, UNSUPPORTED_CAPABILITY, MALFORMED_BODY } = ErrorCode;
  const kinds = (payloadKindBitmap: number): ClientHelloOptions => ({ profile: { payloadKindBitmap } });
  const table: [string, ReceivedHello, ServerCapabilities, number][] = [
    ["header of version 9", { ...received(), versionMajor: 9 }, {}, UNSUPPORTED_VERSION],
    ["versions 2…3", received({}, { minVersionMajor: 2, maxVersionMajor: 3 }), {}, UNSUPPORTED_VERSION],
    ["versions 0…0", received({}, { minVersionMajor: 0, maxVersionMajor: 0 }), {}, UNSUPPORTED_VERSION],
    ["wire format 1 only", received({}, { supportedWireFormatBitmap: 2 }), {}, UNSUPPORTED_VERSION],
    ["too many lanes", received({ profile: { maxViews: 5 } }), { maxLaneCount: 4 }, LIMIT_EXCEEDED],
    ["no codec", received({}, { supportedCodecBitmap: 4 }), {}, UNSUPPORTED_CAPABILITY],
    ["no dtype", received({}, { supportedDtypeBitmap: 1 }), { dtypeBitmap: 2 }, UNSUPPORTED_CAPABILITY],
    ["no layout", received({}, { supportedLayoutBitmap: 0 }), {}, UNSUPPORTED_CAPABILITY],
    ["no payload kind", received(kinds(0x4)), { payloadKindBitmap: 0x3 }, UNSUPPORTED_CAPABILITY],
    ["no payload kind at all", received({}, { supportedPayloadKindBitmap: 0 }), {}, UNSUPPORTED_CAPABILITY],
    ["unknown critical", received({ controlExtensions: [critical(0x7777)] }), {}, UNSUPPORTED_CAPABILITY],
    [
      "a server's extension, critical",
      received({ controlExtensions: [critical(0x0102)] }),
      {},
      UNSUPPORTED_CAPABILITY,
    ],
    ["malformed 0x0103", received({ controlExtensions: [critical(0x0103)] }), {}, MALFORMED_BODY],
  ];
  for (const [name, hello, can, code] of table) {
    const { errorCode, diagnostic } = refused(hello, can);
    assertEquals(errorCode, code, name);
    assert(diagnostic.length > 0, name);
  }
});

test("what a hello is not refused for", () => {
  const text = { payloadKindBitmap: 0x2 };
  const table: [string, ReceivedHello, ServerCapabilities][] = [
    ["versions 0…255", received({}, { minVersionMajor: 0, maxVersionMajor: 255 }), {}],
    [
      "unknown extension, not critical",
      received({ controlExtensions: [{ extType: 0x7777, payload: token }] }),
      {},
    ],
    ["critical, known to the application", received({ controlExtensions: [critical(0x7777)] }), {
      knownExtensionTypes: [0x7777],
    }],
    ["rc2's bitmap 1, a server without tensors", received(), text],
    [
      "text only, no tensor formats",
      received({ profile: text }, { supportedDtypeBitmap: 0, supportedCodecBitmap: 0 }),
      {},
    ],
    ["no lanes told", received({}, { maxLaneCount: 0 }), {}],
    ["no common compression", received({}, { supportedCompressionBitmap: 0 }), {}],
    ["undefined capabilities", received(), { codecBitmap: undefined, maxLaneCount: undefined }],
  ];
  for (const [name, hello, can] of table) assert(judgeHello(hello, can).accepted, name);
});

test("the ack tells what both have", () => {
  const hello = received({
    profile: {
      codecBitmap: 0x6,
      layoutBitmap: 0x1,
      maxViews: 3,
      maxCacheEntries: 10,
      degradePolicy: 0xff,
      targetCadenceX100: 9000,
    },
  });
  const { terms } = agreed(hello, {
    codecBitmap: 0x3,
    maxCacheBytes: 1000,
    degradePolicyBitmap: 0xf,
    maxTargetCadenceX100: 6000,
  });
  assertEquals(terms, {
    selectedVersionMajor: 1,
    selectedWireFormat: 0,
    authStatus: 0,
    acceptedProfileBitmap: 1,
    acceptedPayloadKindBitmap: 0x7f,
    acceptedCodecBitmap: 0x2,
    acceptedCompressionBitmap: 0x3,
    acceptedDtypeBitmap: 0x1f,
    acceptedLayoutBitmap: 0x1,
    cacheDigestBitmap: 1,
    cacheObjectBitmap: 7,
    maxCacheEntries: 10,
    maxCacheBytes: 1000,
    maxLaneCount: 3,
    maxConcurrentFrames: 64,
    targetCadenceX100: 6000,
    latencyBudgetMs: 50,
    qualityTier: 2,
    degradePolicy: 0xf,
    maxBodyBytes: 32 * 1024 * 1024,
    tokenTtlMs: 0,
    retryAfterMs: 0,
    serverFlags: 0,
  });
});

test("the cache is on only if both want it", () => {
  const table: [string, ClientHelloOptions, ServerCapabilities, boolean][] = [
    ["both", {}, {}, true],
    ["client off", { profile: { enableCache: false } }, {}, false],
    ["server off", {}, { enableCache: false }, false],
    ["no entries", {}, { maxCacheEntries: 0 }, false],
    ["no common kind", { profile: { cacheObjectBitmap: 0x1 } }, { cacheObjectBitmap: 0x2 }, false],
  ];
  for (const [name, options, can, on] of table) {
    const { metadata, cacheAnnounced } = handshake(options, can);
    assertEquals(cacheAnnounced, on, name);
    assertEquals([metadata.maxCacheEntries > 0, metadata.maxCacheBytes > 0, metadata.cacheObjectBitmap > 0], [
      on,
      on,
      on,
    ], name);
  }
});

test("payload kinds bind only those who told them in 0x0105", () => {
  const table: [string, ReceivedHello, number, number | null][] = [
    ["rc2's bitmap 1", received(), 0x7f, null],
    ["another bitmap", received({}, { supportedPayloadKindBitmap: 0x83 }), 0x03, null],
    ["0x0105", received({ profile: { payloadKindBitmap: 0x1 } }), 0x1, 0x1],
    [
      "0x0105 and another bitmap",
      received({
        controlExtensions: [
          CLIENT_HELLO_PAYLOAD_CAPABILITIES.entry({
            payloadKindBitmap: 0x6,
            criticalExtensionFrameBitmap: 0,
          }),
        ],
      }),
      0x6,
      0x6,
    ],
  ];
  for (const [name, hello, accepted, binding] of table) {
    const { terms, bindingPayloadKinds } = agreed(hello);
    assertEquals([terms.acceptedPayloadKindBitmap, bindingPayloadKinds], [accepted, binding], name);
  }
  assertEquals(handshake().payloadKinds, null);
  assertEquals(
    handshake({ profile: { payloadKindBitmap: 0x3 } }, { payloadKindBitmap: 0x6 }).payloadKinds,
    0x2,
  );
});

test("a wish for a transport is answered with what became of it", () => {
  const { AUTO, PREFER_QUIC, FORCE_TCP } = TransportPolicy;
  const table: [number, number, number][] = [
    [AUTO, TCP, AUTO],
    [PREFER_QUIC, QUIC, PREFER_QUIC],
    [PREFER_QUIC, TCP, AUTO],
    [FORCE_TCP, TCP, FORCE_TCP],
  ];
  for (const [transportPolicy, activeTransportId, acceptedTransportPolicy] of table) {
    const options = { transportPolicy: { transportPolicy, preferredTransportId: 0 } };
    assertEquals(handshake(options, {}, { activeTransportId }).transportPolicy, {
      transportPolicy,
      acceptedTransportPolicy,
      activeTransportId,
    });
  }
  assertEquals(handshake().transportPolicy, null);
});

test("loss tolerance is accepted up to what the server makes use of", () => {
  const options = { profile: { lossTolerance: LossTolerance.FIRE_AND_FORGET } };
  assertEquals(handshake(options).lossTolerance, LossTolerance.FIRE_AND_FORGET);
  assertEquals(
    handshake(options, { maxLossTolerance: LossTolerance.BEST_EFFORT }).lossTolerance,
    LossTolerance.BEST_EFFORT,
  );
  assertEquals(handshake().lossTolerance, null);
});

test("streamed results and migration tokens only if both sides say so", () => {
  assertEquals([handshake().streamedResults, handshake().migrationToken], [true, token]);
  assertEquals(handshake({ streamedResults: false }).streamedResults, false);
  assertEquals(handshake({}, { streamedResults: false }).streamedResults, false);
  assertEquals(handshake({ migrationToken: false }).migrationToken, null);
  assertEquals(handshake({}, {}, { migrationToken: undefined }).migrationToken, null);
  const ack = buildHelloAck(agreed(received()), { sessionId: 1, activeTransportId: TCP });
  assertEquals(
    readHelloAck(ack.metadata, ack.body, { streamedResultsOffered: false }).streamedResults,
    false,
  );
});

test("session id, model and further extensions are the host's", () => {
  const { sessionId, modelName, controlExtensions } = handshake({ requestedSessionId: 3 }, {}, {
    sessionId: 77,
    modelName: "größe",
    controlExtensions: [{ extType: 0xf100, payload: token }],
  });
  assertEquals([sessionId, modelName, findExtension(controlExtensions, 0xf100)?.payload], [
    77,
    "größe",
    token,
  ]);
  assertEquals(agreed(received({ requestedSessionId: 3 })).requestedSessionId, 3);
});
