import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import fc from "fast-check";
import { results, resultTargets, submits } from "../../tests/body_arbitraries.ts";
import { NnrpValueError } from "../errors.ts";
import { HeaderFlags, PayloadKind } from "../wire/flags.ts";
import { decodeFrameSubmitMetadata, type FrameSubmitMetadata } from "../wire/metadata/frame_submit.ts";
import { decodeResultPushMetadata, type ResultPushMetadata } from "../wire/metadata/result_push.ts";
import { PacketBuffer } from "../wire/outbox.ts";
import { decodePacket, type NnrpPacket } from "../wire/packet.ts";
import { WriteQueue } from "../wire/write_queue.ts";
import {
  decodeFrameSubmitBody,
  encodeFrameSubmit,
  type SubmitRequest,
  toSubmitRequest,
} from "./frame_submit.ts";
import {
  decodeResultPushBody,
  decodeResultPushBodyLenient,
  encodeResultPush,
  type ResultFields,
  type ResultTarget,
} from "./result_push.ts";
import { TypedPayload } from "./typed_payloads.ts";

const RUNS = { numRuns: 400 };

function submitPacket(request: SubmitRequest, sessionId = 1): Uint8Array {
  const out = new PacketBuffer();
  encodeFrameSubmit(out, sessionId, request);
  return out.toBytes();
}

function resultPacket(target: ResultTarget, result: ResultFields): Uint8Array {
  const out = new PacketBuffer();
  encodeResultPush(out, 1, target, result);
  return out.toBytes();
}

function submitMetadata({ metadata }: NnrpPacket): FrameSubmitMetadata {
  return decodeFrameSubmitMetadata(new DataView(metadata.buffer, metadata.byteOffset), 0, metadata.length);
}

function resultMetadata({ metadata }: NnrpPacket): ResultPushMetadata {
  return decodeResultPushMetadata(new DataView(metadata.buffer, metadata.byteOffset), 0, metadata.length);
}

/** What a request must come back as: typed submits lose their geometry, references stand for what was given along. */
function expectedOf(request: SubmitRequest): SubmitRequest {
  const typed = request.typedPayloads ?? [];
  const kinds = typed.reduce((bits, { payloadKind }) => bits | payloadKind, 0);
  const camera = request.cameraBlock;
  const tensor = typed.length === 0 || (request.tileIds?.length ?? 0) > 0 ||
    (request.sections?.length ?? 0) > 0 ||
    (camera?.length ?? 0) > 0;
  const kept: SubmitRequest = tensor ? request : {
    ...request,
    srcWidth: 0,
    srcHeight: 0,
    tileWidth: 0,
    tileHeight: 0,
    inputProfile: 0,
    tileIndexMode: 1,
    tileBaseId: 0,
  };
  return {
    ...kept,
    tileIds: request.tileIndexReference ? [] : request.tileIds ?? [],
    sections: request.tensorSectionTableReference ? [] : request.sections ?? [],
    cameraBlock: request.cameraReference || !camera?.length ? undefined : camera,
    typedPayloads: typed,
    payloadKindBitmap: typed.length === 0
      ? request.payloadKindBitmap ?? PayloadKind.TENSOR
      : kinds | (tensor ? 1 : 0),
    payloadFrameCount: typed.length,
    submitMode: request.submitMode ?? 0,
    objectRefMask: request.objectRefMask ?? 0,
    cameraReference: request.cameraReference ?? null,
    tileIndexReference: request.tileIndexReference ?? null,
    tensorSectionTableReference: request.tensorSectionTableReference ?? null,
  };
}

/** Sections in words that compare: a codec table that says nothing new is gone. */
function sectionsOf(request: SubmitRequest | ResultFields): unknown[] {
  return (request.sections ?? []).map((s) => [
    s.roleId,
    s.dtypeId,
    s.layoutId,
    s.scalePolicy,
    s.payloadStrideBytes,
    s.elementCountPerTile,
    s.tilePayloads.map((
      payload,
      i,
    ) => [Array.from(payload), s.codecIds?.length ? s.codecIds[i] : s.defaultCodecId]),
  ]);
}

test("a submit of any kind comes back as it was given", () => {
  fc.assert(
    fc.property(submits, (request) => {
      const packet = decodePacket(submitPacket(request));
      const metadata = submitMetadata(packet);
      const read = toSubmitRequest(packet.header, metadata, decodeFrameSubmitBody(metadata, packet.body));
      const expected = expectedOf(request);
      assertEquals(sectionsOf(read), sectionsOf(expected));
      assertEquals({ ...read, sections: [] }, { ...expected, sections: [] });
      assertEquals(metadata.tileCount, request.tileIds?.length ?? 0);
      assertEquals(metadata.sectionCount, request.sections?.length ?? 0);
    }),
    RUNS,
  );
});

test("a received submit that refers to nothing is written again as the same bytes", () => {
  fc.assert(
    fc.property(submits, (request) => {
      fc.pre(!request.submitMode);
      const bytes = submitPacket(request);
      const packet = decodePacket(bytes);
      const metadata = submitMetadata(packet);
      const read = toSubmitRequest(packet.header, metadata, decodeFrameSubmitBody(metadata, packet.body));
      assertEquals(submitPacket(read), bytes);
    }),
    RUNS,
  );
});

