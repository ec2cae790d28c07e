/** Text of peers: bounded where it is decoded, fit to be shown where it is quoted. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { NnrpProtocolError, NnrpWireError } from "./errors.ts";
import { cutPeerText, fitToShow, MAX_PEER_TEXT_BYTES, readPeerText } from "./peer_text.ts";
import { shownAddress } from "./shown_address.ts";

const encode = (text: string) => new TextEncoder().encode(text);

test("text is cut at 1 KiB between two characters, whatever they take", () => {
  for (const character of ["a", "é", "€", "𝄞"]) {
    for (let shift = 0; shift < 4; shift++) {
      const text = "x".repeat(shift) + character.repeat(2000);
      const size = encode(character).length;
      const whole = Math.floor((MAX_PEER_TEXT_BYTES - shift) / size);
      const expected = "x".repeat(shift) + character.repeat(whole);
      assertEquals(readPeerText(encode(text)), expected);
      assertEquals(cutPeerText(text), expected);
    }
  }
});

test("whatever the bytes are, their text has at most 1 KiB, and short UTF-8 is kept as it is", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
    assert(encode(readPeerText(bytes)).length <= MAX_PEER_TEXT_BYTES);
  }));
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 100 }), (text) => {
    if (!text.startsWith("\ufeff") && encode(text).length <= MAX_PEER_TEXT_BYTES) {
      assertEquals(readPeerText(encode(text)), text);
    }
    assertEquals(cutPeerText(text), text);
  }));
});

/** What must never reach a terminal, from the first to the last of each range. */
const UNFIT = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xfffe, 0xffff],
  [0xe0000, 0xe007f],
] as const;

test("controls, marks of direction, separators, invisible characters and half pairs are written out", () => {
  for (const [first, last] of UNFIT) {
    for (let code = first; code <= last; code++) {
      const character = String.fromCodePoint(code);
      const shown = fitToShow(`a${character}b`);
      assert(/^a\\[\x21-\x7e]+b$/.test(shown), code.toString(16));
      assertEquals(JSON.parse(`"${shown}"`), `a${character}b`); // the same JSON as before
    }
  }
  assertEquals(fitToShow("\n\r\t\x1b\x9b"), "\\n\\r\\t\\u001b\\u009b");
});

test("words of any language stay as they are, and what is fit stays fit", () => {
  for (const text of ["größe", "日本語", "שלום", "naïve — “so” · 5 µs", "𝄞🎉", "a\u00a0b", "{}\\\"'"]) {
    assertEquals(fitToShow(text), text);
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assertEquals(fitToShow(fitToShow(text)), fitToShow(text));
  }));
});

test("messages of errors are fit to be shown, their fields are what the peer said", () => {
  const diagnostic = "no\n\x1b[2Jway\u202e";
  const error = new NnrpProtocolError({ errorCode: 3, codeName: "AUTH_FAILED", errorScope: 0, diagnostic });
  assertEquals([error.message, error.diagnostic], [
    "AUTH_FAILED (connection): no\\n\\u001b[2Jway\\u202e",
    diagnostic,
  ]);
  const wire = new NnrpWireError("odd", { field: "a", actual: "\x9b31m" });
  assertEquals(wire.message, "a: odd (got \\u009b31m)");
});

test("addresses are shown without what may be secret", () => {
  for (
    const [address, shown] of [
      ["nnrp://host:1", "nnrp://host:1"],
      ["wss://host/nnrp?token=abc", "wss://host/nnrp?…"],
      ["wss://host/nnrp#abc", "wss://host/nnrp#…"],
      ["nnrp://user:abc@host:1", "nnrp://…@host:1"],
      ["nnrp://user:a/b@c@host:1", "nnrp://…@host:1"],
      ["user:abc@host", "…@host"],
      ["nnrp://user:a?b@host:1", "nnrp://…@host:1"],
      ["nnrp://user:a#b@host:1?c=d", "nnrp://…@host:1?…"],
      ["wss://u:abc@host/nnrp?x=a@b", "wss://…@host/nnrp?…"],
      ["[::1]:4433", "[::1]:4433"],
    ]
  ) assertEquals(shownAddress(address), shown);
});
