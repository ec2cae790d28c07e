/**
 * What can go wrong with a frame, how each case looks, and what to do then. Run: `deno run -A examples/errors.ts`,
 * `node examples/errors.ts` or `bun examples/errors.ts`.
 *
 * @module
 */
import {
  BudgetPolicy,
  dialClient,
  ErrorCode,
  NnrpCancelledError,
  NnrpConnectionClosedError,
  NnrpProtocolError,
  NnrpStateError,
  NnrpTimeoutError,
  NnrpValueError,
  type Result,
} from "@nnrp/client";
import { ErrorScope, serve, TypedPayload } from "@nnrp/server";

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
const ask = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

const server = await serve({ port: 0 }, async (frame) => {
  const wish = frame.text();
  if (wish === "crash") throw new Error("a secret of the server: not told to clients, only to its `log`");
  if (wish === "busy") { // an error of your own choice: code, words and time reach the client
    throw new NnrpProtocolError({
      errorCode: ErrorCode.SERVER_BUSY,
      codeName: "SERVER_BUSY",
      errorScope: ErrorScope.FRAME,
      retryAfterMs: 50,
      diagnostic: "the model is loading",
    });
  }
  if (wish === "slow") await sleep(60); // a good handler passes `frame.signal` on to its model
  return ask("fine");
});
const session = await dialClient(`nnrp://127.0.0.1:${server.port}`);

/** What a program does with each kind of trouble. */
function advise(error: unknown): string {
  if (error instanceof NnrpProtocolError) {
    if (error.errorCode === ErrorCode.SERVER_BUSY) {
      return `${error.codeName}: try again in ${error.retryAfterMs} ms`;
    }
    if (error.errorCode === ErrorCode.FRAME_EXPIRED) return `${error.codeName}: too late to be sent, skip it`;
    if (error.fatal) return `${error.codeName}: the session is over, dial again`;
    return `${error.codeName}: this frame failed ("${error.diagnostic}"), the session goes on`;
  }
  if (error instanceof NnrpTimeoutError) return `TIMEOUT after ${error.timeoutMs} ms: its slot is free again`;
  if (error instanceof NnrpCancelledError) return `CANCELLED: ${(error.cause as Error).message}`;
  if (error instanceof NnrpValueError) return `VALUE: ${error.field} is wrong, nothing was sent`;
  if (error instanceof NnrpConnectionClosedError) return "CLOSED: the session ended before the answer came";
  if (error instanceof NnrpStateError) return `STATE: ${error.message}`;
  throw error;
}
const outcome = (submit: Promise<Result>) =>
  submit.then((result) => `${result.className} "${result.text()}"`, (error) => advise(error));

console.log("handler crashes  ", await outcome(session.submit(ask("crash"))));
console.log("server is busy   ", await outcome(session.submit(ask("busy"))));
console.log("answer is late   ", await outcome(session.submit(ask("slow"), { timeoutMs: 10 })));
const page = new AbortController();
const unwanted = outcome(session.submit(ask("slow"), { signal: page.signal }));
page.abort(new Error("the user left the page")); // the server is told, the handler's `frame.signal` aborts
console.log("caller gives up  ", await unwanted);
console.log("deadline passed  ", await outcome(session.submit({ ...ask("x"), deadlineMs: Date.now() - 5 })));
console.log("bad argument     ", await outcome(session.submit({ tileIds: [70_000] })));
// Being late is no error where the client said that it takes nothing instead: RESULT_DROP is a result.
const droppable = { ...ask("slow"), latencyBudgetMs: 10, budgetPolicy: BudgetPolicy.ALLOW_DROP };
console.log("budget is over   ", await outcome(session.submit(droppable)));
console.log("afterwards       ", await outcome(session.submit(ask("x"))));

const cutOff = outcome(session.submit(ask("slow")));
await session.ping(); // packets are read in order: the server works on the frame by now
await server.close({ drainMs: 0 }); // and its server does not wait for it
console.log("server goes      ", await cutOff);
console.log("submit after that", await outcome(session.submit(ask("x"))));
const { kind, local } = await session.closed;
console.log(`the session ended by ${kind}, ${local ? "from here" : "from there"}: dial again`);
