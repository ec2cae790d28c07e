import { type ClientSession, dialClient } from "@nnrp/client";
import {
  encodeControlExtensions,
  encodePacket,
  enumName,
  ErrorCode,
  ErrorScope,
  MessageType,
  type NnrpPacket,
  TypedPayload,
} from "@nnrp/core";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { helloPacket, RawPeer, RawServer, until } from "../support/raw_peer.ts";
import { ackFor } from "@nnrp/testing/engines";
import {
  bare,
  cachePutPacket,
  flowPacket,
  headerBytes,
  hintPacket,
  invalidatePacket,
  join,
  patchPacket,
  patterned,
  resultPacket,
  samplePacket,
  submitPacket,
} from "@nnrp/testing/packets";
import { underAttack } from "./good_client.ts";

/** Sends bytes in pieces; the event loop has its turn after each, so that the other side reads them one by one. */
async function drip(peer: RawPeer, bytes: Uint8Array, pieceBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    peer.send(bytes.subarray(at, at + pieceBytes));
    await new Promise((done) => setImmediate(done));
  }
}

const nameOf = ({ header }: NnrpPacket): string =>
  `${enumName(MessageType, header.msgType)} ${header.frameId}/${header.viewId}`;

/** The ERROR that a connection ended with, if it did. */
function lastWords(peer: RawPeer): string {
  const last = peer.packets.at(-1);
  if (last?.header.msgType !== MessageType.ERROR) return "none";
  const view = new DataView(last.metadata.buffer, last.metadata.byteOffset);
  return `${enumName(ErrorCode, view.getUint32(0, true))} ${enumName(ErrorScope, view.getUint32(4, true))}`;
}

test("a server that gets a conversation byte by byte answers it as one that gets it whole", async () => {
  const conversation = join([
    helloPacket({ auth: "me", requestedSessionId: 7 }),
    submitPacket(1),
    bare(MessageType.PING, { traceId: 5n }),
    patchPacket(),
    cachePutPacket(),
    submitPacket(2, { viewId: 4 }),
    flowPacket({ credit: 1 }),
    invalidatePacket(),
    bare(MessageType.FRAME_CANCEL, { frameId: 99 }),
    submitPacket(3, { typedPayloads: [TypedPayload.opaqueBytes(patterned(3000, 1))] }),
    bare(MessageType.CLOSE),
  ].map(encodePacket));
  await underAttack({ keepAliveMs: 0 }, async ({ port, serves }) => {
    const answers: string[][] = [];
    for (const pieceBytes of [conversation.length, 1, 7, 41]) {
      const peer = await RawPeer.connect(port);
      await drip(peer, conversation, pieceBytes);
      while (!peer.isEnded) await peer.change();
      answers.push(peer.packets.map(nameOf).sort());
      peer.destroy();
      await serves();
    }
    assertEquals(answers[0].filter((name) => name.startsWith("RESULT_PUSH")).length, 3);
    for (const answer of answers) assertEquals(answer, answers[0]);
  });
});

