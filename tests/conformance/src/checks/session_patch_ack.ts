/**
 * SESSION_PATCH_ACK: what was applied, what was not and why (wire spec §4.4).
 *
 * @module
 */
import {
  decodeSessionPatchAckBody,
  encodeSessionPatchBody,
  SessionPatchAckStatus,
  SessionPatchRejectReason,
} from "@nnrp/core";
import { changed, type Check, equal, exactLength, refused, refusedBytes, survives } from "../check.ts";
import { goldenBytes, matchesGolden } from "../golden.ts";
import { type Fields, recordOf } from "../record_codecs.ts";

const GOLDEN = "current.metadata.session_patch_ack";
const KIND = "session_patch_ack_metadata";

/** The golden metadata. */
export const goldenSessionPatchAck: Check = () => matchesGolden(GOLDEN);

/** Every status with every reason; no others; the profile block in the body. */
export const sessionPatchAckRules: Check = () => {
  const golden = goldenBytes(GOLDEN);
  exactLength(KIND, golden);
  for (const status of Object.values(SessionPatchAckStatus)) {
    for (const reason of Object.values(SessionPatchRejectReason)) {
      survives(KIND, changed(golden, 0, status, 0, reason, 0), `status ${status}, reason ${reason}`);
    }
  }
  survives(KIND, changed(golden, 4, ...new Array<number>(44).fill(0xff)), "all numbers at their greatest");
  for (const status of [3, 255]) refusedBytes(KIND, changed(golden, 0, status), `status ${status}`);
  for (const reason of [6, 255]) refusedBytes(KIND, changed(golden, 2, reason), `reason ${reason}`);
  refusedBytes(KIND, changed(golden, 1, 1), "status 257");
  const { decode, encode } = recordOf(KIND);
  const fields = decode(golden);
  const wrong: readonly Fields[] = [{ ackStatus: 3 }, { rejectReason: 6 }, { effectiveLaneMask: 1n << 64n }];
  for (const change of wrong) {
    refused(() => encode({ ...fields, ...change }), `writing ${Object.keys(change)[0]} out of range`);
  }

  const block = { minWidth: 64, minHeight: 32, maxWidth: 4096, maxHeight: 2160 };
  const body = encodeSessionPatchBody(block);
  equal(decodeSessionPatchAckBody(16, body), block, "profile block");
  equal(decodeSessionPatchAckBody(0, body.subarray(0, 0)), null, "no profile block");
  for (const [stated, length] of [[0, 16], [16, 0], [16, 15], [8, 8], [17, 16]]) {
    refused(
      () => decodeSessionPatchAckBody(stated, body.subarray(0, length)),
      `${stated} for ${length} bytes`,
    );
  }
};
