import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { results, resultTargets, submits } from "../../../tests/body_arbitraries.ts";
import { ackFor, helloPacket } from "@nnrp/testing/engines";
import { samplePacket, submitPacket } from "@nnrp/testing/packets";
import { encodeFrameSubmit } from "../../body/frame_submit.ts";
import { encodeResultPush, type ResultFields } from "../../body/result_push.ts";
import { TypedPayload } from "../../body/typed_payloads.ts";
import { NnrpValueError } from "../../errors.ts";
import { MessageType } from "../../wire/enums.ts";
import { laneOf } from "../../wire/metadata/registry.ts";
import { enumName } from "../../wire/enum_names.ts";
import { type Outbox, PacketBuffer } from "../../wire/outbox.ts";
import { encodePacket, type NnrpPacket } from "../../wire/packet.ts";
import { PacketCursor } from "../../wire/packet_cursor.ts";
import { ClientEngine } from "./client_engine.ts";
import type { ClientHost } from "./client_host.ts";
import { buildClientHello } from "../handshake/client_hello.ts";
import { buildHelloAck, judgeHello } from "../handshake/negotiation.ts";
import type { PacketOutput } from "./packet_writer.ts";
import type { ReceivedSubmit } from "../frames/received_submit.ts";
import { type AgreedHandshake, ServerHandshake } from "../handshake/server_handshake.ts";
import type { SessionEngine } from "./session_engine.ts";
import { ServerEngine } from "./server_engine.ts";
import type { ServerHost } from "./server_host.ts";

// Write memory is shared by all connections: a byte that was reserved and not written would tell one peer what another
// connection sent. So everything is written twice, into memory full of one pattern and of another, and must not differ.
const PATTERNS = [0xaa, 0x55] as const;

/** Memory that others have used. */
function used(pattern: number): PacketBuffer {
  const buffer = new PacketBuffer(1 << 18);
  buffer.bytes.fill(pattern);
  return buffer;
}

/** Writes into both; null if it is refused. */
function bothWays(write: (out: Outbox) => void): Uint8Array[] | null {
  try {
    return PATTERNS.map((pattern) => {
      const out = used(pattern);
      write(out);
      return out.toBytes();
    });
  } catch (error) {
    if (error instanceof NnrpValueError) return null;
    throw error;
  }
}

test("a submit says nothing of what the memory held before", () => {
  let compared = 0;
  fc.assert(
    fc.property(submits, (request) => {
      const bytes = bothWays((out) => encodeFrameSubmit(out, 7, request));
      if (bytes === null) return;
      compared++;
      assertEquals(bytes[0], bytes[1]);
    }),
    { numRuns: 300 },
  );
  assert(compared > 200, `only ${compared} were written`);
});

test("a result says nothing of what the memory held before", () => {
  let compared = 0;
  fc.assert(
    fc.property(resultTargets, results, (target, result) => {
      const bytes = bothWays((out) => encodeResultPush(out, 7, target, result));
      if (bytes === null) return;
      compared++;
      assertEquals(bytes[0], bytes[1]);
    }),
    { numRuns: 300 },
  );
  assert(compared > 200, `only ${compared} were written`);
});

/** An output on used memory that keeps what is committed. */
class UsedOutput implements PacketOutput {
  readonly multiStream: boolean = false;
  readonly limits = { maxMetadataBytes: 4096, maxBodyBytes: 1 << 20, maxProbeBodyBytes: 1 << 20 };
  readonly packets: Uint8Array[] = [];
  readonly #pattern: number;
  #open: PacketBuffer;

