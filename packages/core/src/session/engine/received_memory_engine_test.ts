import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { laneOf } from "../../wire/metadata/registry.ts";
import { ClientRig, type RecordingWaiter, ServerRig } from "@nnrp/testing/engines";
import { bare, errorPacket, join, patterned, resultPacket, submitPacket } from "@nnrp/testing/packets";
import { MessageType, ResultClass } from "../../wire/enums.ts";
import { HeaderFlags, ResultFlags } from "../../wire/flags.ts";
import { encodePacket, type NnrpPacket } from "../../wire/packet.ts";
import { PacketReader } from "../../wire/packet_reader.ts";
import type { Result } from "../frames/result.ts";
import type { SessionEngine } from "./session_engine.ts";

/** Reads bytes into the reader's own memory, as a socket does that is given the memory to read into. */
function readInto(engine: SessionEngine, bytes: Uint8Array, readSize: number): void {
  const reader = new PacketReader(
    { maxMetadataBytes: 4096, maxBodyBytes: 32 << 20, maxProbeBodyBytes: 1 << 20 },
    (cursor) => engine.receive(cursor, laneOf(cursor.msgType)),
  );
  for (let at = 0; at < bytes.length;) {
    const target = reader.target();
    const take = Math.min(target.length, readSize, bytes.length - at);
    target.set(bytes.subarray(at, at + take));
    reader.filled(take);
    at += take;
  }
  // What the socket reads next: everything that the reader may write over is.
  for (let i = 0; i < 50; i++) {
    reader.target().fill(0xee);
    const ping = encodePacket(bare(MessageType.PONG));
    const target = reader.target();
    target.set(ping);
    reader.filled(ping.length);
  }
}

const payload = (kind: number, bytes: Uint8Array) => ({ payloadKind: kind, payload: bytes });
const anyResult = fc.record({
  kind: fc.constantFrom("drop", "empty", "typed", "tensor", "mixed", "part", "large"),
  size: fc.integer({ min: 1, max: 3000 }),
  viewId: fc.nat(65535),
  traceId: fc.bigInt(0n, 0xffffffffffffffffn),
}).map(({ kind, size, viewId, traceId }) => (frameId: number): NnrpPacket => {
  if (kind === "drop") {
    return bare(MessageType.RESULT_DROP, { frameId, viewId, traceId, routeId: 5, flags: 0x20 });
  }
  const ids = { viewId, traceId };
  const typedPayloads = [payload(0x40, patterned(kind === "large" ? size * 40 : size, frameId))];
  const tensors = {
    tileIds: [1, 2],
    sections: [{
      roleId: 1,
      dtypeId: 0,
      tilePayloads: [patterned(size, frameId), patterned(size, frameId + 1)],
    }],
  };
  if (kind === "empty") {
    return resultPacket(frameId, {
      ...ids,
      typedPayloads: undefined,
      payloadKindBitmap: 0,
      statusCode: size,
      flags: HeaderFlags.EOS,
    });
  }
  if (kind === "tensor") return resultPacket(frameId, { ...ids, ...tensors, typedPayloads: undefined });
  if (kind === "mixed") return resultPacket(frameId, { ...ids, ...tensors, typedPayloads });
  if (kind === "part") {
    return resultPacket(frameId, {
      ...ids,
      typedPayloads,
      resultClass: ResultClass.PARTIAL,
      resultFlags: ResultFlags.PARTIAL,
    });
  }
  return resultPacket(frameId, { ...ids, typedPayloads });
});

/** Everything a user can read from a result. */
function contentOf(result: Result): unknown {
  return {
    numbers: [result.frameId, result.viewId, result.routeId, result.traceId, result.flags, result.byteLength],
    what: [
      result.isDrop,
      result.isEmpty,
      result.className,
      result.resultClass,
      result.payloadKinds,
      result.text(),
    ],
    metadata: result.metadata,
    payloads: result.typedPayloads.map((p) => [p.payloadKind, p.payload.slice()]),
    tiles: [...result.tileIds],
    sections: result.sections.map((s) => [s.roleId, s.tilePayloads.map((t) => t.slice())]),
    packet: encodePacket(result.packet),
  };
}