test("a client that gets a conversation byte by byte hears what one hears that gets it whole", async () => {
  const raw = await RawServer.listen();
  const heard: string[][] = [];
  for (const pieceBytes of [100_000, 1, 7, 41]) {
    const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`);
    const peer = await raw.accept();
    await drip(peer, encodePacket(ackFor(await peer.next("CLIENT_HELLO"))), pieceBytes);
    const client = await dialling;
    const results = [1, 2].map((frameId) => client.submit({ frameId }));
    await peer.next("FRAME_SUBMIT");
    await peer.next("FRAME_SUBMIT");
    const packets = [hintPacket(), resultPacket(2), flowPacket({ credit: 3 }), resultPacket(1)];
    await drip(peer, join([...packets, bare(MessageType.PING)].map(encodePacket)), pieceBytes);
    await peer.next("PONG");
    const texts = (await Promise.all(results)).map((result) => result.text());
    const { value: hint } = await client.resultHints()[Symbol.asyncIterator]().next();
    const flow = await client.receiveFlowUpdate();
    heard.push([...texts, `hint ${hint?.metadata.congestionState}`, `credit ${flow.metadata.sessionCredit}`]);
    peer.destroy();
    await client.close();
  }
  raw.close();
  assertEquals(heard[0], ["result 1", "result 2", "hint 1", "credit 3"]);
  for (const one of heard) assertEquals(one, heard[0]);
});

test("limits: what is just within them passes, one byte more ends the frame or else the connection, and no other", async () => {
  const opaque = (bytes: number) => ({ typedPayloads: [TypedPayload.opaqueBytes(patterned(bytes, 1))] });
  const maxBodyBytes = submitPacket(1, opaque(50_000)).body.length;
  const helloBytes = (bytes: number) => helloPacket({ auth: patterned(bytes, 1) });
  const extensionBytes = helloBytes(0).body.length;
  const afterHello = { type: MessageType.FRAME_SUBMIT, meta: 72 };
  const table: readonly [
    what: string,
    afterHello: boolean,
    send: NnrpPacket | Uint8Array,
    outcome: string,
  ][] = [
    ["a body as long as the limit", true, submitPacket(1, opaque(50_000)), "RESULT_PUSH 1/0"],
    [
      "a body one byte longer",
      true,
      join([headerBytes({ ...afterHello, body: maxBodyBytes + 1 }), new Uint8Array(72)]),
      "LIMIT_EXCEEDED FRAME",
    ],
    [
      "metadata as long as the limit",
      true,
      join([headerBytes({ ...afterHello, meta: 4096 }), new Uint8Array(4096)]),
      "INVALID_STATE FRAME",
    ],
    [
      "metadata one byte longer",
      true,
      headerBytes({ ...afterHello, meta: 4097 }),
      "LIMIT_EXCEEDED CONNECTION",
    ],
    ["a hello as long as the limit", false, helloBytes(65_536 - extensionBytes), "SERVER_HELLO_ACK 0/0"],
    ["a hello one byte longer", false, helloBytes(65_537 - extensionBytes), "LIMIT_EXCEEDED CONNECTION"],
    [
      "a body beyond the limit before the hello is accepted",
      false,
      headerBytes({ ...afterHello, body: 65_537 }),
      "LIMIT_EXCEEDED CONNECTION",
    ],
    [
      "a probe as long as the limit",
      false,
      headerBytes({ type: MessageType.TRANSPORT_PROBE, meta: 16, body: 1_048_577 }),
      "LIMIT_EXCEEDED CONNECTION",
    ],
  ];
  await underAttack({ profile: { maxBodyBytes } }, async ({ port, serves }) => {
    for (const [what, isAfterHello, send, outcome] of table) {
      const peer = isAfterHello
        ? await RawPeer.shakeHands(port, { requestedSessionId: 7 })
        : await RawPeer.connect(port);
      peer.send(send);
      await until(() => peer.packets.length > 0, what);
      const isRefused = outcome === "LIMIT_EXCEEDED CONNECTION";
      if (isRefused) await until(() => peer.isEnded, `the end after ${what}`);
      const words = lastWords(peer);
      assertEquals(words === "none" ? nameOf(peer.packets[0]) : words, outcome, what);
      assertEquals(peer.isEnded, isRefused, what);
      peer.destroy();
      await until(() => peer.isClosed, "its socket to be gone");
    }
    await serves();
  });
});

test("all 256 message types, before the hello, in a session and while it drains: answered, or the end", async () => {
  const states = ["before the hello", "in a session", "while it drains"] as const;
  await underAttack({}, async ({ port, server, serves }) => {
    for (const state of states) {
      for (let first = 0; first < 256; first += 128) {
        await Promise.all(Array.from({ length: 128 }, async (_, i) => {
          const type = first + i;
          const known = Object.values(MessageType).includes(type as MessageType);
          const peer = await RawPeer.connect(port);
          if (state !== "before the hello") peer.send(helloPacket());
          if (state === "while it drains") peer.send(bare(MessageType.CLOSE));
          peer.send(headerBytes({ type }));
          if (known) peer.send(samplePacket(type));
          if (known) peer.end();
          while (!peer.isEnded) await peer.change();
          if (!known && state !== "while it drains") {
            assertEquals(lastWords(peer), "MALFORMED_HEADER CONNECTION", `type ${type} ${state}`);
          }
          peer.destroy();
        }));
      }
      await serves();
    }
    assertEquals(server.stats.handlerFailures, 0);
  });
});

async function scene(type: number, dialling: Promise<ClientSession>, peer: RawPeer): Promise<void> {
  peer.send(ackFor(await peer.next("CLIENT_HELLO")));
  peer.send(headerBytes({ type }));
  const known = Object.values(MessageType).includes(type as MessageType);
  if (known) peer.send(samplePacket(type), bare(MessageType.PING, { traceId: 9n }));
  const client = await dialling;
  if (!known || type === MessageType.CLOSE) {
    const end = await client.closed;
    assertEquals(end.kind, known ? "close" : "error", `type ${type}`);
    if (!known) assert(end.reason.length > 0);
  } else await peer.next("PONG");
  peer.destroy();
  await client.close({ drainMs: 0 });
}

test("all 256 message types sent to a client: its session goes on or ends with a reason, nothing is thrown elsewhere", async () => {
  const raw = await RawServer.listen();
  const scenes: Promise<void>[] = [];
  for (let type = 0; type < 256; type++) {
    const dialling = dialClient(`nnrp://127.0.0.1:${raw.port}`);
    scenes.push(scene(type, dialling, await raw.accept()));
  }
  await Promise.all(scenes);
  raw.close();
});

