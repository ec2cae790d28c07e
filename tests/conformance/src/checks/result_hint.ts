/**
 * RESULT_HINT: what the server advises, for a frame or the whole session (wire spec §4.10, behaviour spec §10).
 *
 * @module
 */
import {
  buildResultHintPacket,
  encodePacket,
  ResultHintBudgetPolicy,
  ResultHintCongestionState,
  type ResultHintMetadata,
  ResultHintReason,
} from "@nnrp/core";
import { changed, type Check, exactLength, refused, refusedBytes, survives } from "../check.ts";
import { goldenBytes, matchesGolden } from "../golden.ts";
import { type Fields, recordOf } from "../record_codecs.ts";

const GOLDEN = "current.packet.result_hint";
const KIND = "result_hint_metadata";
const METADATA = 40;

/** The golden packet. */
export const goldenResultHint: Check = () => matchesGolden(GOLDEN);

/** Every known value of each field; none beyond. */
export const resultHintRules: Check = () => {
  const golden = goldenBytes(GOLDEN);
  const metadata = golden.slice(METADATA);
  const sets = [ResultHintBudgetPolicy, ResultHintCongestionState, ResultHintReason];
  const keys = ["appliedBudgetPolicy", "congestionState", "reason"];
  const { decode, encode } = recordOf(KIND);
  sets.forEach((set, i) => {
    const values: readonly number[] = Object.values(set);
    for (const value of values) survives(KIND, changed(metadata, 4 * i, value), `${keys[i]} ${value}`);
    const beyond = Math.max(...values) + 1;
    for (const value of [beyond, 0xff]) {
      refusedBytes(KIND, changed(metadata, 4 * i, value), `${keys[i]} ${value}`);
    }
    refusedBytes(KIND, changed(metadata, 4 * i + 3, 1), `${keys[i]} beyond 2^24`);
    refused(
      () => encode({ ...decode(metadata), [keys[i]]: beyond } as Fields),
      `writing ${keys[i]} ${beyond}`,
    );
  });
  survives(KIND, changed(metadata, 12, 0xff, 0xff, 0xff, 0xff), "the longest retry time");
  exactLength(KIND, metadata);
  exactLength("result_hint_packet", golden);
  refusedBytes("result_hint_packet", changed(golden, 6, 0x17), "a packet of another message");
  const advice = decode(metadata) as unknown as ResultHintMetadata;
  for (const frameId of [0, 0xffffffff]) {
    survives(
      "result_hint_packet",
      encodePacket(buildResultHintPacket({ metadata: advice, sessionId: 1, frameId, viewId: 7 })),
      `hint about frame ${frameId}`,
    );
  }
};
