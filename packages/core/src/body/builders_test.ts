import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { NnrpValueError } from "../errors.ts";
import { MessageType } from "../wire/enums.ts";
import { decodeClientHelloBody, decodeServerHelloAckBody } from "../wire/hello_body.ts";
import { CLIENT_HELLO_TRANSPORT_POLICY } from "../wire/known_extensions.ts";
import { decodeClientHelloMetadata } from "../wire/metadata/client_hello.ts";
import type { FlowUpdateMetadata } from "../wire/metadata/flow_update.ts";
import { decodeResultPushMetadata } from "../wire/metadata/result_push.ts";
import { decodeServerHelloAckMetadata } from "../wire/metadata/server_hello_ack.ts";
import { decodePacket, encodePacket, type NnrpPacket } from "../wire/packet.ts";
import {
  buildFlowUpdatePacket,
  buildFrameCancelPacket,
  buildHeaderOnlyPacket,
  buildPingPacket,
  buildPongPacket,
  buildResultDropPacket,
  buildResultHintPacket,
  buildSessionMigrateAckPacket,
  buildSessionMigratePacket,
  buildTransportProbeAckPacket,
  buildTransportProbePacket,
} from "./builders.ts";
import {
  buildDegradedResultPushPacket,
  buildFrameSubmitMixedPacket,
  buildFrameSubmitPacket,
  buildFrameSubmitTypedPayloadPacket,
  buildPartialResultPushPacket,
  buildResultPushMixedPacket,
  buildResultPushPacket,
  buildResultPushTypedPayloadPacket,
  buildStaleReuseResultPushPacket,
} from "./frame_builders.ts";
import {
  buildClientHelloPacket,
  buildServerHelloAckPacket,
  resolveTransportChoice,
} from "./hello_builders.ts";
import { TypedPayload } from "./typed_payloads.ts";

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const FRAME = { sessionId: 1, frameId: 2, viewId: 3, routeId: 4, traceId: 5n, flags: 8 };
const FRAMES = [TypedPayload.tokenChunk("hi")];
const FLOW: FlowUpdateMetadata = {
  scopeKind: 1,
  updateReason: 0,
  backpressureLevel: 0,
  connectionCredit: 0,
  sessionCredit: 4,
  operationCredit: 0,
  operationId: 0n,
  retryAfterMs: 0,
  creditEpoch: 1,
  flags: 1,
};
const refusal = (build: () => NnrpPacket): string => assertThrows(build, NnrpValueError).field;

test("packets have version 1, the right lengths and the ids that were given", () => {
  const packets: [NnrpPacket, number, number, number][] = [
    [buildFrameCancelPacket(FRAME), MessageType.FRAME_CANCEL, 0, 0],
    [buildResultDropPacket(FRAME), MessageType.RESULT_DROP, 0, 0],
    [buildHeaderOnlyPacket({ ...FRAME, msgType: MessageType.FRAME_CANCEL }), MessageType.FRAME_CANCEL, 0, 0],
    [
      buildResultHintPacket({
        ...FRAME,
        metadata: { appliedBudgetPolicy: 4, congestionState: 1, reason: 3, retryAfterMs: 9 },
      }),
      MessageType.RESULT_HINT,
      16,
      0,
    ],
    [buildFrameSubmitPacket(FRAME), MessageType.FRAME_SUBMIT, 72, 0],
    [buildFrameSubmitTypedPayloadPacket({ ...FRAME, frames: FRAMES }), MessageType.FRAME_SUBMIT, 72, 50],
    [buildResultPushPacket(FRAME), MessageType.RESULT_PUSH, 64, 0],
    [buildResultPushTypedPayloadPacket({ ...FRAME, frames: FRAMES }), MessageType.RESULT_PUSH, 64, 50],
  ];
  for (const [packet, msgType, metaLen, bodyLen] of packets) {
    assertEquals(packet.header, {
      versionMajor: 1,
      wireFormat: 0,
      headerLen: 40,
      msgType,
      metaLen,
      bodyLen,
      ...FRAME,
    });
    assertEquals(decodePacket(encodePacket(packet)), packet);
  }
});

