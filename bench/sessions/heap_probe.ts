/**
 * The process in which engines are counted: what one idle `ClientEngine` or `ServerEngine` keeps on the heap after its
 * handshake, with an output that remembers nothing.
 *
 * @module
 */
import {
  buildClientHello,
  buildHelloAck,
  ClientEngine,
  type ClientHost,
  decodePacket,
  encodePacket,
  judgeHello,
  type NnrpPacket,
  type Outbox,
  PacketBuffer,
  PacketCursor,
  type PacketOutput,
  ServerEngine,
  ServerHandshake,
  SessionState,
} from "@nnrp/core";
import process from "node:process";
import { control } from "../peers/control.ts";

/** Engines alive while they are counted. */
const ENGINES = 4000;
/** Rounds; the first one warms up. */
const ROUNDS = 4;

const collect = (globalThis as { gc?: () => void }).gc!;
const nothing = () => {};
const clientHost = new Proxy({}, { get: () => nothing }) as ClientHost;

/** Takes what is written and keeps the last packet only. */
class LastPacket implements PacketOutput {
  readonly multiStream: boolean = false;
  readonly limits = { maxMetadataBytes: 4096, maxBodyBytes: 65536, maxProbeBodyBytes: 1048576 };
  readonly #buffer = new PacketBuffer(4096);
  begin(): Outbox {
    this.#buffer.length = 0;
    return this.#buffer;
  }
  commit(): void {}
  endFrame(): void {}
  take(): NnrpPacket {
    return decodePacket(this.#buffer.toBytes());
  }
}

const output = new LastPacket();
const hello = buildClientHello({ auth: "idle" });
new ClientEngine(output, clientHost).hello(hello.metadata, hello.body);
const helloBytes = encodePacket(output.take());

function server(): ServerEngine {
  let engine: ServerEngine | undefined;
  const handshake = new ServerHandshake(output, {
    ended: nothing,
    hello: ({ metadata, controlExtensions }) => {
      const agreement = judgeHello({ metadata, controlExtensions }, {});
      if (!agreement.accepted) throw new Error(agreement.diagnostic);
      const ack = buildHelloAck(agreement, { sessionId: 7, activeTransportId: 2 });
      engine = new ServerEngine(handshake.agree(ack.metadata, ack.body)!, {
        cancelled: nothing,
        draining: nothing,
        error: nothing,
        finished: nothing,
        flow: nothing,
        patched: nothing,
        submit: nothing,
      });
      engine.start(1000);
    },
  });
  handshake.opened(1000);
  handshake.begin(1000);
  handshake.receive(new PacketCursor(helloBytes), "control");
  handshake.turn();
  return engine!;
}

server();
const ackBytes = encodePacket(output.take());

function client(): ClientEngine {
  const engine = new ClientEngine(output, clientHost);
  engine.opened(1000);
  engine.hello(hello.metadata, hello.body);
  engine.begin(1000);
  engine.receive(new PacketCursor(ackBytes), "control");
  engine.turn();
  return engine;
}

/** Bytes on and off the JavaScript heap that are in use now. */
function used(): { heap: number; outside: number } {
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, outside: external };
}

function count(make: () => ClientEngine | ServerEngine): { heap: number[]; outside: number[] } {
  const heap: number[] = [];
  const outside: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const engines: (ClientEngine | ServerEngine)[] = new Array(ENGINES).fill(null);
    const before = used();
    for (let i = 0; i < ENGINES; i++) engines[i] = make();
    const after = used();
    if (engines.some((engine) => engine.state !== SessionState.ACTIVE)) throw new Error("a handshake failed");
    if (round === 0) continue;
    heap.push((after.heap - before.heap) / ENGINES);
    outside.push((after.outside - before.outside) / ENGINES);
  }
  return { heap, outside };
}

await control({ ready: true }, () => Promise.resolve({ client: count(client), server: count(server) }));