test("a result says the same for ever, whatever its connection receives after it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyResult, fc.boolean()), { minLength: 1, maxLength: 40, size: "max" }),
      fc.constantFrom(37, 700, 4096, 65536),
      (results, readSize) => {
        const rig = new ClientRig({ controlRate: { burst: 1e9 } }).open({ maxConcurrentFrames: 1000 });
        const waiters: RecordingWaiter[] = [];
        const expected: unknown[] = [];
        const packets: Uint8Array[] = [];
        for (const [i, [make, withControl]] of results.entries()) {
          const packet = make(i);
          waiters.push(rig.submit(i, packet.header.viewId));
          const bytes = encodePacket(packet);
          packets.push(bytes);
          // The same packet alone, in memory that nobody touches.
          const alone = new ClientRig().open();
          const waiter = alone.submit(i, packet.header.viewId);
          alone.receive(bytes.slice());
          expected.push(contentOf(waiter.results[0]));
          if (withControl) packets.push(encodePacket(errorPacket({}, {}, "between")));
        }
        readInto(rig.current, join(packets), readSize);
        waiters.forEach((waiter, i) => assertEquals(contentOf(waiter.results[0]), expected[i]));
      },
    ),
    { numRuns: 120 },
  );
});

test("a frame says the same until it is answered, whatever its connection receives after it", () => {
  const anySubmit = fc.record({
    kind: fc.constantFrom("typed", "tensor", "mixed", "empty", "camera"),
    size: fc.integer({ min: 1, max: 4000 }),
    traceId: fc.bigInt(0n, 0xffffffffffffffffn),
  });
  fc.assert(
    fc.property(
      fc.array(anySubmit, { minLength: 1, maxLength: 30, size: "max" }),
      fc.constantFrom(37, 700, 4096, 65536),
      (frames, readSize) => {
        const rig = new ServerRig({ controlRate: { burst: 1e9 } }).open();
        const packets = frames.map(({ kind, size, traceId }, i) => {
          const tensors = {
            tileIds: [3, 4],
            sections: [{ roleId: 2, dtypeId: 0, tilePayloads: [patterned(size, i), patterned(7, i)] }],
          };
          const typedPayloads = [payload(0x40, patterned(size, i))];
          if (kind === "typed") return submitPacket(i, { traceId, typedPayloads });
          if (kind === "tensor") return submitPacket(i, { traceId, ...tensors, typedPayloads: undefined });
          if (kind === "mixed") return submitPacket(i, { traceId, ...tensors, typedPayloads });
          if (kind === "camera") {
            return submitPacket(i, { traceId, typedPayloads: undefined, cameraBlock: patterned(size, i) });
          }
          return submitPacket(i, { traceId, typedPayloads: undefined });
        });
        const contentOf = (f: ServerRig["frames"][number]) => ({
          numbers: [
            f.frameId,
            f.viewId,
            f.routeId,
            f.traceId,
            f.flags,
            f.sessionId,
            f.sectionCount,
            f.payloadKindBitmap,
          ],
          metadata: f.metadata,
          payloads: f.typedPayloads.map((p) => [p.payloadKind, p.payload.slice()]),
          sections: f.sections.map((s) => s.tilePayloads.map((t) => t.slice())),
          camera: f.cameraBlock.slice(),
          packet: encodePacket(f.packet),
        });
        readInto(rig.current, join(packets.map(encodePacket)), readSize);
        assertEquals(rig.frames.length, packets.length);
        for (const [i, frame] of rig.frames.entries()) {
          const alone = new ServerRig().open();
          alone.receive(packets[i]);
          assertEquals(contentOf(frame), contentOf(alone.frames[0]));
        }
      },
    ),
    { numRuns: 80 },
  );
});

test("what came with the hello says the same once the hello is accepted", () => {
  const rig = new ServerRig();
  rig.acceptAtOnce = false;
  const one = new ServerRig().open();
  one.receive(submitPacket(1));
  const hello = new ClientRig().hello()[0];
  readInto(rig.current, join([encodePacket(hello), encodePacket(submitPacket(1, { traceId: 9n }))]), 50);
  rig.accept();
  assertEquals([rig.frames[0].text(), rig.frames[0].traceId, rig.context!.metadata.authBytes], [
    "frame 1",
    9n,
    0,
  ]);
  assert(rig.context!.controlExtensions.length > 0);
  assertEquals(encodePacket(rig.context!.packet), encodePacket(hello));
});
