/**
 * What `against.ts` runs in both trees: the public API as the first cut had it already, on TCP. `server` prints its ports (one
 * for echo, one for token streams); `client PORT STREAM_PORT` measures. Runs on Deno and Node.
 *
 * @module
 */
import { dialClient } from "@nnrp/client";
import { type Result, TypedPayload } from "@nnrp/core";
import { serve } from "@nnrp/server";
import { args, control } from "../peers/control.ts";
import { type Caller, load } from "../peers/load.ts";

/** Results per request of the token server: what work D asks for. */
const TOKENS = 1000;

const [role, port, streamPort] = await args();

if (role === "server") {
  const echo = await serve({ port: 0 }, (frame) => ({ typedPayloads: frame.typedPayloads }));
  const tokens = await serve({ port: 0 }, async function* (frame) {
    const token = frame.typedPayloads[0].payload;
    for (let i = 0; i < TOKENS; i++) yield { typedPayloads: [TypedPayload.tokenChunk(token)] };
  });
  await control(
    { port: echo.port, streamPort: tokens.port },
    () => Promise.reject(new Error("a server takes no jobs")),
  );
} else {
  const session = await dialClient(`nnrp+tcp://127.0.0.1:${port}`);
  const tokens = await dialClient(`nnrp+tcp://127.0.0.1:${streamPort}`);
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
