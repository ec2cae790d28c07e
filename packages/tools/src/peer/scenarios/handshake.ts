/**
 * Scenarios about the hello: what it carries, how it is answered, and how a connection without one is treated.
 *
 * @module
 */
import type { ClientSession } from "@nnrp/client";
import {
  ErrorCode,
  ErrorScope,
  MessageType,
  NnrpProtocolError,
  ResultClass,
  TransportId,
  TransportPolicy,
} from "@nnrp/core";
import { check, refusal, within } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import type { JsonLine } from "../json_lines.ts";
import { rawPacket } from "../raw_connection.ts";
import { echoOne } from "./echo.ts";

const UTF8 = new TextEncoder();

/** The ack says version 1, the requested session id and limits. */
export async function hello(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial({ requestedSessionId: 4242 });
  const ack = session.helloAck;
  check(
    ack.selectedVersionMajor === 1 && ack.selectedWireFormat === 0 && ack.authStatus === 0,
    "ack identity",
    ack,
  );
  check(ack.sessionId === 4242 && session.sessionId === 4242, "session id", ack.sessionId);
  check(ack.maxConcurrentFrames >= 1 && ack.maxBodyBytes > 0, "limits", ack);
  return {
    max_concurrent_frames: ack.maxConcurrentFrames,
    max_body_bytes: ack.maxBodyBytes,
    extension_bytes: ack.controlExtensionBytes,
    model: session.modelName,
  };
}

/** Two clients that wish no id get two different ones. */
export async function helloAllocate(env: ScenarioEnvironment): Promise<JsonLine> {
  const sessions = await Promise.all([
    env.dial({ requestedSessionId: 0 }),
    env.dial({ requestedSessionId: 0 }),
  ]);
  const [a, b] = sessions.map((session: ClientSession) => session.sessionId);
  check(a !== 0 && b !== 0 && a !== b, "ids", [a, b]);
  return { ids: [a, b] };
}

/** Transport policy, an unknown extension and an auth block together are accepted. */
export async function helloExtensions(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial({
    auth: "tok",
    transportPolicy: { transportPolicy: TransportPolicy.PREFER_TCP, preferredTransportId: TransportId.TCP },
    controlExtensions: [{ extType: 0x4001, payload: UTF8.encode("hello") }],
  });
  return { model: session.modelName, result: await classOfEcho(env, session) };
}

/** A profile without cache and with two views. */
export async function helloNoCache(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial({ profile: { enableCache: false, maxViews: 2, maxCacheEntries: 5 } });
  return { result: await classOfEcho(env, session) };
}

/** The right auth block gets a session. */
export async function authAccept(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial({ auth: "sesame" });
  check(session.helloAck.authStatus === 0, "auth_status", session.helloAck.authStatus);
  return { result: await classOfEcho(env, session) };
}

/** A wrong auth block is refused with AUTH_FAILED; the next client is served. */
export async function authRefuse(env: ScenarioEnvironment): Promise<JsonLine> {
  const error = await refusal(env.dial({ auth: "wrong" }), "a wrong auth block");
  check(error instanceof NnrpProtocolError, "expected the server's ERROR", String(error));
  check(
    error.errorCode === ErrorCode.AUTH_FAILED && error.fatal && error.errorScope === ErrorScope.CONNECTION,
    "error",
    error.message,
  );
  await echoOne(env, await env.dial({ auth: "sesame" }), 1);
  return { diagnostic: error.diagnostic };
}

/** A connection that never says hello keeps nobody out. */
export async function silentClient(env: ScenarioEnvironment): Promise<void> {
  await env.openRaw();
  await echoOne(env, await env.dial(), 1);
}

/** A first packet that is no hello is refused; the next client is served. */
export async function beforeHello(env: ScenarioEnvironment): Promise<JsonLine> {
  const connection = await env.openRaw();
  connection.send(rawPacket(MessageType.SESSION_PATCH, { sessionId: 1, metadata: new Uint8Array(36) }));
  const answer = await connection.receive(env.timeoutMs);
  check(!answer || answer.header.msgType === MessageType.ERROR, "expected ERROR", answer?.header.msgType);
  const outcome = answer ? `error 0x${answer.metadata[0].toString(16)}` : "closed";
  await within(connection.closed, env.timeoutMs, "the end of the connection");
  await echoOne(env, await env.dial(), 1);
  return { outcome };
}

async function classOfEcho(env: ScenarioEnvironment, session: ClientSession): Promise<string> {
  const result = await echoOne(env, session, 1);
  check(result.metadata?.resultClass === ResultClass.COMPLETE, "result class", result.className);
  return result.className;
}
