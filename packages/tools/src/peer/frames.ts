/**
 * The frames the interop client sends and how it compares what comes back.
 *
 * @module
 */
import type { Result } from "@nnrp/client";
import { type SubmitRequest, TensorDType, type TensorSectionData, TypedPayload } from "@nnrp/core";
import { check } from "./check.ts";

const DTYPES = [TensorDType.FP16, TensorDType.UINT8, TensorDType.INT16];
const CAMERA = new TextEncoder().encode("camera!!");

/** What {@linkcode tensorRequest} varies. */
export interface TensorFrame {
  /** Tile ids; 0, 1, 2 where left out. */
  readonly tiles?: readonly number[];
  /** Bytes per tile, used in turn; 16, 0, 33 where left out. */
  readonly sizes?: readonly number[];
  /** Number of sections; 2 where left out. */
  readonly sections?: number;
  /** Further fields of the request; they win. */
  readonly request?: Partial<SubmitRequest>;
}

/** A submit request whose parts the scenario knows. */
export type TensorSubmit = SubmitRequest & {
  /** Never left out here. */
  readonly frameId: number;
  /** Never left out here. */
  readonly tileIds: readonly number[];
  /** Never left out here. */
  readonly sections: readonly TensorSectionData[];
};

/**
 * A tensor frame with content of its own.
 *
 * @param frameId Its id, which is also the seed of its content.
 * @param frame What differs from the usual one.
 */
export function tensorRequest(frameId: number, frame: TensorFrame = {}): TensorSubmit {
  const { tiles = [0, 1, 2], sizes = [16, 0, 33], sections = 2 } = frame;
  return {
    srcWidth: 640,
    srcHeight: 360,
    tileWidth: 32,
    tileHeight: 32,
    cameraBlock: CAMERA,
    latencyBudgetMs: 50,
    targetFpsX100: 6000,
    ...frame.request,
    frameId,
    tileIds: tiles,
    sections: Array.from({ length: sections }, (_, section) => ({
      roleId: 1 + section,
      dtypeId: DTYPES[section % DTYPES.length],
      tilePayloads: tiles.map((tile, place) =>
        blob(frameId * 65537 + section * 257 + tile, sizes[place % sizes.length])
      ),
    })),
  };
}

/** Typed payloads of all six kinds, one of them empty. */
export function typedPayloads(): TypedPayload[] {
  return [
    TypedPayload.tokenChunk("héllo", 1),
    TypedPayload.audioChunk(blob(1, 480)),
    TypedPayload.videoChunk(blob(2, 1501)),
    TypedPayload.structuredEvent('{"a":1}', 7),
    TypedPayload.toolDelta(new Uint8Array(0)),
    TypedPayload.opaqueBytes(Uint8Array.from({ length: 256 }, (_, i) => i)),
  ];
}

/**
 * Bytes that look random and are the same every time (xorshift).
 *
 * @param seed Which bytes.
 * @param length How many.
 */
export function blob(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed + 0x9e3779b9) | 0 || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

/**
 * Fails unless the result holds exactly the request's tiles and sections.
 *
 * @param request What was sent.
 * @param result What came back.
 */
export function sameTensor(request: TensorSubmit, result: Result): void {
  check(result.isPush, "expected RESULT_PUSH", result.packet.header.msgType);
  check(sameNumbers(result.tileIds, request.tileIds), "tile ids differ", {
    got: result.tileIds,
    want: request.tileIds,
  });
  check(result.sections.length === request.sections.length, "number of sections", result.sections.length);
  request.sections.forEach((want, at) => {
    const got = result.sections[at];
    check(got.roleId === want.roleId && got.dtypeId === want.dtypeId, "section role and type", got);
    check(
      got.tilePayloads.length === want.tilePayloads.length &&
        got.tilePayloads.every((tile, i) => sameNumbers(tile, want.tilePayloads[i])),
      "section data differ",
      want.roleId,
    );
  });
}

/**
 * Fails unless the result holds exactly these payloads, in order.
 *
 * @param want What was sent.
 * @param got What came back.
 */
export function samePayloads(want: readonly TypedPayload[], got: readonly TypedPayload[]): void {
  check(got.length === want.length, "number of typed payloads", got.length);
  want.forEach((payload, at) => {
    const other = got[at];
    check(
      other.payloadKind === payload.payloadKind && (other.profileId ?? 0) === (payload.profileId ?? 0) &&
        sameNumbers(other.payload, payload.payload),
      "typed payload differs",
      at,
    );
  });
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