test("packets of the session leave frame and view 0", () => {
  const { frameId: _frame, viewId: _view, ...session } = FRAME;
  const body = Uint8Array.of(1, 2);
  const packets: [NnrpPacket, number][] = [
    [buildPingPacket(session), MessageType.PING],
    [buildPongPacket(session), MessageType.PONG],
    [buildFlowUpdatePacket({ ...session, metadata: FLOW }), MessageType.FLOW_UPDATE],
    [
      buildTransportProbePacket({
        ...session,
        metadata: { probeId: 1, probePayloadBytes: 2, clientSendTsUs: 3n },
        body,
      }),
      MessageType.TRANSPORT_PROBE,
    ],
    [
      buildTransportProbeAckPacket({ ...session, metadata: { probeId: 1, serverRecvTsUs: 3n } }),
      MessageType.TRANSPORT_PROBE_ACK,
    ],
    [
      buildSessionMigratePacket({
        ...session,
        metadata: { oldTransportId: 1, newTransportId: 2, lastResultFrameId: 0n, clientMigrateTsUs: 0n },
        body,
      }),
      MessageType.SESSION_MIGRATE,
    ],
    [
      buildSessionMigrateAckPacket({
        ...session,
        metadata: { acceptCode: 0, resumeFromFrameId: 0n, graceWindowMs: 0, serverMigrateTsUs: 0n },
      }),
      MessageType.SESSION_MIGRATE_ACK,
    ],
  ];
  for (const [{ header, metadata, body: rest }, msgType] of packets) {
    assertEquals([header.msgType, header.sessionId, header.frameId, header.viewId], [msgType, 1, 0, 0]);
    assertEquals([header.routeId, header.traceId, header.flags], [4, 5n, 8]);
    assertEquals([header.metaLen, header.bodyLen], [metadata.length, rest.length]);
  }
  assertEquals(buildPingPacket().header.sessionId, 0);
});

test("only three types are a header alone", () => {
  assertEquals(refusal(() => buildHeaderOnlyPacket({ msgType: MessageType.RESULT_DROP })), "msgType");
  assertEquals(refusal(() => buildPingPacket({ sessionId: -1 })), "sessionId");
});

test("the scope of a flow update goes with the session id", () => {
  const connection = { ...FLOW, scopeKind: 0, sessionCredit: 0, connectionCredit: 4 };
  assertEquals(buildFlowUpdatePacket({ metadata: connection }).header.sessionId, 0);
  assertEquals(refusal(() => buildFlowUpdatePacket({ metadata: connection, sessionId: 1 })), "sessionId");
  assertEquals(refusal(() => buildFlowUpdatePacket({ metadata: FLOW })), "sessionId");
});

test("a probe states the length of its body", () => {
  const metadata = { probeId: 1, probePayloadBytes: 2, clientSendTsUs: 3n };
  assertEquals(
    refusal(() => buildTransportProbePacket({ metadata, body: new Uint8Array(3) })),
    "probePayloadBytes",
  );
});

test("special results set class, flag and policy that belong together", () => {
  const tiles = {
    ...FRAME,
    tileIds: [1, 2],
    sections: [{ roleId: 1, dtypeId: 5, tilePayloads: [new Uint8Array(1), new Uint8Array(1)] }],
  };
  const read = ({ metadata }: NnrpPacket): number[] => {
    const m = decodeResultPushMetadata(viewOf(metadata), 0, metadata.length);
    return [m.resultClass, m.resultFlags, m.appliedBudgetPolicy, m.reusedFrameId, m.droppedTileCount];
  };
  assertEquals(read(buildPartialResultPushPacket({ ...tiles, coveredTileCount: 1, droppedTileCount: 1 })), [
    1,
    4,
    1,
    0,
    1,
  ]);
  assertEquals(read(buildStaleReuseResultPushPacket({ ...tiles, reusedFrameId: 9 })), [2, 1, 2, 9, 0]);
  assertEquals(read(buildDegradedResultPushPacket(tiles)), [3, 2, 4, 0, 0]);
  assertEquals(
    refusal(() => buildPartialResultPushPacket({ ...tiles, coveredTileCount: 2, droppedTileCount: 0 })),
    "droppedTileCount",
  );
});

test("typed and mixed builders want what their name says", () => {
  assertEquals(refusal(() => buildFrameSubmitTypedPayloadPacket({ ...FRAME, frames: [] })), "frames");
  assertEquals(refusal(() => buildResultPushTypedPayloadPacket({ ...FRAME, frames: [] })), "frames");
  assertEquals(refusal(() => buildFrameSubmitMixedPacket({ ...FRAME, frames: [], tileIds: [1] })), "frames");
  assertEquals(refusal(() => buildFrameSubmitMixedPacket({ ...FRAME, frames: FRAMES })), "tileIds");
  assertEquals(
    refusal(() => buildResultPushMixedPacket({ ...FRAME, frames: FRAMES, tileIds: [] })),
    "tileIds",
  );
  assert(
    buildFrameSubmitMixedPacket({ ...FRAME, frames: FRAMES, cameraBlock: Uint8Array.of(1) }).body.length > 0,
  );
  assert(buildResultPushMixedPacket({ ...FRAME, frames: FRAMES, tileIds: [1] }).body.length > 0);
});

