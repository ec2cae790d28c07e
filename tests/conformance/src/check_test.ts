/**
 * The checks themselves: each passes on what is here, and the words they are made of find what is wrong.
 *
 * @module
 */
import { NnrpValueError } from "@nnrp/core";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import {
  changed,
  CheckFailure,
  CheckSkipped,
  equal,
  exactLength,
  hex,
  must,
  refused,
  refusedBytes,
  survives,
} from "./check.ts";
import { checksFor, FEATURES } from "./features.ts";
import { GOLDEN_NAMES, goldenBytes } from "./golden.ts";

/** The capability tokens of the baseline, and the one feature that needs none. */
const BASELINE =
  "body_region.prelude cache.lifecycle control.client_hello control.session_patch_ack flow_update " +
  "frame_submit.mixed header.fixed_shape object_reference.cache payload.tensor payload.typed result_hint " +
  "result_push.degraded result_push.partial result_push.stale_reuse transport.probe transport.quic transport.tcp";

for (const [feature, layers] of Object.entries(FEATURES)) {
  for (const [layer, check] of Object.entries(layers)) {
    if (layer === "L3") continue; // adapter_test.ts plays these
    test(`${layer} ${feature} passes`, () => check(null));
  }
}

test("there is a check for every feature of the baseline, on the layers it can have", () => {
  assertEquals(Object.keys(FEATURES).sort(), BASELINE.split(" "));
  for (const feature of BASELINE.split(" ")) {
    const layers = ["L0", "L1", "L2", "L3"].filter((layer) => checksFor(layer, feature).length > 0);
    const expected = feature === "transport.probe"
      ? "L0 L1 L3"
      : /^transport\./.test(feature)
      ? "L3"
      : "L0 L1";
    assertEquals(layers.join(" "), expected, feature);
  }
});

test("a feature named by its first words has the checks of all its parts, once each", () => {
  assertEquals(checksFor("L1", "result_push").length, 3);
  assertEquals(checksFor("L0", "result_push").length, 1);
  assertEquals(checksFor("L0", "result").length, 0);
});

test("what a peer does not offer is skipped", async () => {
  const peer = { host: "127.0.0.1" };
  for (const feature of ["transport.tcp", "transport.quic", "transport.probe"]) {
    await assertRejects(async () => await checksFor("L3", feature)[0](peer), CheckSkipped);
  }
});

test("without a peer a server of our own is used, on every transport", async () => {
  for (const feature of ["transport.tcp", "transport.quic", "transport.probe"]) {
    await checksFor("L3", feature)[0](null);
  }
});

test("values that differ are found, of whatever sort; the order of keys does not matter", () => {
  equal({ a: 1, b: [2n, Uint8Array.of(3)] }, { b: [2n, Uint8Array.of(3)], a: 1 }, "x");
  for (const [a, b] of [[1, 2], [1, 1n], [[1], [1, 2]], [null, []], [Uint8Array.of(1), Uint8Array.of(2)]]) {
    assertThrows(() => equal(a, b, "x"), CheckFailure);
  }
  assertThrows(() => must(false, "x"), CheckFailure);
});

test("what is not refused is found, and an error of another kind is not taken for a refusal", () => {
  refused(() => {
    throw new NnrpValueError("x", { field: "y" });
  }, "x");
  assertThrows(() => refused(() => 1, "x"), CheckFailure);
  assertThrows(() =>
    refused(() => {
      throw new TypeError();
    }, "x"), TypeError);
});

test("bytes that do not survive, and bytes that do though they should not, are found", () => {
  const golden = goldenBytes("current.body_region.prelude");
  survives("body_region_prelude", golden);
  exactLength("body_region_prelude", golden);
  refusedBytes("body_region_prelude", changed(golden, 24, 1), "flags");
  assertThrows(() => survives("body_region_prelude", changed(golden, 24, 1)), CheckFailure);
  assertThrows(() => refusedBytes("body_region_prelude", golden, "nothing wrong"), CheckFailure);
  const gap = changed(goldenBytes("current.packet.flow_update").slice(40), 3, 1); // read, and written as 0
  assertThrows(() => survives("flow_update_metadata", gap), CheckFailure);
});

test("all golden bytes of the reference have a meaning here", () => {
  assertEquals(GOLDEN_NAMES.length, 12);
  for (const name of GOLDEN_NAMES) assertEquals(goldenBytes(name).length > 0, true);
});

test("bytes are written down in hex with blanks between them", () => {
  assertEquals(hex("00 ff  0a"), Uint8Array.of(0, 255, 10));
  assertThrows(() => hex("0"), Error);
});
