import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { enumName, flagNames, NAMED_NUMBERS } from "./enum_names.ts";
import * as enums from "./enums.ts";
import * as flags from "./flags.ts";

test("a known number has its name", () => {
  assertEquals(enumName(enums.MessageType, 0x10), "FRAME_SUBMIT");
  assertEquals(enumName(enums.ErrorCode, 2), "AUTH_FAILED");
});

test("an unknown number is shown with the name of its set", () => {
  assertEquals(enumName(enums.MessageType, 16000), "MessageType_16000");
  assertEquals(enumName(enums.ErrorCode, 99), "CODE_99");
  assertEquals(enumName({ A: 1 }, 2), "UNKNOWN_2");
});

test("of several names for one number the first is shown", () => {
  assertEquals(enumName(enums.CacheObjectKind, 2), "TILE_INDEX_BLOCK");
  assertEquals(enumName(enums.CacheInvalidateScope, 0), "WHOLE_SESSION");
  assertEquals(enumName(enums.SessionPatchRejectReason, 4), "INVALID_LANE_MASK");
  assertEquals(flagNames(flags.SessionPatchField, 0x09), ["TARGET_CADENCE", "ACTIVE_LANE_MASK"]);
});

test("bits are named lowest first, undefined ones by number", () => {
  assertEquals(flagNames(flags.HeaderFlags, 0x21), ["ACK_REQUIRED", "KEYFRAME"]);
  assertEquals(flagNames(flags.HeaderFlags, 0x8000_0040), ["0x40", "0x80000000"]);
  assertEquals(flagNames(flags.HeaderFlags, 0), []);
});

test("the table of sets holds every set that is exported, once", () => {
  const exported = [...Object.entries(enums), ...Object.entries(flags)].filter(([, value]) =>
    typeof value === "object"
  );
  assertEquals(NAMED_NUMBERS.map(({ name }) => name).sort(), exported.map(([name]) => name).sort());
  for (const [name, values] of exported) {
    assertStrictEquals(NAMED_NUMBERS.find((info) => info.name === name)?.values, values);
  }
});

test("every flag set has NONE, and all its bits are single", () => {
  for (const { name, values, isFlags } of NAMED_NUMBERS) {
    if (!isFlags) continue;
    assertEquals(values.NONE, 0, name);
    for (const [flag, value] of Object.entries(values)) {
      assertEquals(value & (value - 1), 0, `${name}.${flag}`);
    }
  }
});
