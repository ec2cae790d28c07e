/**
 * A peer for the compatibility test: `serve` answers, `drive PORT` plays every scenario against a server and prints the outcomes.
 * It uses nothing but what the release before has as well, for it is copied into that one's tree and run there too.
 *
 * @module
 */
import {
  BudgetPolicy,
  CacheObjectKind,
  dialClient,
  SubmitMode,
  tensorSection,
  TypedPayload,
} from "@nnrp/client";
import { FlowUpdateReason, ResultHintReason } from "@nnrp/core";
import { drop, serve } from "@nnrp/server";
import { tcp } from "@nnrp/tcp";
import { connect, createServer, type Socket } from "node:net";
import process from "node:process";

type Session = Awaited<ReturnType<typeof dialClient>>;

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 255);

/** Each plays one agreement between the two sides; what it returns is compared with what both sides say at head. */
const SCENARIOS: Readonly<Record<string, (session: Session, port: number) => Promise<unknown>>> = {
  "a result": async (session) => (await session.submit(say("hello"))).text(),
  "streamed results (0xF001)": async (session) => {
    const parts: string[] = [];
    for await (const part of session.submitStream(say("stream 20")).text()) parts.push(part);
    return parts.join("");
  },
  "a stream as one result": async (session) => (await session.submit(say("stream 5"))).text(),
  "a drop with its hint": async (session) => {
    const hints = session.resultHints();
    const hint = hints.next();
    const result = await session.submit({ ...say("drop"), budgetPolicy: BudgetPolicy.ALLOW_DROP });
    const { value } = await hint;
    return [result.isDrop, value?.metadata.reason];
  },
  "a handler that throws": async (session) => {
    const error = await session.submit(say("throw")).catch((cause) => cause);
    return [error.codeName, error.fatal];
  },
  "a cancel": async (session) => {
    const stop = new AbortController();
    const answer = session.submit(say("wait"), { signal: stop.signal }).catch((cause) => cause.code);
    await session.ping();
    stop.abort();
    return [await answer, (await session.submit(say("after"))).text()];
  },
  "a tensor": async (session) => {
    const tiles = [bytes(64, 1), bytes(64, 2)];
    const sections = [tensorSection({ role: 5, dtype: "uint8", tiles })];
    const result = await session.submit({ tileIds: [3, 9], sections });
    return [...result.tensor(5)!.tile(9)!.subarray(0, 4)];
  },
  "a cached object": async (session) => {
    const put = await session.putCache({
      kind: CacheObjectKind.CAMERA_BLOCK,
      key: 77n,
      data: Uint8Array.of(3, 0, 0, 0),
    });
    const result = await session.submit({
      tileIds: [0],
      sections: [tensorSection({ role: 5, dtype: "uint8", tiles: [Uint8Array.of(10)] })],
      cameraReference: put.reference,
      submitMode: SubmitMode.MIXED,
    });
    return [put.usable, result.tensor(5)!.tile(0)![0]];
  },
  "a patch": async (session) => {
    const { status, settings } = await session.patch({ targetCadence: 24 });
    return [status, settings.targetCadenceX100];
  },
  "a pause and a resume": async (session) => {
    const told = session.receiveFlowUpdate();
    await session.submit(say("pause and resume"));
    await told;
    return (await session.submit(say("goes on"))).text();
  },
  "a move by token (0xF002)": async (session, port) => {
    const before = session.submit(say("slow"));
    const { status } = await session.migrate({ carriers: [tcp()], port });
    return [status, (await before).text(), (await session.submit(say("moved"))).text()];
  },
  "a come-back after a loss": async (_session, port) => {
    const proxy = await cuttable(port);
    const session = await dial(proxy.port);
    const id = session.sessionId;
    await session.submit(say("before"));
    proxy.cut();
    // fixed wait: between two looks at a condition
    while (session.state !== "reconnecting") await new Promise((done) => setTimeout(done, 1));
    const result = await session.submit(say("back"));
    await session.close({ drainMs: 0 });
    proxy.end();
    return [session.sessionId === id, result.text(), session.stats.reconnects];
  },
  "an orderly end": async (session) => {
    await session.close({ reason: "done" });
    const { kind, local, reason } = await session.closed;
    return [kind, local, reason];
  },
};

if (process.argv[2] === "serve") await answer();
else await drive(Number(process.argv[3]));

async function answer(): Promise<void> {
  const server = await serve({
    listen: [tcp({ port: 0 })],
    authValidator: ({ authBlock, model }) => ({
      principal: `${new TextDecoder().decode(authBlock)}/${model}`,
    }),
    profile: { modelName: "echo" },
  }, (frame, { session, principal }) => {
    const text = frame.text();
    const [word, count] = text.split(" ");
    if (word === "who") return say(String(principal));
    if (word === "stream") return stream(Number(count));
    if (word === "drop") return drop(ResultHintReason.BUDGET_EXCEEDED);
    if (word === "throw") throw new Error("as asked");
    if (word === "wait") return new Promise(() => {});
    // fixed wait: what a model takes; the outcomes are the same if it is over early
    if (word === "slow") return new Promise((done) => setTimeout(() => done(say("late")), 300));
    if (word === "pause") {
      session.sendFlowUpdate({ updateReason: FlowUpdateReason.PAUSE });
      session.sendFlowUpdate({ updateReason: FlowUpdateReason.RESUME });
    }
    if (frame.sections.length > 0) {
      const factor = frame.cameraBlock.length > 0 ? frame.cameraBlock[0] : 1;
      const tiles = frame.tileIds.map((id) => frame.tensor(5)!.tile(id)!.map((value) => value * factor));
      return { tileIds: frame.tileIds, sections: [tensorSection({ role: 5, dtype: "uint8", tiles })] };
    }
    return say(text);
  });
  console.log(server.port);
  process.stdin.on("data", () => {}).on("end", () => void server.close({ drainMs: 0 }));
}

function dial(port: number): Promise<Session> {
  return dialClient("127.0.0.1", port, {
    auth: "me",
    model: "wished",
    carriers: [tcp()],
    reconnect: { minDelayMs: 10 },
  });
}

/** A way to a port whose connections can be cut without a word. */
async function cuttable(to: number): Promise<{ port: number; cut(): void; end(): void }> {
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    for (const socket of [near, far]) socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    sockets.add(near).add(far);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  const { port } = proxy.address() as { port: number };
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return { port, cut, end: () => (proxy.close(), cut()) };
}

async function* stream(count: number) {
  for (let i = 0; i < count; i++) yield await Promise.resolve(say(`t${i}`));
}

async function drive(port: number): Promise<void> {
  const outcomes: Record<string, unknown> = {};
  for (const [name, play] of Object.entries(SCENARIOS)) {
    const session = await dial(port);
    try {
      outcomes[name] = await play(session, port);
    } catch (cause) {
      outcomes[name] = `threw ${(cause as Error).name}: ${(cause as Error).message}`;
    }
    await session.close({ drainMs: 0 });
  }
  const session = await dial(port);
  outcomes["auth and model side by side (0xF003)"] = (await session.submit(say("who"))).text();
  await session.close();
  console.log(JSON.stringify(outcomes, (_, value) => typeof value === "bigint" ? String(value) : value));
}
