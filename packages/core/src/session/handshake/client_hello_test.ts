import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { LossTolerance, TransportId, TransportPolicy } from "../../wire/enums.ts";
import { decodeClientHelloBody } from "../../wire/hello_body.ts";
import { ControlExtensionType, findExtension } from "../../wire/known_extensions.ts";
import { buildClientHello } from "./client_hello.ts";

const { TCP } = TransportId;
const token = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

test("the hello says what rc2's client says", () => {
  const { metadata } = buildClientHello({
    streamedResults: false,
    migrationToken: false,
    requestedSessionId: 1,
  });
  assertEquals(metadata, {
    minVersionMajor: 1,
    maxVersionMajor: 1,
    supportedWireFormatBitmap: 1,
    supportedProfileBitmap: 1,
    supportedPayloadKindBitmap: 1,
    supportedCodecBitmap: 3,
    supportedCompressionBitmap: 3,
    supportedDtypeBitmap: 0x1f,
    supportedLayoutBitmap: 3,
    cacheDigestBitmap: 1,
    cacheObjectBitmap: 7,
    cacheNamespaceCount: 1,
    maxLaneCount: 1,
    maxCacheEntries: 256,
    maxCacheBytes: 8388608,
    targetCadenceX100: 6000,
    latencyBudgetMs: 50,
    qualityTier: 2,
    degradePolicy: 0,
    requestedSessionId: 1,
    authBytes: 0,
    controlExtensionBytes: 0,
  });
});

test("a client without cache offers none", () => {
  const { metadata } = buildClientHello({ profile: { enableCache: false, maxViews: 2, maxCacheEntries: 5 } });
  const { cacheObjectBitmap, cacheNamespaceCount, maxCacheEntries, maxCacheBytes, maxLaneCount } = metadata;
  assertEquals([cacheObjectBitmap, cacheNamespaceCount, maxCacheEntries, maxCacheBytes, maxLaneCount], [
    0,
    0,
    0,
    0,
    2,
  ]);
});

test("the body has the extensions, policy first, then the auth block", () => {
  const { metadata, body } = buildClientHello({
    auth: "secret",
    model: "m1",
    transportPolicy: { transportPolicy: TransportPolicy.PREFER_TCP, preferredTransportId: TCP },
    profile: { lossTolerance: LossTolerance.LOW_LATENCY, payloadKindBitmap: 0x3 },
    controlExtensions: [{ extType: 0xf100, payload: token }, {
      extType: ControlExtensionType.MIGRATION_TOKEN,
      payload: token,
    }],
  });
  const { controlExtensions, authBlock } = decodeClientHelloBody(metadata, body);
  assertEquals(
    controlExtensions.map(({ extType }) => extType),
    [0x0101, 0x0103, 0x0105, 0xf100, 0xf002, 0xf001, 0xf004, 0xf003],
  );
  assertEquals(
    findExtension(controlExtensions, 0xf002)?.payload,
    token,
    "the caller's entry takes the place of ours",
  );
  assertEquals(new TextDecoder().decode(authBlock), "secret");
  assertEquals(metadata.supportedPayloadKindBitmap, 0x3);
});
