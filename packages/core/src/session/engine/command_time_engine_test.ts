/**
 * Every command that needs the time goes by the time it was given, not by that of the last packets: the engine was idle for an
 * hour before each of them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { ClientRig, helloPacket, PacketRecorder, RecordingReply, ServerRig } from "@nnrp/testing/engines";
import { bare, cacheAckPacket, submitPacket } from "@nnrp/testing/packets";
import { TypedPayload } from "../../body/typed_payloads.ts";
import type { ResultFields } from "../../body/result_push.ts";
import { MessageType } from "../../wire/enums.ts";
import { decodeResultPushMetadata } from "../../wire/metadata/result_push.ts";
import type { NnrpPacket } from "../../wire/packet.ts";

const HOUR = 3_600_000;
const NO_IDLE_LIMIT = { idleTimeoutMs: 0 };

const viewOf = ({ metadata }: NnrpPacket) =>
  new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength);

/** A server with a frame that came an hour ago and was started 40 ms ago. */
function oldFrame() {
  const rig = new ServerRig(NO_IDLE_LIMIT).open();
  rig.receive(submitPacket(1));
  const [frame] = rig.frames;
  rig.nowMs += HOUR;
  frame.startedAtMs = rig.nowMs - 40;
  return { rig, frame };
}

/** Times of the last result that was sent: 40 ms of work, and an hour (as much as the field holds) in all. */
const WORKED = [40, 0xffff];
function times(rig: ServerRig): number[] {
  const packet = rig.out.take().at(-1)!;
  const { inferenceMs, serverTotalMs } = decodeResultPushMetadata(viewOf(packet), 0, packet.metadata.length);
  return [inferenceMs, serverTotalMs];
}

/** The round trip of a ping that is answered 7 ms after it was sent. */
function roundTrip(rig: ClientRig | ServerRig): number | undefined {
  rig.nowMs += HOUR;
  const reply = new RecordingReply<number>();
  rig.engine.ping(reply, rig.nowMs);
  rig.nowMs += 7;
  rig.receive(bare(MessageType.PONG, { traceId: rig.out.take()[0].header.traceId }));
  return reply.value;
}

const RESULTS: Record<string, ResultFields> = {
  "typed payloads": { typedPayloads: [TypedPayload.tokenChunk("a")] },
  "tensors": { tileIds: [] },
};

const COMMANDS: Record<string, () => { seen: unknown; expected: unknown }> = {
  ...Object.fromEntries(
    Object.entries(RESULTS).map(([what, result]) => [`sendResult of ${what}`, () => {
      const { rig, frame } = oldFrame();
      rig.engine.sendResult(frame, result, true, rig.nowMs);
      return { seen: times(rig), expected: WORKED };
    }]),
  ),
  "endStream": () => {
    const { rig, frame } = oldFrame();
    rig.engine.sendPart(frame, { typedPayloads: [TypedPayload.tokenChunk("a")] });
    rig.engine.endStream(frame, rig.nowMs);
    return { seen: times(rig), expected: WORKED };
  },
  "accept: what came with the hello": () => {
    const rig = new ServerRig(NO_IDLE_LIMIT);
    rig.acceptAtOnce = false;
    rig.receive(helloPacket(), submitPacket(1));
    rig.nowMs += HOUR;
    rig.accept();
    return { seen: rig.frames[0].receivedAtMs, expected: rig.nowMs };
  },
  "ping of a server": () => ({ seen: roundTrip(new ServerRig(NO_IDLE_LIMIT).open()), expected: 7 }),
  "ping of a client": () => ({ seen: roundTrip(new ClientRig(NO_IDLE_LIMIT).open()), expected: 7 }),
  "showPath": () => {
    const rig = new ClientRig(NO_IDLE_LIMIT).open();
    rig.nowMs += HOUR;
    rig.engine.showPath(rig.nowMs);
    rig.nowMs += 7;
    rig.receive(bare(MessageType.PONG, { traceId: rig.out.take()[0].header.traceId }));
    return { seen: rig.engine.keepAlive.lastRttMs, expected: 7 };
  },
  "tick: a keep-alive": () => {
    const rig = new ClientRig(NO_IDLE_LIMIT).open();
    rig.pass(1); // notices that the hello was sent
    const [ping] = rig.pass(HOUR);
    rig.nowMs += 7;
    rig.receive(bare(MessageType.PONG, { traceId: ping.header.traceId }));
    return { seen: rig.engine.keepAlive.lastRttMs, expected: 7 };
  },
  "putCache: the life of the object": () => {
    const rig = new ClientRig(NO_IDLE_LIMIT).open();
    rig.nowMs += HOUR;
    const key = { objectKind: 1, cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 9 };
    const fields = { ...key, ttlMs: 500, objectBytes: 1, codecBitmap: 0, flags: 0 };
    rig.engine.putCache(fields, new Uint8Array(1), rig.putReply(), rig.nowMs);
    const { traceId } = rig.out.take()[0].header;
    rig.receive(cacheAckPacket({ ...key, acceptedTtlMs: 500 }, { traceId }));
    const at = (ms: number) => rig.engine.cache.isUsable(key, rig.nowMs + ms);
    return { seen: [at(499), at(500)], expected: [true, false] };
  },
  "moveTo: silence counts from the move": () => {
    const rig = new ClientRig({ keepAliveMs: 0, idleTimeoutMs: 1000 }).open();
    rig.nowMs += HOUR;
    rig.engine.moveTo(new PacketRecorder(), rig.nowMs);
    return { seen: rig.engine.nextDeadlineMs, expected: rig.nowMs + 1000 };
  },
  "restart: silence counts from the new start": () => {
    const rig = new ClientRig({ keepAliveMs: 0, idleTimeoutMs: 1000 }).open();
    rig.nowMs += HOUR;
    rig.engine.restart(new PacketRecorder(), rig.nowMs);
    return { seen: rig.engine.nextDeadlineMs, expected: rig.nowMs + 1000 };
  },
};

for (const [command, play] of Object.entries(COMMANDS)) {
  test(`after an hour without a packet: ${command} goes by the time it is given`, () => {
    const { seen, expected } = play();
    assertEquals(seen, expected);
  });
}
