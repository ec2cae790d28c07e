import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NnrpValueError, NnrpWireError } from "../../errors.ts";
import { KNOWN_EXTENSION_RECORDS } from "../known_extensions.ts";
import { TENSOR_PROFILE_PATCH_ACK_RECORD, TENSOR_PROFILE_PATCH_RECORD } from "../session_patch_body.ts";
import { encodeCachePutMetadata } from "./cache_put.ts";
import { FIELD_SIZE } from "./fields.ts";
import {
  decodeFlowUpdateMetadata,
  encodeFlowUpdateMetadata,
  type FlowUpdateMetadata,
} from "./flow_update.ts";
import {
  checkFrameSubmitMetadata,
  decodeFrameSubmitMetadata,
  encodeFrameSubmitMetadata,
  FRAME_SUBMIT_RECORD,
  type FrameSubmitMetadata,
} from "./frame_submit.ts";
import { HEADER_RECORD } from "./header_table.ts";
import type { AnyRecord, RecordField, RecordValues } from "./record.ts";
import { MESSAGES } from "./registry.ts";
import {
  checkResultPushMetadata,
  decodeResultPushMetadata,
  encodeResultPushMetadata,
  RESULT_PUSH_RECORD,
  type ResultPushMetadata,
} from "./result_push.ts";

const RECORDS: readonly AnyRecord[] = [
  HEADER_RECORD,
  ...MESSAGES.flatMap(({ record }) => record === null ? [] : [record]),
  ...KNOWN_EXTENSION_RECORDS.values(),
  TENSOR_PROFILE_PATCH_RECORD,
  TENSOR_PROFILE_PATCH_ACK_RECORD,
];

/** Numbers of a width, often at its edges; of a closed set mostly such as it allows. */
function valueOf(field: RecordField): fc.Arbitrary<number | bigint> {
  if (field.type === "u64") return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const max = 2 ** (8 * FIELD_SIZE[field.type]) - 1;
  const any = fc.oneof(fc.integer({ min: 0, max }), fc.constantFrom(0, 1, max));
  const rule = field.rule;
  const fine = rule.kind === "enum"
    ? fc.constantFrom(...rule.allowed)
    : rule.kind === "flags"
    ? fc.integer({ min: 0, max: Math.max(0, rule.mask) }).map((bits) => bits & rule.mask)
    : rule.kind === "zero"
    ? fc.constant(0)
    : any;
  return fc.oneof({ weight: 30, arbitrary: fine }, { weight: 1, arbitrary: any });
}

function valuesOf(record: AnyRecord): fc.Arbitrary<RecordValues> {
  return fc.record(Object.fromEntries(record.fields.map((field) => [field.key, valueOf(field)])));
}

function encoded(record: AnyRecord, values: RecordValues): Uint8Array {
  const bytes = new Uint8Array(record.size).fill(0xee);
  record.encodeValues(values, new DataView(bytes.buffer), 0);
  return bytes;
}

function outcome<T>(run: () => T): { value?: T; refused?: string } {
  try {
    return { value: run() };
  } catch (error) {
    assert(error instanceof NnrpWireError || error instanceof NnrpValueError, String(error));
    return { refused: `${error.name} ${error.field}` };
  }
}

