/**
 * Work F: the message that all codecs encode and decode, and the loop that measures them. Every field of header and
 * metadata is written, read back and added up, the body comes back as a view; only `frameId` differs from message to
 * message.
 *
 * @module
 */
import { control, type Job, type Measured } from "../peers/control.ts";

/** Goes through text, so that no compiler takes the values for constants. */
function runtimeValues<T>(fields: T): T {
  return JSON.parse(JSON.stringify(fields)) as T;
}

/** Fields of the header that callers choose. */
export const HEADER = runtimeValues({ flags: 0x21, sessionId: 7, viewId: 1, routeId: 2, traceId: 123456789 });

/** Fields of the metadata: a tensor frame of 64 tiles. Those of 64 bits are among the reserved ones and 0. */
export const META = runtimeValues({
  srcWidth: 1920,
  srcHeight: 1080,
  tileWidth: 64,
  tileHeight: 48,
  tileCount: 64,
  sectionCount: 2,
  frameClass: 1,
  inputProfile: 1,
  tileIndexMode: 0,
  latencyBudgetMs: 50,
  targetFpsX100: 6000,
  retryOfFrame: 3,
  tileBaseId: 11,
  cameraBytes: 64,
  tileIndexBytes: 128,
  submitMode: 0,
  budgetPolicy: 5,
  lossTolerancePolicy: 255,
  objectRefMask: 0,
  dependencyFrameId: 9,
  payloadKindBitmap: 1,
  payloadFrameCount: 0,
});

/** The body, 4 KiB; handed on as it lies. */
export const BODY: Uint8Array = new Uint8Array(4096).fill(7);

/** Version, wire format, message type, header length, the two lengths, and the length of the body that was found. */
const FIXED = 1 + 0 + 0x10 + 40 + 72 + 2 * BODY.length;
const sum = (fields: Record<string, number>): number => Object.values(fields).reduce((a, b) => a + b, 0);
/** What the fields add up to without the frame id. */
const EXPECTED = FIXED + sum(HEADER) + sum(META);

/** Memory for heads, used over and over. */
export const POOL: Uint8Array = new Uint8Array(64 * 1024);
/** The same memory. */
export const POOL_VIEW: DataView = new DataView(POOL.buffer);

/**
 * Runs a codec as a peer process.
 *
 * @param roundTrip Encodes the message with this frame id at an offset of the pool, decodes it, and returns the sum of all
 * fields read.
 * @param size Bytes of a head, how far to move on in the pool.
 */
export function runCodec(
  roundTrip: (frameId: number, offset: number) => number,
  size: number,
): Promise<never> {
  let frameId = 0;
  const measure = (job: Job): Measured => {
    const begun = performance.now();
    const end = begun + job.seconds * 1000;
    let count = 0;
    let offset = 0;
    let now = begun;
    while (now < end) {
      for (let i = 0; i < 1000; i++) {
        frameId++;
        if (roundTrip(frameId, offset) !== EXPECTED + frameId) {
          throw new Error(`frame ${frameId} came back changed`);
        }
        offset += size;
        if (offset + size > POOL.length) offset = 0;
      }
      count += 1000;
      now = performance.now();
    }
    return { rate: count / (now - begun) * 1000, count };
  };
  return control({ ready: true }, (job) => Promise.resolve(measure(job)));
}
