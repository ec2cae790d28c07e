/**
 * The cache of a session: the three messages, and an object's life from put to miss (wire spec §4.6–§4.8, behaviour spec
 * §10).
 *
 * @module
 */
import {
  CacheAckStatus,
  CacheInvalidateScope,
  CacheObjectKind,
  encodeTileIndex,
  ErrorCode,
  memoryNetwork,
  NnrpProtocolError,
  SubmitMode,
  TensorDType,
  TileIndexMode,
} from "@nnrp/core";
import { type ClientSession, dialClient } from "@nnrp/client";
import { serve } from "@nnrp/server";
import {
  changed,
  type Check,
  CheckFailure,
  equal,
  exactLength,
  hex,
  must,
  refusedBytes,
  survives,
} from "../check.ts";
import { recordOf } from "../record_codecs.ts";

const TIMEOUT = { timeoutMs: 5000 };

// Byte by byte: namespace, key, then what each message has of its own.
const PUT = hex("07000000 44332211 88776655 02000000 e8030000 06000000 01000000 03000000");
const ACK = hex("07000000 44332211 88776655 02000000 e8030000 00001000 0b000000");
const INVALIDATE = hex("03000000 07000000 44332211 88776655 05000000");

/** The three messages in fixed bytes. */
export const fixedCacheMessages: Check = () => {
  const key = { cacheNamespace: 7, cacheKeyHi: 0x11223344, cacheKeyLo: 0x55667788 };
  const messages: readonly (readonly [string, Uint8Array, Record<string, number>])[] = [
    ["cache_put_metadata", PUT, {
      ...key,
      objectKind: CacheObjectKind.TILE_INDEX_BLOCK,
      ttlMs: 1000,
      objectBytes: 6,
      codecBitmap: 1,
      flags: 3,
    }],
    ["cache_ack_metadata", ACK, {
      ...key,
      status: CacheAckStatus.REPLACED,
      acceptedTtlMs: 1000,
      maxObjectBytes: 1 << 20,
      detailCode: 11,
    }],
    ["cache_invalidate_metadata", INVALIDATE, {
      ...key,
      invalidateScope: CacheInvalidateScope.OBJECT_KEY,
      reasonCode: 5,
    }],
  ];
  for (const [kind, bytes, fields] of messages) {
    equal(recordOf(kind).encode(fields), bytes, kind);
    equal(recordOf(kind).decode(bytes), fields, `fields of ${kind}`);
    survives(kind, bytes);
  }
};

/** Rules of the messages, then a life in a session. */
export const cacheLifecycle: Check = async () => {
  messageRules();
  const network = memoryNetwork();
  await using server = await serve(
    { listen: [network], profile: { enableCache: true } },
    (frame) => ({ tileIds: frame.tileIds, sections: frame.sections }),
  );
  must(server.addresses.length === 1, "the server listens");
  const session = await dialClient("nnrp://memory", { carriers: [network], ...TIMEOUT });
  try {
    await lifeOfAnObject(session);
  } finally {
    await session.close();
  }
};

function messageRules(): void {
  const sets: readonly (readonly [string, Uint8Array, number, readonly number[], readonly number[]])[] = [
    ["cache_put_metadata", PUT, 12, Object.values(CacheObjectKind), [0, 10]],
    ["cache_ack_metadata", ACK, 12, Object.values(CacheAckStatus), [3, 255]],
    ["cache_invalidate_metadata", INVALIDATE, 0, Object.values(CacheInvalidateScope), [4, 255]],
  ];
  for (const [kind, bytes, at, known, unknown] of sets) {
    exactLength(kind, bytes);
    for (const value of known) survives(kind, changed(bytes, at, value), `${kind} with ${value}`);
    for (const value of unknown) refusedBytes(kind, changed(bytes, at, value), `${kind} with ${value}`);
    refusedBytes(kind, changed(bytes, at + 3, 1), `${kind} with a value beyond 2^24`);
  }
  survives("cache_put_metadata", changed(PUT, 28, 0xff, 0xff, 0xff, 0xff), "undefined flags");
}

async function lifeOfAnObject(session: ClientSession): Promise<void> {
  const tileIds = [4, 8, 15];
  const object = {
    kind: CacheObjectKind.TILE_INDEX_BLOCK,
    namespace: 7,
    key: 0xfedcba9876543210n,
    data: encodeTileIndex(TileIndexMode.RAW_U16, tileIds),
  };
  const put = await session.putCache(object, TIMEOUT);
  equal([put.status, put.usable], [CacheAckStatus.ACCEPTED, true], "the first put");
  equal(
    put.reference,
    { objectKind: 2, refFlags: 0, cacheNamespace: 7, cacheKeyHi: 0xfedcba98, cacheKeyLo: 0x76543210 },
    "the object's reference",
  );
  const submit = async () => {
    const sections = [{
      roleId: 1,
      dtypeId: TensorDType.UINT8,
      tilePayloads: tileIds.map((id) => Uint8Array.of(id)),
    }];
    const request = { submitMode: SubmitMode.MIXED, tileIndexReference: put.reference, tileIds, sections };
    return await session.submit(request, TIMEOUT);
  };
  equal((await submit()).tileIds, tileIds, "tiles of a frame that refers to the object");
  equal((await session.putCache(object, TIMEOUT)).status, CacheAckStatus.REPLACED, "the second put");
  const { namespace, key } = object;
  await session.invalidateCache({ scope: CacheInvalidateScope.OBJECT_KEY, namespace, key });
  await missed(submit);
  equal(
    (await session.putCache(object, TIMEOUT)).status,
    CacheAckStatus.ACCEPTED,
    "a put after it was taken out",
  );
  equal((await submit()).tileIds, tileIds, "tiles of a frame that refers to it again");
  await session.invalidateCache({ scope: CacheInvalidateScope.WHOLE_SESSION });
  await missed(submit);
}

/** Demands that a frame ends with CACHE_MISS. */
async function missed(submit: () => Promise<unknown>): Promise<void> {
  try {
    await submit();
  } catch (error) {
    if (!(error instanceof NnrpProtocolError)) throw error;
    equal(error.errorCode, ErrorCode.CACHE_MISS, "the error of a frame whose object is gone");
    return;
  }
  throw new CheckFailure("not_refused", "a frame referred to an object that is gone");
}