test("a client hello carries rc2's offers, its policy, extensions and auth block in this order", () => {
  const { header, metadata, body } = buildClientHelloPacket({
    selectedTransportId: 2,
    authBlock: Uint8Array.of(7),
    extraExtensions: [{ extType: 0x900, payload: Uint8Array.of(1) }],
    clientProfile: { enableCache: false },
  });
  const fields = decodeClientHelloMetadata(viewOf(metadata), 0, metadata.length);
  assertEquals([header.flags, header.sessionId, fields.requestedSessionId], [1, 0, 1]);
  assertEquals([fields.cacheObjectBitmap, fields.maxCacheEntries, fields.cacheDigestBitmap], [0, 0, 1]);
  const read = decodeClientHelloBody(fields, body);
  assertEquals(read.authBlock, Uint8Array.of(7));
  assertEquals(read.controlExtensions.map((e) => e.extType), [0x0101, 0x900]);
  assertEquals(CLIENT_HELLO_TRANSPORT_POLICY.read(read.controlExtensions[0]), {
    transportPolicy: 2,
    preferredTransportId: 2,
  });
});

test("a wished model takes the place of the auth block", () => {
  const { body } = buildClientHelloPacket({ requestedModel: "mö" });
  assertEquals(new TextDecoder().decode(body), "mö");
  assertEquals(
    refusal(() => buildClientHelloPacket({ requestedModel: "", authBlock: Uint8Array.of(1) })),
    "requestedModel",
  );
});

test("a transport is chosen once", () => {
  assertEquals(resolveTransportChoice({}), null);
  assertEquals(resolveTransportChoice({ transportPolicy: 0 }), {
    transportPolicy: 0,
    preferredTransportId: 0,
  });
  assertEquals(resolveTransportChoice({ preferredTransportId: 1 }), {
    transportPolicy: 0,
    preferredTransportId: 1,
  });
  assertEquals(resolveTransportChoice({ selectedTransportId: 1 }), {
    transportPolicy: 1,
    preferredTransportId: 1,
  });
  assertEquals(resolveTransportChoice({ forcedTransportId: 1, selectedTransportId: 1 }), {
    transportPolicy: 3,
    preferredTransportId: 1,
  });
  assertEquals(resolveTransportChoice({ forcedTransportId: 2 }), {
    transportPolicy: 4,
    preferredTransportId: 2,
  });
  const transportPolicyExtension = { transportPolicy: 1, preferredTransportId: 1 };
  assert(buildClientHelloPacket({ transportPolicyExtension }).body.length === 16);
  const refused: [Parameters<typeof buildClientHelloPacket>[0], string][] = [
    [{ selectedTransportId: 1, forcedTransportId: 2 }, "forcedTransportId"],
    [{ selectedTransportId: 1, transportPolicy: 0 }, "transportPolicy"],
    [{ forcedTransportId: 1, preferredTransportId: 1 }, "preferredTransportId"],
    [{ forcedTransportId: 3 }, "forcedTransportId"],
    [{ transportPolicy: 5 }, "transportPolicy"],
    [{ transportPolicyExtension, preferredTransportId: 1 }, "transportPolicyExtension"],
  ];
  for (const [options, field] of refused) assertEquals(refusal(() => buildClientHelloPacket(options)), field);
});

test("a server hello ack carries the model's name and no extensions", () => {
  const { header, metadata, body } = buildServerHelloAckPacket({ sessionId: 7, activeModelName: "sr" });
  const fields = decodeServerHelloAckMetadata(viewOf(metadata), 0, metadata.length);
  assertEquals([header.flags, header.sessionId, fields.sessionId, fields.maxBodyBytes], [1, 7, 7, 33554432]);
  assertEquals(decodeServerHelloAckBody(fields, body), { controlExtensions: [], activeModelName: "sr" });
  assertEquals(
    refusal(() => buildServerHelloAckPacket({ sessionId: 2 ** 32, activeModelName: "" })),
    "sessionId",
  );
});
