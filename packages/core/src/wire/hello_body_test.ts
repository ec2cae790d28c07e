import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { NnrpValueError, NnrpWireError } from "../errors.ts";
import { encodeControlExtensions } from "./extensions.ts";
import { decodeClientHelloBody, decodeServerHelloAckBody, joinHelloBody } from "./hello_body.ts";
import { streamedResultsEntry } from "./private_extensions.ts";
import {
  decodeSessionPatchAckBody,
  decodeSessionPatchBody,
  encodeSessionPatchBody,
} from "./session_patch_body.ts";

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const block = encodeControlExtensions([streamedResultsEntry()]);

test("a client hello has its extensions first and the auth block last", () => {
  const body = joinHelloBody(block, text("key"));
  const read = decodeClientHelloBody({ authBytes: 3, controlExtensionBytes: 16 }, body);
  assertEquals(read.controlExtensions.map(({ extType }) => extType), [0xf001]);
  assertEquals(new TextDecoder().decode(read.authBlock), "key");
});

test("a hello whose lengths do not add up to its body is refused", () => {
  const body = joinHelloBody(block, text("key"));
  for (const [authBytes, controlExtensionBytes] of [[20, 0], [3, 15], [3, 17], [4, 16], [0, 0]]) {
    const error = assertThrows(
      () => decodeClientHelloBody({ authBytes, controlExtensionBytes }, body),
      NnrpWireError,
    );
    assertEquals(error.stage, "body");
  }
});

test("a server hello ack has its extensions first and the model name last", () => {
  const read = decodeServerHelloAckBody({ controlExtensionBytes: 16 }, joinHelloBody(block, text("modèle")));
  assertEquals(read.controlExtensions.length, 1);
  assertEquals(read.activeModelName, "modèle");
  assertEquals(decodeServerHelloAckBody({ controlExtensionBytes: 0 }, new Uint8Array(0)).activeModelName, "");
});

test("a server hello ack whose extensions are longer than its body is not opened", () => {
  assertThrows(
    () => decodeServerHelloAckBody({ controlExtensionBytes: 3 }, text("ab")),
    NnrpWireError,
    "longer",
  );
});

test("a model name that is no UTF-8 is shown, not refused", () => {
  assertEquals(
    decodeServerHelloAckBody({ controlExtensionBytes: 0 }, Uint8Array.of(0x61, 0xff)).activeModelName,
    "a\ufffd",
  );
});

test("a session patch has no body or one profile block", () => {
  const profile = { minWidth: 1, minHeight: 2, maxWidth: 0xffff_ffff, maxHeight: 0 };
  for (const decode of [decodeSessionPatchBody, decodeSessionPatchAckBody]) {
    assertEquals(decode(16, encodeSessionPatchBody(profile)), profile);
    assertEquals(decode(0, encodeSessionPatchBody(null)), null);
    assertThrows(() => decode(8, new Uint8Array(8)), NnrpWireError, "0 or 16");
    assertThrows(() => decode(16, new Uint8Array(0)), NnrpWireError);
    assertThrows(() => decode(0, new Uint8Array(16)), NnrpWireError);
  }
  assertThrows(() => encodeSessionPatchBody({ ...profile, minWidth: -1 }), NnrpValueError, "minWidth");
});
