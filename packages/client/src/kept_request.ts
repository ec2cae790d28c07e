/**
 * A request that is kept for later: until a slot is free, or until its answer is there, should it have to be sent anew. Its bytes stay
 * the caller's and are not copied, so how many they were is remembered: memory that vanishes meanwhile would look like none.
 *
 * @module
 */
import { vanishedError } from "@nnrp/core";
import type { FrameRequest } from "./frame_request.ts";

/** See the module. */
export class KeptRequest {
  readonly #request: FrameRequest;
  readonly #lengths: readonly number[];
  /** How often it was sent anew after it may have been begun. */
  retries = 0;

  /**
   * @param request As it was given.
   * @param lengths Of its bytes, if the call was earlier. Default: what they are now.
   */
  constructor(request: FrameRequest, lengths: readonly number[] = lengthsOf(request)) {
    this.#request = request;
    this.#lengths = lengths;
  }

  /**
   * The request, to be sent now.
   *
   * @throws NnrpValueError if bytes of it have vanished; it names the field, how many they were, and how many there are.
   */
  demand(): FrameRequest {
    const lengths = this.#lengths;
    let i = 0;
    visitBytes(this.#request, (bytes, field, index, item) => {
      const expected = lengths[i++];
      const actual = lengthOf(bytes);
      if (actual === expected) return;
      throw vanishedError(field.replace("#", String(index)).replace("#", String(item)), expected, actual);
    });
    return this.#request;
  }

  /** The same under another id, for a server that did not answer frame `frameId`. */
  again(frameId: number): KeptRequest {
    return new KeptRequest({ ...this.#request, frameId: undefined, retryOfFrame: frameId }, this.#lengths);
  }
}

function lengthsOf(request: FrameRequest): number[] {
  const lengths: number[] = [];
  visitBytes(request, (bytes) => lengths.push(lengthOf(bytes)));
  return lengths;
}

/** What is no list of anything is refused when it is written. */
function lengthOf(bytes: { readonly length: number } | null | undefined): number {
  return bytes?.length ?? 0;
}

/** Shows all memory of the caller's that a request points to, in an order that is always the same. */
function visitBytes(
  { cameraBlock, tileIds, sections, typedPayloads }: FrameRequest,
  see: (
    bytes: { readonly length: number } | null | undefined,
    field: string,
    index: number,
    item: number,
  ) => void,
): void {
  if (typedPayloads !== undefined) {
    for (let i = 0; i < typedPayloads.length; i++) {
      see(typedPayloads[i]?.payload, "typedPayloads[#].payload", i, 0);
    }
  }
  if (cameraBlock !== undefined) see(cameraBlock, "cameraBlock", 0, 0);
  if (tileIds !== undefined) see(tileIds, "tileIds", 0, 0);
  for (let i = 0; sections !== undefined && i < sections.length; i++) {
    const tiles = sections[i]?.tilePayloads;
    see(sections[i]?.codecIds, "sections[#].codecIds", i, 0);
    for (let j = 0; j < (tiles?.length ?? 0); j++) see(tiles[j], "sections[#].tilePayloads[#]", i, j);
  }
}