test("bloated hellos and frames: thousands of entries are taken or refused as a whole, and nobody waits for them", async () => {
  const block = (entries: number) =>
    encodeControlExtensions(
      Array.from(
        { length: entries },
        (_, i) => ({ extType: 0x4000 + (i % 0x1000), payload: new Uint8Array(8) }),
      ),
    );
  const hello = (entries: number): NnrpPacket => {
    const packet = helloPacket({ streamedResults: false, migrationToken: false });
    const body = block(entries);
    const metadata = packet.metadata.slice();
    new DataView(metadata.buffer).setUint32(60, body.length, true);
    return { header: { ...packet.header, bodyLen: body.length }, metadata, body };
  };
  const many = Array.from({ length: 10_000 }, (_, i) => TypedPayload.tokenChunk(String(i % 10)));
  await underAttack({}, async ({ port, serves }) => {
    const taken = await Promise.all(Array.from({ length: 20 }, () => RawPeer.connect(port)));
    for (const peer of taken) peer.send(hello(4000));
    const refused = await Promise.all(Array.from({ length: 20 }, () => RawPeer.connect(port)));
    for (const peer of refused) peer.send(hello(10_000));
    await serves();
    for (const peer of taken) assertEquals(nameOf(await peer.next()), "SERVER_HELLO_ACK 0/0");
    await until(() => refused.every((peer) => peer.isEnded), "refusals");
    for (const peer of refused) assertEquals(lastWords(peer), "LIMIT_EXCEEDED CONNECTION");
    const peer = await RawPeer.shakeHands(port, { requestedSessionId: 7 });
    for (let frameId = 0; frameId < 10; frameId++) peer.send(submitPacket(frameId, { typedPayloads: many }));
    await serves();
    for (let frameId = 0; frameId < 10; frameId++) {
      const { header } = await peer.next("RESULT_PUSH");
      assertEquals(header.frameId, frameId);
    }
    for (const one of [...taken, ...refused, peer]) one.destroy();
  });
});
