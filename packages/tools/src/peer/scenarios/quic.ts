/**
 * Scenarios about QUIC itself: the protocol name, and which stream carries what (behaviour spec §3).
 *
 * @module
 */
import { check, refusal } from "../check.ts";
import type { ScenarioEnvironment } from "../environment.ts";
import { sameTensor, tensorRequest } from "../frames.ts";
import type { JsonLine } from "../json_lines.ts";

/** A client that offers only another ALPN name is turned away; a list with `nnrp/1` is fine. */
export async function alpn(env: ScenarioEnvironment): Promise<JsonLine> {
  const connect = async (alpnProtocols: string[]): Promise<Deno.QuicConn> =>
    await Deno.connectQuic({
      hostname: env.options.host,
      port: env.port,
      caCerts: env.options.ca ? [env.options.ca] : undefined,
      alpnProtocols,
      maxIdleTimeout: env.timeoutMs,
    });
  const reason = await refusal(connect(["h3"]), "h3 alone");
  const conn = await connect(["h3", "nnrp/1"]);
  const { protocol } = conn;
  conn.close({ closeCode: 0, reason: "" });
  check(protocol === "nnrp/1", "alpn", protocol);
  return { reason: String(reason) };
}

/** Control on the client's first stream, submits on its unidirectional ones, results on the server's. */
export async function streams(env: ScenarioEnvironment): Promise<JsonLine> {
  const session = await env.dial();
  const { carrier } = session.raw;
  const submit: number[] = [];
  const result: number[] = [];
  for (const frameId of [1, 2, 3]) {
    const request = tensorRequest(frameId);
    await session.submitNowait(request);
    submit.push(carrier.lastStreamId("submit"));
    sameTensor(request, await session.receiveResult({ frameId, timeoutMs: env.timeoutMs }));
    result.push(carrier.lastStreamId("result"));
  }
  const control = carrier.lastStreamId("control");
  check(control === 0 && submit.join() === "2,6,10", "client streams", { control, submit });
  check(result.every((id) => id % 4 === 3) && new Set(result).size === 3, "server streams", result);
  return { submit, result };
}
