/**
 * Scenarios about bytes: broken packets inside a session, packets in odd pieces, and garbage.
 *
 * @module
 */
import {
  buildClientHelloPacket,
  buildFrameSubmitTypedPayloadPacket,
  encodePacket,
  ErrorCode,
  ErrorScope,
  MessageType,
  TypedPayload,
} from "@nnrp/core";
import { ByteSocket } from "../byte_socket.ts";
import { check, nextOf } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import type { JsonLine } from "../json_lines.ts";
import { rawPacket } from "../raw_connection.ts";
import { echoOne } from "./echo.ts";

/** Broken packets are answered with ERROR; the session lives. */
export async function badPackets(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial();
  const { sessionId } = session;
  const errors = session.errors();
  const { metadata, body } = typedSubmit(sessionId, 5, "x".repeat(40));
  const cut = { sessionId, frameId: 5, viewId: 2, traceId: 99n, metadata, body: body.subarray(0, 40) };
  session.raw.sendPacket("submit", rawPacket(MessageType.FRAME_SUBMIT, cut));
  const short = { sessionId, traceId: 98n, metadata: new Uint8Array(31) };
  session.raw.sendPacket("control", rawPacket(MessageType.FLOW_UPDATE, short));
  const seen = new Set<bigint>();
  for (let i = 0; i < 2; i++) {
    const { error, traceId } = await nextOf(errors, env.timeoutMs, "an ERROR");
    check(error.errorCode === ErrorCode.MALFORMED_BODY && !error.fatal, "error", error.message);
    const frame = error.errorScope === ErrorScope.FRAME && error.relatedFrameId === 5 &&
      error.relatedViewId === 2;
    check(traceId === 99n ? frame : error.errorScope === ErrorScope.SESSION, "scope", error.message);
    seen.add(traceId);
  }
  check(seen.has(98n) && seen.has(99n), "an ERROR echoes the trace id", [...seen]);
  await echoOne(env, session, 6);
}

/** A hello byte by byte, then two and a half frames in one write. */
export async function splitWrites(env: ScenarioEnvironment): Promise<void> {
  const socket = await connect(env);
  try {
    const hello = encodePacket(buildClientHelloPacket({ requestedSessionId: 31 }));
    for (let i = 0; i < hello.length; i++) await socket.write(hello.subarray(i, i + 1));
    const ack = await socket.readPacket();
    check(ack.header.msgType === MessageType.SERVER_HELLO_ACK, "ack", ack.header.msgType);
    const frames = [1, 2, 3].map((frameId) => encodePacket(typedSubmit(31, frameId, `t${frameId}`)));
    const half = 55;
    await socket.write(concat([frames[0], frames[1], frames[2].subarray(0, half)]));
    const got = [await socket.readPacket(), await socket.readPacket()];
    await socket.write(frames[2].subarray(half));
    got.push(await socket.readPacket());
    const ids = got.map((packet) => packet.header.frameId);
    check(ids.join() === "1,2,3", "frames", ids);
  } finally {
    socket.destroy();
  }
}

/** Four kinds of broken bytes; none hurts the next client. */
export async function garbage(env: ScenarioEnvironment): Promise<JsonLine> {
  const hello = encodePacket(buildClientHelloPacket({ requestedSessionId: 1 }));
  const changed = (at: number, value: number) => hello.map((byte, i) => i === at ? value : byte);
  const http = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + " ".repeat(40));
  const outcomes: string[] = [];
  for (const bytes of [http, changed(6, 0x7f), changed(7, 0x30), hello.subarray(0, -3)]) {
    const socket = await connect(env);
    await socket.write(bytes);
    socket.finish();
    outcomes.push(await socket.outcome(2000));
    socket.destroy();
  }
  await echoOne(env, await env.dial(), 1);
  return { outcomes };
}

function connect(env: ScenarioEnvironment): Promise<ByteSocket> {
  return ByteSocket.connect(env.options.host, env.options.tcpPort, env.timeoutMs);
}

function typedSubmit(sessionId: number, frameId: number, text: string) {
  return buildFrameSubmitTypedPayloadPacket({ sessionId, frameId, frames: [TypedPayload.tokenChunk(text)] });
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