for (const record of RECORDS) {
  test(`${record.name}: fields and gaps cover every byte once`, () => {
    const covered = new Array(record.size).fill(0);
    const ranges = [
      { offset: 0, size: record.magic.length },
      ...record.fields.map(({ offset, type }) => ({ offset, size: FIELD_SIZE[type] })),
      ...record.gaps,
    ];
    for (const { offset, size } of ranges) for (let i = offset; i < offset + size; i++) covered[i]++;
    assertEquals(covered, new Array(record.size).fill(1));
  });

  test(`${record.name}: what is written is read again, what is refused one way is refused the other`, () => {
    fc.assert(fc.property(valuesOf(record), (values) => {
      const written = outcome(() => encoded(record, values));
      if (written.value === undefined) return;
      assertEquals(record.decodeValues(new DataView(written.value.buffer), 0, record.size), values);
    }));
  });

  test(`${record.name}: arbitrary bytes are read or refused, and what is read is written again`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: record.size + 4 }), fc.boolean(), (random, zeroed) => {
      const bytes = zeroed ? random.map((byte, i) => i % 3 === 0 ? byte & 1 : 0) : random;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const { value, refused } = outcome(() => record.decodeValues(view, 0, bytes.length));
      if (value === undefined) return void assert(refused!.startsWith("NnrpWireError"));
      assertEquals(record.decodeValues(new DataView(encoded(record, value).buffer), 0, record.size), value);
    }));
  });

  test(`${record.name}: bytes that are not there are refused, not read out of bounds`, () => {
    const view = new DataView(new ArrayBuffer(record.size));
    assertThrows(() => record.decodeValues(view, 1, record.size), NnrpWireError);
    const values = Object.fromEntries(record.fields.map(({ key, rule, type }) => {
      const allowed = rule.kind === "enum" ? Math.max(...rule.allowed) : 0;
      return [key, type === "u64" ? 1n : allowed];
    }));
    assertThrows(() => record.encodeValues(values, view, 1), NnrpValueError);
    assertEquals(new Uint8Array(view.buffer), new Uint8Array(record.size), "nothing was written");
  });

  test(`${record.name}: what is no number of the field is refused by name`, () => {
    for (const { key, type } of record.fields) {
      const wrong = type === "u64"
        ? [0, -1n, 2n ** 64n, "1"]
        : [1.5, -1, NaN, 2 ** 32, 1n, "1", null, {}, true];
      for (const value of wrong) {
        const values = { ...zeroes(record), [key]: value };
        const error = assertThrows(
          () => record.encodeValues(values, new DataView(new ArrayBuffer(record.size)), 0),
          NnrpValueError,
        );
        if (record.fields[0].key === key) assertEquals(error.field, key);
      }
    }
  });
}

function zeroes(record: AnyRecord): Record<string, unknown> {
  return Object.fromEntries(record.fields.map(({ key, type }) => [key, type === "u64" ? 0n : 0]));
}

const HOT = [
  {
    record: FRAME_SUBMIT_RECORD as AnyRecord,
    encode: (values: RecordValues, view: DataView) =>
      encodeFrameSubmitMetadata(values as unknown as FrameSubmitMetadata, view, 3),
    decode: decodeFrameSubmitMetadata,
    check: checkFrameSubmitMetadata,
  },
  {
    record: RESULT_PUSH_RECORD as AnyRecord,
    encode: (values: RecordValues, view: DataView) =>
      encodeResultPushMetadata(values as unknown as ResultPushMetadata, view, 3),
    decode: decodeResultPushMetadata,
    check: checkResultPushMetadata,
  },
];

for (const { record, encode, decode, check } of HOT) {
  const view = (): DataView => new DataView(new ArrayBuffer(record.size + 5));
  // Bitmaps without TENSOR in half of the cases, with the fields that it forbids mostly 0.
  const values = fc.tuple(valuesOf(record), fc.boolean(), fc.boolean()).map(([fields, tensor, clean]) => {
    const changed: Record<string, number | bigint> = { ...fields };
    const bitmap = Number(fields.payloadKindBitmap);
    changed.payloadKindBitmap = tensor ? bitmap | 1 : bitmap & ~1;
    const only = ["src", "tile", "section", "camera", "inputProfile", "covered", "dropped"];
    if (clean) {
      for (const key of Object.keys(changed)) {
        if (only.some((part) => key.startsWith(part))) changed[key] = 0;
      }
    }
    return changed;
  });

  test(`${record.name}: straight-line code and table write the same`, () => {
    fc.assert(
      fc.property(values, (fields) => {
        const [hand, table] = [view(), view()];
        const refused = [
          outcome(() => encode(fields, hand)),
          outcome(() => record.encodeValues(fields, table, 3)),
        ];
        assertEquals(refused[0], refused[1]);
        assertEquals(hand.buffer, table.buffer);
      }),
      { numRuns: 1000 },
    );
  });

  test(`${record.name}: straight-line code and table read the same`, () => {
    const patches = fc.array(
      fc.tuple(fc.integer({ min: 0, max: record.size - 1 }), fc.integer({ min: 0, max: 255 })),
      {
        maxLength: 2,
      },
    );
    fc.assert(
      fc.property(values, patches, (fields, changes) => {
        const bytes = view();
        outcome(() => record.encodeValues(fields, bytes, 3));
        for (const [at, byte] of changes) bytes.setUint8(3 + at, byte);
        const table = outcome(() => record.decodeValues(bytes, 3, record.size));
        assertEquals(outcome(() => decode(bytes, 3, record.size)) as typeof table, table);
        assertEquals(outcome(() => check(bytes, 3, record.size)).refused, table.refused);
      }),
      { numRuns: 1000 },
    );
  });

  test(`${record.name}: reserved fields may be left out`, () => {
    const fields = zeroes(record);
    for (const key of Object.keys(fields)) if (key.startsWith("reserved")) delete fields[key];
    const bytes = view();
    encode(fields as RecordValues, bytes);
    assertEquals(
      { ...decode(bytes, 3, record.size) },
      zeroes(record) as unknown as ReturnType<typeof decode>,
    );
  });

  test(`${record.name}: another length is refused by all readers`, () => {
    for (const length of [0, record.size - 1, record.size + 1]) {
      for (const read of [decode, check]) {
        assertInstanceOf(assertThrows(() => read(view(), 0, length)), NnrpWireError);
      }
    }
    assertThrows(() => check(new DataView(new ArrayBuffer(record.size)), 1, record.size), NnrpWireError);
  });
}

