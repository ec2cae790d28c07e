/**
 * Objects that stay on the server: put once, referred to by every frame, and what happens when they are gone. Run:
 * `deno run -A examples/cache.ts`, `node examples/cache.ts` or `bun examples/cache.ts`.
 *
 * @module
 */
import {
  CacheInvalidateScope,
  CacheObjectKind,
  dialClient,
  ErrorCode,
  type FrameRequest,
  NnrpProtocolError,
  SubmitMode,
  tensorSection,
} from "@nnrp/client";
import { CacheAckStatus, enumName } from "@nnrp/core";
import { serve } from "@nnrp/server";

const LUMA = 5;

// References are filled in before the handler sees the frame: `cameraBlock` is there, wherever it came from.
const server = await serve({ port: 0, profile: { maxCacheBytes: 4096 } }, (frame) => {
  const exposure = frame.cameraBlock[0];
  const luma = frame.tensor(LUMA)!;
  const tiles = frame.tileIds.map((id) => Uint8Array.from(luma.tile(id)!, (value) => value * exposure));
  return { tileIds: frame.tileIds, sections: [tensorSection({ role: LUMA, dtype: "uint8", tiles })] };
});
const session = await dialClient(`nnrp://127.0.0.1:${server.port}`);
const { maxCacheEntries, maxCacheBytes } = session.helloAck;
console.log(`the server keeps ${maxCacheEntries} objects, ${maxCacheBytes} bytes`);
const kind = CacheObjectKind.CAMERA_BLOCK;
const camera = Uint8Array.of(3, 0, 0, 0); // opaque to the protocol; here: exposure
const put = await session.putCache({ kind, key: 1n, data: camera, pinned: true });
console.log(`put the camera: ${enumName(CacheAckStatus, put.status)}, usable: ${put.usable}`);

/** A frame with a fresh tile; the camera is in the cache. */
function frame(brightness: number): FrameRequest {
  return {
    tileIds: [0],
    sections: [tensorSection({ role: LUMA, dtype: "uint8", tiles: [Uint8Array.of(brightness)] })],
    cameraReference: put.reference,
    submitMode: SubmitMode.MIXED, // something inline, something by reference
  };
}
for (const brightness of [10, 20]) {
  const result = await session.submit(frame(brightness));
  console.log(`${brightness} through the cached camera: ${result.tensor(LUMA)!.tile(0)![0]}`);
}

camera[0] = 5; // bytes were copied: changing them here changes nothing there
const again = await session.putCache({ kind, key: 1n, data: camera, pinned: true });
console.log(`put it again: ${enumName(CacheAckStatus, again.status)}`);
console.log(`10 through the new camera: ${(await session.submit(frame(10))).tensor(LUMA)!.tile(0)![0]}`);

// A rejection is an outcome, not an error: send the object inline then. Pinned objects are never evicted, but count.
const large = await session.putCache({ kind, key: 2n, data: new Uint8Array(5000) });
console.log(
  `5000 bytes: ${enumName(CacheAckStatus, large.status)}, at most ${large.maxObjectBytes} are taken`,
);
await session.putCache({ kind, key: 3n, data: new Uint8Array(4000), pinned: true });
const full = await session.putCache({ kind, key: 4n, data: new Uint8Array(4000) });
const why = enumName(ErrorCode, full.detailCode);
console.log(`4000 more beside pinned ones: ${enumName(CacheAckStatus, full.status)} (${why})`);

// A server may lose objects. The frame fails, nothing is guessed; put again and send it again.
await session.invalidateCache({ scope: CacheInvalidateScope.WHOLE_SESSION });
try {
  await session.submit(frame(10));
} catch (error) {
  if (!(error instanceof NnrpProtocolError && error.errorCode === ErrorCode.CACHE_MISS)) throw error;
  console.log(`after invalidating all: ${error.codeName}: ${error.diagnostic}`);
  await session.putCache({ kind, key: 1n, data: camera });
  console.log(`put and sent again: ${(await session.submit(frame(10))).tensor(LUMA)!.tile(0)![0]}`);
}

await session.close();
await server.close();
