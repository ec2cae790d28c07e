/**
 * Scenarios about the end of a session and about silence inside one.
 *
 * @module
 */
import { check, sleep, within } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import type { JsonLine } from "../json_lines.ts";
import { echoOne } from "./echo.ts";

/** The server ends the connection after the client's CLOSE and accepts the next one. */
export async function close(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial();
  await echoOne(env, session, 1);
  await within(session.close({ reason: "done" }), env.timeoutMs, "close");
  await within(session.closed, env.timeoutMs, "the end of the session");
  await echoOne(env, await env.dial(), 1);
}

/** After the second frame the server closes, with a reason. */
export async function serverClose(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  for (const frameId of [1, 2]) await echoOne(env, session, frameId);
  const info = await within(session.closed, env.timeoutMs, "the server's close");
  check(!info.local && info.error === undefined, "a clean close by the server", info);
  check(info.reason.length > 0, "reason", info);
  return { reason: info.reason };
}

/** 2.5 s of silence, then a frame. */
export async function idle(env: ScenarioEnvironment): Promise<void> {
  const session = await env.dial();
  await sleep(2500);
  await echoOne(env, session, 1);
}