// Where writing is stricter than the reference without a vector that shows it: wire spec §15.1, §15.2.

test("writers refuse values of closed sets that the reference only refuses when reading", () => {
  const closed = (record: AnyRecord) =>
    record.fields.filter(({ rule }) => rule.kind === "enum" && rule.closed);
  let seen = 0;
  for (const record of RECORDS) {
    for (const field of closed(record)) {
      seen++;
      const outside = Array.from({ length: 256 }, (_, n) => n).find((n) => {
        return field.rule.kind === "enum" && !field.rule.allowed.has(n);
      })!;
      const view = new DataView(new ArrayBuffer(record.size));
      const error = assertThrows(
        () => record.encodeValues({ ...firstAllowed(record), [field.key]: outside }, view, 0),
        NnrpValueError,
      );
      assertEquals(error.field, field.key, record.name);
    }
  }
  assert(seen >= 28, `${seen} closed fields`);
});

function firstAllowed(record: AnyRecord): Record<string, unknown> {
  const values = zeroes(record);
  for (const { key, rule } of record.fields) if (rule.kind === "enum") values[key] = [...rule.allowed][0];
  return values;
}

test("flags -1 of a CACHE_PUT do not fit", () => {
  const fields = {
    cacheNamespace: 0,
    cacheKeyHi: 0,
    cacheKeyLo: 0,
    objectKind: 1,
    ttlMs: 0,
    objectBytes: 0,
    codecBitmap: 0,
    flags: -1,
  };
  assertThrows(
    () => encodeCachePutMetadata(fields, new DataView(new ArrayBuffer(32)), 0),
    NnrpValueError,
    "flags",
  );
});

test("a bare scope does not get around the rules between a FLOW_UPDATE's fields", () => {
  const grant: FlowUpdateMetadata = {
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
  const view = new DataView(new ArrayBuffer(32));
  encodeFlowUpdateMetadata(grant, view, 0);
  assertEquals(decodeFlowUpdateMetadata(view, 0, 32), grant);
  const refused = (fields: Partial<FlowUpdateMetadata>): string =>
    assertThrows(() => encodeFlowUpdateMetadata({ ...grant, ...fields }, view, 0), NnrpValueError).field;
  assertEquals(refused({ scopeKind: 0 }), "sessionCredit");
  assertEquals(refused({ scopeKind: 2 }), "sessionCredit");
  assertEquals(refused({ scopeKind: 2, sessionCredit: 0 }), "operationId");
  assertEquals(refused({ operationId: 1n }), "operationId");
  assertEquals(refused({ connectionCredit: 1 }), "connectionCredit");
  assertEquals(refused({ retryAfterMs: 1 }), "retryAfterMs");
});