  constructor(pattern: number) {
    this.#pattern = pattern;
    this.#open = used(pattern);
  }
  begin(): Outbox {
    return this.#open;
  }
  commit(): void {
    this.packets.push(this.#open.toBytes());
    this.#open = used(this.#pattern);
  }
  endFrame(): void {}
}

function deliver(engine: SessionEngine, ...packets: NnrpPacket[]): void {
  engine.begin(1000);
  for (const packet of packets) {
    const bytes = encodePacket(packet);
    engine.receive(new PacketCursor(bytes), laneOf(bytes[6]));
  }
  engine.turn();
}

const names = (packets: readonly Uint8Array[]): string[] => packets.map((p) => enumName(MessageType, p[6]));
const nothing = () => {};

test("nothing that a server engine says tells what the memory held before", () => {
  const said = PATTERNS.map((pattern) => {
    const out = new UsedOutput(pattern);
    const frames: ReceivedSubmit[] = [];
    const host: ServerHost = {
      submit: (frame) => void frames.push(frame),
      cancelled: nothing,
      flow: nothing,
      patched: nothing,
      error: nothing,
      draining: nothing,
      finished: nothing,
    };
    let agreed: AgreedHandshake | null = null;
    const handshake = new ServerHandshake(out, {
      hello: ({ metadata, controlExtensions }) => {
        const agreement = judgeHello({ metadata, controlExtensions }, {});
        assert(agreement.accepted);
        const ack = buildHelloAck(agreement, { sessionId: 7, activeTransportId: 2, modelName: "abc" });
        agreed = handshake.agree(ack.metadata, ack.body);
      },
      ended: nothing,
    });
    deliver(handshake, samplePacket(MessageType.SESSION_MIGRATE), helloPacket({ auth: "secret" }));
    const engine = new ServerEngine(agreed!, host, { acknowledgeInvalidate: true });
    const asked = [
      MessageType.PING,
      MessageType.SESSION_PATCH,
      MessageType.CACHE_PUT,
      MessageType.CACHE_INVALIDATE,
      MessageType.TRANSPORT_PROBE,
      MessageType.SESSION_MIGRATE,
      MessageType.RESULT_HINT,
    ];
    deliver(engine, ...asked.map((type) => samplePacket(type)));
    const answers: ResultFields[] = [
      {},
      { typedPayloads: [TypedPayload.tokenChunk("abc")] },
      { typedPayloads: [TypedPayload.tokenChunk("abc"), TypedPayload.opaqueBytes(new Uint8Array(5))] },
      { tileIds: [1], sections: [{ roleId: 1, dtypeId: 0, tilePayloads: [new Uint8Array(3)] }] },
    ];
    answers.forEach((_, i) => deliver(engine, submitPacket(i + 1)));
    answers.forEach((answer, i) => assert(engine.sendResult(frames[i], answer, true, 1000)));
    answers.forEach((_, i) => deliver(engine, submitPacket(i + 100)));
    answers.slice(1, 3).forEach((answer, i) => assert(engine.sendPart(frames[answers.length + i], answer)));
    engine.endStream(frames[answers.length], 1000);
    engine.sendDrop(frames[answers.length + 1]);
    engine.failFrame(frames[answers.length + 2], { errorCode: 6, diagnostic: "odd" });
    engine.sendHint({ appliedBudgetPolicy: 0, congestionState: 1, reason: 0, retryAfterMs: 0 }, {});
    engine.ping({ resolve: nothing, reject: nothing }, 1000);
    engine.close("going");
    return out.packets;
  });
  assertEquals(said[0], said[1]);
  const kinds = new Set(names(said[0]));
  const expected = [
    "SESSION_MIGRATE_ACK",
    "SERVER_HELLO_ACK",
    "PONG",
    "SESSION_PATCH_ACK",
    "CACHE_ACK",
    "TRANSPORT_PROBE_ACK",
    "ERROR",
    "RESULT_PUSH",
    "RESULT_DROP",
    "RESULT_HINT",
    "PING",
    "CLOSE",
  ];
  for (const name of expected) assert(kinds.has(name), `${name} was not sent, only ${[...kinds]}`);
});

test("nothing that a client engine says tells what the memory held before", () => {
  const said = PATTERNS.map((pattern) => {
    const out = new UsedOutput(pattern);
    const engine = new ClientEngine(out, new Proxy({}, { get: () => nothing }) as ClientHost);
    const hello = buildClientHello({ auth: "secret" });
    engine.opened(1000);
    engine.hello(hello.metadata, hello.body);
    deliver(engine, ackFor(helloPacket({ auth: "secret" })));
    const waiter = () => ({
      frameId: 0,
      viewId: 0,
      deadlineMs: 0,
      late: false,
      heapAt: -1,
      untilEos: false,
      result: nothing,
      timedOut: nothing,
      failed: nothing,
    });
    engine.submit({ frameId: 1 }, undefined, waiter());
    engine.submit(
      { frameId: 2, typedPayloads: [TypedPayload.opaqueBytes(new Uint8Array(5))] },
      undefined,
      waiter(),
    );
    engine.submit(
      { frameId: 3, typedPayloads: [TypedPayload.tokenChunk("a"), TypedPayload.tokenChunk("bc")] },
      undefined,
      waiter(),
    );
    engine.cancel(2, 0);
    engine.ping({ resolve: nothing, reject: nothing }, 1000);
    deliver(engine, samplePacket(MessageType.PING), samplePacket(MessageType.CLIENT_HELLO));
    engine.close("going");
    return out.packets;
  });
  assertEquals(said[0], said[1]);
  assertEquals(
    new Set(names(said[0])),
    new Set(["CLIENT_HELLO", "FRAME_SUBMIT", "FRAME_CANCEL", "PING", "PONG", "ERROR", "CLOSE"]),
  );
});
