/**
 * A client on the installed packages: dials every carrier that the server named, does what users do, and prints one word for
 * each that worked. Its only argument is the server's line.
 *
 * @module
 */
import process from "node:process";
import { type ClientSession, dialClient, NnrpError, tensorSection, TypedPayload } from "@nnrp/client";
import { quic } from "@nnrp/quic";
import { tcp, tls } from "@nnrp/tcp";
import { webSocket } from "@nnrp/websocket";
import type { Listening } from "./server.ts";

const { urls, ca }: Listening = JSON.parse(process.argv[2]);

for (const [name, url] of Object.entries(urls)) {
  const session = await dialClient(url, { carriers: [tcp(), tls({ caCerts: [ca] }), webSocket()] });
  try {
    check(session.carrierName === name, `carrier ${session.carrierName}`);
    check(session.modelName === "packages", `model ${session.modelName}`);
    await tensors(session);
    await tokens(session);
    await cancel(session);
    check((await session.submit({ typedPayloads: [TypedPayload.tokenChunk("nothing")] })).isDrop, "no drop");
    check(await session.ping() >= 0, "no pong");
  } finally {
    await session.close();
  }
  console.log(`${name} ok`);
}

// By itself it finds a carrier for the address.
const byItself = await dialClient(urls.tcp);
await tokens(byItself);
await byItself.close();
console.log("default ok");

try {
  await dialClient("nnrp+quic://127.0.0.1:1", { carriers: [quic()], timeoutMs: 2000 });
  console.log("quic: dialled nothing");
} catch (error) {
  if (!(error instanceof NnrpError)) throw error;
  console.log("quic refused");
}

async function tensors(session: ClientSession): Promise<void> {
  const tiles = [Float32Array.of(1, 2, 3, 4), Float32Array.of(-1, 0.5, 1e9, 0)];
  const result = await session.submit({
    srcWidth: 4,
    srcHeight: 2,
    tileWidth: 2,
    tileHeight: 2,
    tileIds: [0, 1],
    sections: [tensorSection({ role: 5, dtype: "fp32", tiles })],
    latencyBudgetMs: 5000,
  });
  const answer = result.tensor(5);
  tiles.forEach((tile, id) =>
    check(String(answer?.tile(id)) === String(tile), `tile ${id}: ${answer?.tile(id)}`)
  );
  check(result.className === "COMPLETE", result.className);
  // A body much larger than any buffer.
  const large = new Uint8Array(3_000_000).map((_, i) => i * 31);
  const echo = await session.submit({
    srcWidth: 2000,
    srcHeight: 1500,
    tileWidth: 2000,
    tileHeight: 1500,
    tileIds: [0],
    sections: [tensorSection({ role: 5, dtype: "uint8", tiles: [large] })],
  });
  const back = echo.tensor(5)?.tile(0);
  check(back !== undefined && back.length === large.length, "size of the large tile");
  check(large.every((byte, i) => byte === back![i]), "bytes of the large tile");
}

async function tokens(session: ClientSession): Promise<void> {
  let text = "";
  const request = { typedPayloads: [TypedPayload.tokenChunk("one two three")] };
  for await (const part of session.submitStream(request).text()) text += part;
  check(text === "one.two.three.", text);
}

async function cancel(session: ClientSession): Promise<void> {
  let parts = 0;
  const request = { typedPayloads: [TypedPayload.tokenChunk("without end")] };
  for await (const _ of session.submitStream(request)) if (++parts === 3) break;
  check(parts === 3, `${parts} parts`);
}

function check(good: boolean, what: string): void {
  if (!good) throw new Error(what);
}
