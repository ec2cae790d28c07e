/**
 * The client of the browser bench, in the page: ours through the public API, one promise per request; the bare ones by callbacks
 * alone.
 *
 * @module
 */
import { dialClient, type Result, TypedPayload } from "@nnrp/client";
import { webTransport } from "@nnrp/quic/webtransport";
import { webSocket } from "@nnrp/websocket";
import { Client } from "../peers/bare_load.ts";
import type { FrameWriter } from "../peers/bare_writer.ts";
import type { Job, Measured } from "../peers/control.ts";
import { type Caller, load } from "../peers/load.ts";
import { overStream, overWebSocket } from "./bare_links.ts";
import type { BenchAddresses } from "./server.ts";

/** A carrier of browsers. */
export type BrowserCarrier = "websocket" | "webtransport";
/** Ours or the yardstick. */
export type Contender = "ours" | "bare";

const jobs = new Map<string, (job: Job) => Promise<Measured>>();

/** Runs one job; connects on first use. */
async function run(
  contender: Contender,
  carrier: BrowserCarrier,
  addresses: BenchAddresses,
  job: Job,
): Promise<Measured> {
  const name = `${contender} ${carrier}`;
  let doJob = jobs.get(name);
  if (doJob === undefined) {
    doJob = contender === "ours" ? await ours(carrier, addresses) : await bare(carrier, addresses);
    jobs.set(name, doJob);
  }
  return await doJob(job);
}

async function ours(
  carrier: BrowserCarrier,
  { ours, hash }: BenchAddresses,
): Promise<(job: Job) => Promise<Measured>> {
  const dialer = carrier === "websocket"
    ? webSocket()
    : webTransport({ serverCertificateHashes: certificate(hash) });
  const session = await dialClient(`nnrp://127.0.0.1:${ours[carrier]}`, { carriers: [dialer] });
  const caller: Caller<Result> = {
    echo: (body) => session.submit({ typedPayloads: [TypedPayload.opaqueBytes(body)] }),
    size: (result) => result.typedPayloads[0].payload.length,
    async stream(body) {
      let bytes = 0;
      for await (const result of session.submitStream({ typedPayloads: [TypedPayload.opaqueBytes(body)] })) {
        bytes += result.typedPayloads[0].payload.length;
      }
      return bytes;
    },
  };
  return (job) => load(caller, job);
}

async function bare(
  carrier: BrowserCarrier,
  { bare, hash }: BenchAddresses,
): Promise<(job: Job) => Promise<Measured>> {
  let client: Client;
  const handler = (out: FrameWriter) => {
    client = new Client(out, () => {}); // both links flush by themselves
    return client.onFrame;
  };
  if (carrier === "websocket") {
    const socket = new WebSocket(`ws://127.0.0.1:${bare.websocket}/`);
    overWebSocket(socket, handler);
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  } else {
    const session = new WebTransport(`https://127.0.0.1:${bare.webtransport}/`, {
      serverCertificateHashes: certificate(hash),
    });
    await session.ready;
    overStream(await session.createBidirectionalStream(), handler);
  }
  return (job) => client.run(job);
}

function certificate(hash: readonly number[]): { algorithm: string; value: Uint8Array<ArrayBuffer> }[] {
  return [{ algorithm: "sha-256", value: Uint8Array.from(hash) }];
}

Object.assign(globalThis, { nnrpBench: run });

/** What the runner calls in the page. */
export type BenchPage = typeof run;
