/**
 * What applications do, much of it at once or for long, ends no session and is not forgotten: the limit of control packets is for
 * peers that bring nothing forward. A peer beyond it is read more slowly at first. In virtual time, on both kinds of carriers.
 */
import { type ClientSession, dialClient } from "@nnrp/client";
import { CacheInvalidateScope, CacheObjectKind, TypedPayload } from "@nnrp/core";
import { virtualNetwork, type VirtualWorld, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { test } from "node:test";
import { type HandlerOutput, type NnrpServer, serve, type ServerSession } from "../mod.ts";

const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

interface Stage {
  readonly world: VirtualWorld;
  readonly server: NnrpServer;
  readonly session: ServerSession;
  readonly client: ClientSession;
  /** Lets virtual time pass, ms. */
  pass(ms: number): Promise<void>;
}

/** What an application does; the promise is over when it is done. */
type Use = (stage: Stage) => Promise<unknown>;

const USES: Record<string, Use> = {
  "until: first of 3,000 short streams": async ({ client }) => {
    for (let i = 0; i < 3000; i++) await client.submit(say("stream"), { until: "first" });
  },
  "3,000 streams left after their first part": async ({ client }) => {
    for (let i = 0; i < 3000; i++) for await (const _ of client.submitStream(say("stream"))) break;
  },
  "a flow update of the client with every frame": async ({ client }) => {
    for (let i = 0; i < 3000; i++) {
      client.sendFlowUpdate({ credit: 1 + i % 60 });
      await client.submit(say("x"));
    }
  },
  "a flow update of the client each millisecond for a minute, and nothing else": async (
    { client, pass },
  ) => {
    for (let i = 0; i < 60_000; i++) {
      client.sendFlowUpdate({ credit: 1 + i % 60 });
      await pass(1);
    }
  },
  "10,000 flow updates of the client at once": ({ client, pass }) => {
    for (let i = 0; i < 10_000; i++) client.sendFlowUpdate({ credit: 1 + i % 60 });
    return pass(100);
  },
  "the same of the server": ({ session, pass }) => {
    for (let i = 0; i < 10_000; i++) session.sendFlowUpdate({ credit: 1 + i % 60 });
    return pass(100);
  },
  "a flow update of the server each millisecond for a minute": async ({ session, pass }) => {
    for (let i = 0; i < 60_000; i++) {
      session.sendFlowUpdate({ credit: 1 + i % 60 });
      await pass(1);
    }
  },
  "three flow updates of both sides with each part of a long stream": async ({ client }) => {
    for await (const _ of client.submitStream(say("talkative"))) {
      for (let i = 0; i < 3; i++) client.sendFlowUpdate({ credit: 8 + i });
    }
  },
  "a ping with each part of a long stream": async ({ client }) => {
    for await (const _ of client.submitStream(say("talkative"))) void client.ping().catch(() => {});
  },
  "pings one after the other, of both sides": async ({ client, session }) => {
    for (let i = 0; i < 3000; i++) await Promise.all([client.ping(), session.ping()]);
  },
  "a ping every 10 ms for two minutes that nobody waits for": async ({ client, pass }) => {
    for (let i = 0; i < 12_000; i++) {
      client.ping({ timeoutMs: 1 }).catch(() => {}); // refused by the client itself once 500 are still to be answered
      await pass(10);
    }
    await pass(20_000); // they are answered as fast as the server reads
  },
  "patches one after the other, most of them refused": async ({ client }) => {
    for (let i = 0; i < 3000; i++) await client.patch({ qualityTier: i % 5 });
  },
  "5,000 objects put and invalidated again": async ({ client }) => {
    for (let i = 0; i < 5000; i += 100) {
      const key = (k: number) => BigInt(i + k);
      const puts = Array.from(
        { length: 100 },
        (_, k) =>
          client.putCache({ kind: CacheObjectKind.CAMERA_BLOCK, key: key(k), data: new Uint8Array(8) }),
      );
      await Promise.all(puts);
      for (let k = 0; k < 100; k++) {
        client.invalidateCache({ scope: CacheInvalidateScope.OBJECT_KEY, key: key(k) });
      }
    }
  },
  "frames taken back as soon as they were submitted": async ({ client, pass }) => {
    for (let i = 0; i < 3000; i++) {
      const cancel = new AbortController();
      const submit = client.submit(say("x"), { signal: cancel.signal }).catch(() => {});
      await pass(i % 3);
      cancel.abort();
      await submit;
    }
  },
  "hints of the server": ({ session, pass }) => {
    for (let i = 0; i < 5000; i++) session.sendResultHint({ retryAfterMs: i });
    return pass(100);
  },
};

function handler(frame: { text(): string }, { session }: { session: ServerSession }): HandlerOutput {
  switch (frame.text()) {
    case "stream":
      return [say("a"), say("b"), say("c")];
    case "talkative":
      return (function* () {
        for (let i = 0; i < 3000; i++) {
          for (let k = 0; k < 3; k++) session.sendFlowUpdate({ credit: 8 + k });
          yield say(`part ${i}`);
        }
      })();
    default:
      return say("y");
  }
}

for (const kind of ["stream", "multiStream"] as const) {
  for (const [what, use] of Object.entries(USES)) {
    test(`${kind}: ${what}`, async () => {
      const world = virtualWorld();
      const net = virtualNetwork(world, { latencyMs: 1 });
      const server = await world.run(
        serve(
          { listen: [net[kind]()], runtime: world.host("server"), profile: { maxCacheEntries: 10_000 } },
          handler,
        ),
      );
      const client = await world.run(
        dialClient("nnrp://server", { carriers: [net[kind]()], runtime: world.host("client") }),
      );
      const session = server.sessions[0];
      const heard = { client: 0, server: 0 };
      session.onFlowUpdate = ({ metadata }) => heard.server = metadata.sessionCredit;
      void (async () => {
        for await (const { metadata } of client.flowUpdates()) heard.client = metadata.sessionCredit;
      })();
      const pass = (ms: number) => world.sleep(ms);
      await world.run(use({ world, server, session, client, pass }));
      await world.run(pass(3000));
      assertEquals([client.state, session.state], ["active", "active"]);
      // The last word of both sides has arrived, however many were left out before it.
      client.sendFlowUpdate({ credit: 61 });
      session.sendFlowUpdate({ credit: 62 });
      await world.run(pass(1000));
      assertEquals(heard, { client: 62, server: 61 });
      assertEquals((await world.run(client.submit(say("x")))).text(), "y");
      await world.run(server.close({ drainMs: 0 }));
    });
  }
}

test("a client beyond the limit is read more slowly, and its frames wait for a second at most", async () => {
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: 1 });
  const server = await world.run(
    serve({ listen: [net.stream()], runtime: world.host("server") }, () => say("y")),
  );
  const client = await world.run(
    dialClient("nnrp://server", { carriers: [net.stream()], runtime: world.host("client") }),
  );
  const startMs = world.now();
  const pings = 1000 + 330;
  await world.run((async () => {
    for (let i = 0; i < pings; i++) await client.ping();
  })());
  // 33 a second once the burst is used up.
  assertGreaterOrEqual(world.now() - startMs, 9_000);
  const submittedMs = world.now();
  await world.run(client.submit(say("x")));
  assert(world.now() - submittedMs <= 1010, `${world.now() - submittedMs} ms`);
  await world.run(server.close({ drainMs: 0 }));
});
