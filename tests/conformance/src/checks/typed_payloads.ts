/**
 * Typed payloads: descriptors, their payloads, and packets that carry nothing else (wire spec §8.2, §8.3).
 *
 * @module
 */
import {
  BodyRegions,
  buildFrameSubmitTypedPayloadPacket,
  buildResultPushTypedPayloadPacket,
  encodeBodyRegions,
  encodePacket,
  PacketBuffer,
  PacketCursor,
  PayloadKind,
  Result,
  type TypedPayload,
} from "@nnrp/core";
import { changed, type Check, equal, exactLength, refused, refusedBytes, survives } from "../check.ts";
import { goldenBytes, matchesGolden } from "../golden.ts";
import { PAYLOADS, readSubmit } from "./submit_samples.ts";

const DESCRIPTOR = "typed_payload_descriptor";
const REGION = "typed_payload_descriptor_region";
const TABLE = 32;

/** The golden descriptor and both golden regions. */
export const goldenTypedPayloads: Check = () => {
  matchesGolden("current.typed_payload.descriptor");
  matchesGolden("current.typed_payload.frame_descriptor_region");
  matchesGolden("current.typed_payload.frame_region");
};

/** Payloads of every kind, packed back to back; overlapping, descending or foreign ones are refused. */
export const typedPayloadRules: Check = () => {
  descriptorRules();
  const out = new PacketBuffer();
  encodeBodyRegions(out, { typedPayloads: PAYLOADS });
  const body = out.toBytes();
  const { typedPayloads, typedTableStart, typedStart } = new BodyRegions(body);
  equal(typedPayloads, PAYLOADS, "payloads");
  survives(REGION, body.subarray(typedTableStart, typedStart));
  survives(REGION, new Uint8Array(0), "no descriptors");
  refusedBytes(REGION, body.subarray(typedTableStart, typedStart - 1), "part of a descriptor");
  const offset = (index: number) => TABLE + 16 * index + 4;
  refused(() => new BodyRegions(changed(body, offset(1), 1)), "payloads that overlap");
  refused(() => new BodyRegions(changed(body, offset(5), 11)), "a payload beyond the region");
  refused(() => new BodyRegions(changed(body, offset(0) + 4, 0xff, 0xff, 0xff, 0xff)), "4 GiB of payload");

  const ids = { sessionId: 3, frameId: 4 };
  const submit = buildFrameSubmitTypedPayloadPacket({ ...ids, frames: PAYLOADS });
  survives("frame_submit_packet", encodePacket(submit), "a submit of payloads");
  equal(readSubmit(submit).body.typedPayloads, PAYLOADS, "payloads of a submit");
  const result = encodePacket(buildResultPushTypedPayloadPacket({ ...ids, frames: PAYLOADS }));
  survives("result_push_packet", result, "a result of payloads");
  equal(new Result(new PacketCursor(result)).typedPayloads, PAYLOADS, "payloads of a result");
  for (const [what, frame] of REFUSED) {
    refused(() => buildFrameSubmitTypedPayloadPacket({ ...ids, frames: [frame] }), `submitting ${what}`);
    refused(() => buildResultPushTypedPayloadPacket({ ...ids, frames: [frame] }), `sending ${what}`);
  }
  refused(() => buildFrameSubmitTypedPayloadPacket({ ...ids, frames: [] }), "submitting no payload");
  refusedBytes("result_push_packet", changed(result, 40 + 60, 5), "a payload more than stated");
  refusedBytes("result_push_packet", changed(result, 40 + 56, 0x7c), "a kind that was not promised");
};

const REFUSED: readonly (readonly [string, TypedPayload])[] = [
  ["kind TENSOR", { ...PAYLOADS[0], payloadKind: PayloadKind.TENSOR }],
  ["no kind", { ...PAYLOADS[0], payloadKind: 0 }],
  ["two kinds", { ...PAYLOADS[0], payloadKind: 6 }],
  ["an unknown kind", { ...PAYLOADS[0], payloadKind: 0x80 }],
  ["descriptor flags", { ...PAYLOADS[0], descriptorFlags: 1 }],
  ["a profile beyond 65535", { ...PAYLOADS[0], profileId: 65536 }],
];

function descriptorRules(): void {
  const golden = goldenBytes("current.typed_payload.descriptor");
  exactLength(DESCRIPTOR, golden);
  for (let kind = 0; kind < 256; kind++) {
    const bytes = changed(golden, 0, kind);
    const one = kind !== 0 && kind < 0x80 && (kind & (kind - 1)) === 0;
    if (one) survives(DESCRIPTOR, bytes, `kind ${kind}`);
    else refusedBytes(DESCRIPTOR, bytes, `kind ${kind}`);
  }
  refusedBytes(DESCRIPTOR, changed(golden, 1, 1), "descriptor flags");
  for (let at = 12; at < 16; at++) refusedBytes(DESCRIPTOR, changed(golden, at, 1), `reserved byte ${at}`);
}
