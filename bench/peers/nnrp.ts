/**
 * Ours, through the public API only, as a user would write it. `CARRIER server` prints its ports (one for echo, one for token
 * streams); `CARRIER client PORT STREAM_PORT` measures. Runs on Deno and Node.
 *
 * @module
 */
import { dialClient } from "@nnrp/client";
import { type CarrierBinding, type CarrierDialer, type Result, TypedPayload } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { benchCertificates } from "./certificates.ts";
import { args, control } from "./control.ts";
import { type Caller, load } from "./load.ts";

/** Results per request of the token server: what work D asks for. */
const TOKENS = 1000;

const [name, role, port, streamPort] = await args();
const carrier = await carrierOf(name);

if (role === "server") {
  const echo = await serve({ listen: [carrier] }, (frame) => ({ typedPayloads: frame.typedPayloads }));
  const tokens = await serve({ listen: [carrier] }, async function* (frame) {
    const token = frame.typedPayloads[0].payload;
    for (let i = 0; i < TOKENS; i++) yield { typedPayloads: [TypedPayload.tokenChunk(token)] };
  });
  await control(
    { port: echo.port, streamPort: tokens.port },
    () => Promise.reject(new Error("a server takes no jobs")),
  );
} else {
  const session = await dialClient(`nnrp://127.0.0.1:${port}`, { carriers: [carrier] });
  const tokens = await dialClient(`nnrp://127.0.0.1:${streamPort}`, { carriers: [carrier] });
  const caller: Caller<Result> = {
    echo: (body) => session.submit({ typedPayloads: [TypedPayload.opaqueBytes(body)] }),
    size: (result) => result.typedPayloads[0].payload.length,
    async stream(body, _results, batches) {
      const stream = tokens.submitStream({ typedPayloads: [TypedPayload.opaqueBytes(body)] });
      let bytes = 0;
      if (batches) {
        for await (const batch of stream.batches()) {
          for (const result of batch) bytes += result.typedPayloads[0].payload.length;
        }
      } else {
        for await (const result of stream) bytes += result.typedPayloads[0].payload.length;
      }
      return bytes;
    },
  };
  await control({ ready: true }, (job) => load(caller, job));
}

async function carrierOf(name: string): Promise<CarrierBinding & CarrierDialer> {
  switch (name) {
    case "tcp":
      return (await import("@nnrp/tcp")).tcp({ port: 0 });
    case "tls": {
      const { ca, cert, key } = await benchCertificates();
      return (await import("@nnrp/tcp")).tls({
        port: 0,
        ...role === "server" ? { cert, key } : { caCerts: [ca] },
      });
    }
    case "quic": {
      const { ca, cert, key } = await benchCertificates();
      return (await import("@nnrp/quic")).quic({
        port: 0,
        ...role === "server" ? { cert, key } : { caCerts: [ca] },
      });
    }
    case "websocket":
      return (await import("@nnrp/websocket")).webSocket({ port: 0 });
    default:
      throw new Error(`no carrier ${name}`);
  }
}