test("a result of any kind comes back as it was given", () => {
  fc.assert(
    fc.property(resultTargets, results, (target, result) => {
      const { header, ...rest } = decodePacket(resultPacket(target, result));
      assertEquals({
        frameId: header.frameId,
        viewId: header.viewId,
        routeId: header.routeId,
        traceId: header.traceId,
      }, target);
      const packet = { header, ...rest };
      const metadata = resultMetadata(packet);
      const body = decodeResultPushBody(metadata, packet.body);
      const bare = result.payloadKindBitmap !== undefined;
      const plain = !bare && result.typedPayloads === undefined;
      assertEquals(body.layout, bare ? "none" : plain ? "plain" : "composed");
      assertEquals(body.typedPayloads, result.typedPayloads ?? []);
      assertEquals(body.tileIds, result.tileIndexReference ? null : result.tileIds ?? []);
      if (result.tensorSectionTableReference) assertEquals(body.sections, null);
      else assertEquals(sectionsOf({ sections: body.sections! }), sectionsOf(result));
      assertEquals(body.tileIndexReference, result.tileIndexReference ?? null);
      assertEquals(body.tensorSectionTableReference, result.tensorSectionTableReference ?? null);
      const references = (result.references?.length ?? 0) + (result.tileIndexReference ? 1 : 0) +
        (result.tensorSectionTableReference ? 1 : 0);
      assertEquals(body.references.length, references);
      for (
        const key of [
          "resultFlags",
          "activeProfileId",
          "inferenceMs",
          "queueMs",
          "serverTotalMs",
          "statusCode",
          "resultClass",
          "appliedBudgetPolicy",
          "reusedFrameId",
        ] as const
      ) assertEquals(metadata[key], result[key]!);
      assertEquals(decodeResultPushBodyLenient(metadata, packet.body).layout, body.layout);
    }),
    RUNS,
  );
});

test("it makes no difference which outbox is written to", () => {
  const big = new Uint8Array(40_000).fill(9);
  fc.assert(
    fc.property(fc.array(submits, { maxLength: 4 }), resultTargets, results, (requests, target, result) => {
      const queue = new WriteQueue();
      const buffer = new PacketBuffer(1);
      const withBig: SubmitRequest = {
        frameId: 1,
        typedPayloads: [TypedPayload.opaqueBytes(big), TypedPayload.tokenChunk("x")],
      };
      for (const out of [queue, buffer]) {
        for (const request of [...requests, withBig, ...requests]) encodeFrameSubmit(out, 7, request);
        encodeResultPush(out, 7, target, result, HeaderFlags.EOS);
      }
      const batch = queue.take()!;
      assertEquals(batch.length, buffer.length);
      const joined = new PacketBuffer();
      for (const range of batch.ranges) joined.append(range);
      assert(joined.toBytes().every((byte, i) => byte === buffer.bytes[i]));
      assert(batch.ranges.includes(big), "a large payload is not copied");
    }),
    { numRuns: 30 },
  );
});

/** Values that no field or only some fields take. */
const STRANGE = [
  -1,
  1.5,
  NaN,
  256,
  65536,
  2 ** 32,
  -1n,
  2n ** 64n,
  "x",
  true,
  {},
  [1],
  [null],
  new Uint8Array(3),
  Infinity,
];

test("a request with a strange value is written or refused by name, never written in part", () => {
  const keys = [
    ...[
      "frameId",
      "viewId",
      "routeId",
      "traceId",
      "flags",
      "srcWidth",
      "srcHeight",
      "tileWidth",
      "tileHeight",
      "tileIds",
    ],
    ...[
      "sections",
      "cameraBlock",
      "frameClass",
      "inputProfile",
      "tileIndexMode",
      "latencyBudgetMs",
      "targetFpsX100",
    ],
    ...["retryOfFrame", "tileBaseId", "submitMode", "objectRefMask", "cameraReference", "tileIndexReference"],
    ...[
      "tensorSectionTableReference",
      "budgetPolicy",
      "dependencyFrameId",
      "lossTolerancePolicy",
      "payloadKindBitmap",
    ],
    ...["payloadFrameCount", "typedPayloads"],
  ];
  fc.assert(
    fc.property(submits, fc.constantFrom(...keys), fc.constantFrom(...STRANGE), (request, key, value) => {
      const out = new PacketBuffer();
      try {
        encodeFrameSubmit(out, 1, { ...request, [key]: value } as SubmitRequest);
      } catch (error) {
        assertInstanceOf(error, NnrpValueError);
        assertEquals(out.length, 0);
        return;
      }
      const packet = decodePacket(out.toBytes());
      decodeFrameSubmitBody(submitMetadata(packet), packet.body); // what is written is read
    }),
    { numRuns: 1500 },
  );
});

test("a result with a strange value is written or refused by name, never written in part", () => {
  const keys = [
    ...[
      "tileIds",
      "sections",
      "typedPayloads",
      "resultFlags",
      "activeProfileId",
      "inferenceMs",
      "queueMs",
      "flags",
    ],
    ...["serverTotalMs", "statusCode", "tileIndexMode", "tileBaseId", "resultClass", "appliedBudgetPolicy"],
    ...["reusedFrameId", "coveredTileCount", "droppedTileCount", "payloadKindBitmap", "payloadFrameCount"],
    ...["references", "tileIndexReference", "tensorSectionTableReference"],
  ];
  fc.assert(
    fc.property(
      resultTargets,
      results,
      fc.constantFrom(...keys),
      fc.constantFrom(...STRANGE),
      (target, result, key, value) => {
        const out = new PacketBuffer();
        try {
          encodeResultPush(out, 1, target, { ...result, [key]: value } as ResultFields);
        } catch (error) {
          assertInstanceOf(error, NnrpValueError);
          assertEquals(out.length, 0);
          return;
        }
        const packet = decodePacket(out.toBytes());
        decodeResultPushBody(resultMetadata(packet), packet.body); // what is written is read
      },
    ),
    { numRuns: 1500 },
  );
});
