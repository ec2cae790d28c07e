/**
 * From an address to a session: dialling, authentication, what was agreed, and how each failure looks. Run:
 * `deno run -A examples/connect.ts`, `node examples/connect.ts` or `bun examples/connect.ts`.
 *
 * @module
 */
import { dialClient, NnrpError, NnrpProtocolError } from "@nnrp/client";
import { serve, TypedPayload } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";

const TOKENS = new Map([["let-me-in", "alice"]]);

const server = await serve({
  port: 0, // any free one; read it back from `server.port`
  profile: { modelName: "upscaler-2", maxConcurrentFrames: 8 },
  // May be async: a slow validator delays nobody but its own client. `signal` ends with the handshake's time.
  authValidator: ({ authBlock, remote }, _signal) => {
    const user = TOKENS.get(new TextDecoder().decode(authBlock));
    return user === undefined
      ? { refuse: "error", diagnostic: "unknown token" }
      : { principal: { user, remote } };
  },
}, (_frame, { principal }) => {
  const { user } = principal as { user: string };
  return { typedPayloads: [TypedPayload.tokenChunk(`hello ${user}`)] };
});
const address = `nnrp://127.0.0.1:${server.port}`;

// The usual case. `timeoutMs` bounds everything from the first packet to the session.
const session = await dialClient(address, { auth: "let-me-in", timeoutMs: 5000 });
console.log(`connected by ${session.carrierName}; the model is ${session.modelName}`);
console.log(`${session.helloAck.maxConcurrentFrames} frames may be in flight`);
const result = await session.submit({ typedPayloads: [TypedPayload.tokenChunk("hi")] });
console.log(`the server says: ${result.text()}`);
const rttMs = await session.ping();
console.log(`a ping takes ${rttMs.toFixed(3)} ms`);

// `closed` resolves once the session is over, whoever ends it, and never rejects. Or: `await using session = …`
await session.close({ reason: "done" });
const { kind, local, reason } = await session.closed;
console.log(`closed: ${kind}, ${local ? "by us" : "by the server"}, "${reason}"`);

// What can go wrong, each with an error of its own that says what to do.
async function attempt(what: string, dial: () => Promise<unknown>): Promise<void> {
  try {
    await dial();
  } catch (error) {
    if (error instanceof NnrpProtocolError) {
      console.log(`${what}: ${error.codeName}, fatal: ${error.fatal}, "${error.diagnostic}"`);
    } else if (error instanceof NnrpError) console.log(`${what}: ${error.code}: ${error.message}`);
    else throw error;
  }
}
await attempt("wrong token", () => dialClient(address, { auth: "guess" }));
await attempt("not an address", () => dialClient("http://127.0.0.1:4433"));
await attempt(
  "a token over plain TCP",
  () => dialClient("nnrp+tcp://render.example.com", { auth: "let-me-in" }),
);
await attempt("only encrypted", () => dialClient("nnrps://127.0.0.1", { carriers: [tcp()] }));

await server.close();
await attempt("nobody there", () => dialClient(address));
