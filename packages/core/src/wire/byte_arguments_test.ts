import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { test } from "node:test";
import { encodeFrameSubmit } from "../body/frame_submit.ts";
import { encodeBodyRegions } from "../body/regions.ts";
import { encodeResultPush } from "../body/result_push.ts";
import { tensorSection } from "../body/tensor_values.ts";
import { TypedPayload } from "../body/typed_payloads.ts";
import { NnrpValueError } from "../errors.ts";
import { asBytes, hasVanished } from "./byte_arguments.ts";
import { CacheObjectKind, MessageType } from "./enums.ts";
import { PacketBuffer } from "./outbox.ts";
import { encodePacket, makePacket } from "./packet.ts";
import { PayloadKind } from "./flags.ts";

/** Views whose memory is gone, by how. */
const GONE: Record<string, () => Uint8Array> = {
  transferred: () => {
    const bytes = new Uint8Array(100);
    structuredClone(null, { transfer: [bytes.buffer] });
    return bytes;
  },
  outgrown: () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const bytes = new Uint8Array(memory.buffer, 8, 100);
    memory.grow(1);
    return bytes;
  },
  "cut off": () => {
    const Resizable = ArrayBuffer as unknown as new (
      length: number,
      options: { maxByteLength: number },
    ) => ArrayBuffer & { resize(length: number): void };
    const buffer = new Resizable(100, { maxByteLength: 100 });
    const bytes = new Uint8Array(buffer, 50, 50);
    buffer.resize(40);
    return bytes;
  },
};

const TILES = { srcWidth: 8, srcHeight: 8, tileWidth: 8, tileHeight: 8, tileIds: [0] };
const section = (bytes: Uint8Array) => ({ roleId: 1, dtypeId: 1, tilePayloads: [bytes] });
const typed = (payload: Uint8Array) => [
  TypedPayload.tokenChunk("first"),
  { payloadKind: PayloadKind.OPAQUE_BYTES, payload },
];

/** Everything that takes bytes, and what the error calls them. */
const TAKERS: Record<string, { field: string; take: (bytes: Uint8Array) => void }> = {
  "a submit's typed payload": {
    field: "typedPayloads[1].payload",
    take: (bytes) => encodeFrameSubmit(new PacketBuffer(), 1, { frameId: 1, typedPayloads: typed(bytes) }),
  },
  "a result's typed payload": {
    field: "typedPayloads[1].payload",
    take: (bytes) =>
      encodeResultPush(new PacketBuffer(), 1, { frameId: 1, viewId: 0, routeId: 0, traceId: 0n }, {
        typedPayloads: typed(bytes),
      }),
  },
  "a tile": {
    field: "sections[0].tilePayloads[0]",
    take: (bytes) =>
      encodeFrameSubmit(new PacketBuffer(), 1, { frameId: 1, ...TILES, sections: [section(bytes)] }),
  },
  "a camera": {
    field: "cameraBlock",
    take: (bytes) =>
      encodeFrameSubmit(new PacketBuffer(), 1, {
        frameId: 1,
        ...TILES,
        cameraBlock: bytes,
        sections: [section(new Uint8Array(64))],
      }),
  },
  "an extension frame": {
    field: "extensionFrames[0].payload",
    take: (payload) =>
      encodeBodyRegions(new PacketBuffer(), { extensionFrames: [{ extensionKind: 1, payload }] }),
  },
  "an inline object": {
    field: "inlineObjects[0].payload",
    take: (payload) =>
      encodeBodyRegions(new PacketBuffer(), {
        inlineObjects: [{ objectKind: CacheObjectKind.CAMERA_BLOCK, payload }],
      }),
  },
  "a packet's body": {
    field: "body",
    take: (body) => encodePacket(makePacket({ msgType: MessageType.CLOSE, body })),
  },
  "a payload being made": { field: "data", take: (bytes) => TypedPayload.opaqueBytes(bytes) },
  "a tile of numbers": {
    field: "tiles[0]",
    take: (tile) => tensorSection({ role: 1, dtype: "uint8", tiles: [tile] }),
  },
};

for (const [how, gone] of Object.entries(GONE)) {
  for (const [what, { field, take }] of Object.entries(TAKERS)) {
    test(`bytes that are gone are refused, not taken for none: ${what}, ${how}`, () => {
      const error = assertThrows(() => take(gone()));
      assertInstanceOf(error, NnrpValueError);
      assertEquals([error.field, error.actual], [field, "0 bytes"]);
    });
  }
  test(`a view whose memory is ${how} is told from an empty one`, () => assert(hasVanished(gone())));
}

test("empty bytes are bytes", () => {
  for (
    const bytes of [new Uint8Array(0), new Uint8Array(8).subarray(8), new Uint8Array(new ArrayBuffer(8), 8)]
  ) {
    assertEquals([hasVanished(bytes), asBytes(bytes, "x")], [false, bytes]);
  }
  for (const { take } of Object.values(TAKERS)) take(new Uint8Array(0));
});
