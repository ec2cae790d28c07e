/**
 * Credentials that age: `auth` as a function is asked before each hello.
 */
import {
  ErrorCode,
  memoryPair,
  NnrpConnectionClosedError,
  NnrpCredentialError,
  NnrpTimeoutError,
  NnrpValueError,
} from "@nnrp/core";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { said, VirtualServer } from "../tests/virtual_server.ts";
import type { AuthSource } from "./credentials.ts";
import { dialClient, type DialOptions } from "./dial.ts";
import { ClientSession } from "./session.ts";

/** A server that takes credentials that have not expired. */
async function place() {
  const world = virtualWorld();
  const net = virtualNetwork(world, { latencyMs: 5 });
  const client = world.host("client");
  const judge = (auth: string) => Number(auth) > world.now() ? null : { errorCode: ErrorCode.AUTH_FAILED };
  const server = await new VirtualServer(world.host("server"), { judge }).listen(net.stream());
  const dial = (options: DialOptions) =>
    dialClient("nnrp://server", { carriers: [net.stream()], runtime: client, ...options });
  return { world, net, client, server, dial };
}

for (
  const [how, wrap] of [
    ["a function", (issue: () => string) => () => issue()],
    ["an async function", (issue: () => string) => async () => await Promise.resolve(issue())],
    ["a function that gives bytes", (issue: () => string) => () => new TextEncoder().encode(issue())],
  ] as readonly [string, (issue: () => string) => AuthSource][]
) {
  test(`${how} is asked before each hello, so that a session outlives its credentials`, async () => {
    const { world, net, server, dial } = await place();
    let asked = 0;
    const auth = wrap(() => {
      asked++;
      return String(world.now() + 1000);
    });
    await world.run(async () => {
      const session = await dial({ auth, reconnect: true });
      for (let round = 1; round <= 4; round++) {
        assertEquals((await session.submit(said("x"))).text(), "x");
        assertEquals([asked, server.hellos.length], [round, round]);
        await world.sleep(60_000);
        net.link().cut();
        await world.sleep(10); // the client hears of it
      }
      assertEquals((await session.submit(said("y"))).text(), "y");
      await session.close();
    });
  });
}

test("a source that fails fails that try: a first dial rejects with it, a search goes on", async () => {
  const { world, net, dial } = await place();
  await world.run(async () => {
    const boom = new Error("the issuer is away");
    for (
      const auth of [() => Promise.reject(boom), () => {
        throw boom;
      }]
    ) {
      const error = await assertRejects(() => dial({ auth }), NnrpCredentialError, "the issuer is away");
      assertEquals([error.field, error.cause], ["auth", boom]);
    }
    let asked = 0;
    const auth = () => {
      asked++;
      if (asked === 2 || asked === 3) throw boom;
      return String(world.now() + 1000);
    };
    const session = await dial({ auth, reconnect: true });
    net.link().cut();
    await world.sleep(10); // the client hears of it
    assertEquals((await session.submit(said("x"))).text(), "x");
    assertEquals([asked, session.stats.reconnects], [4, 1]);
    await session.close();
  });
});

test("a source that never answers is given up with the dial, and hears of it", async () => {
  const { world, dial } = await place();
  await world.run(async () => {
    const signals: AbortSignal[] = [];
    const auth = ({ signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise<string>(() => {});
    };
    await assertRejects(() => dial({ auth, timeoutMs: 500 }), NnrpTimeoutError);
    const abort = new AbortController();
    world.after(100, () => abort.abort(new Error("changed my mind")));
    await assertRejects(() => dial({ auth, signal: abort.signal }), Error, "changed my mind");
    assert(signals.length === 2 && signals.every((signal) => signal.aborted));
  });
});

test("what is neither bytes nor text is refused, and never goes in plain text to another machine unasked", async () => {
  const { world, net, dial } = await place();
  await world.run(async () => {
    for (const wrong of [undefined, null, 5, {}, [1]]) {
      await assertRejects(() => dial({ auth: () => wrong as never }), NnrpValueError, "bytes or text");
    }
    let asked = 0;
    const open = net.stream({ encrypted: false });
    await assertRejects(
      () => dial({ auth: () => `${asked++}`, carriers: [open] }),
      NnrpValueError,
      "plain text",
    );
    assertEquals(asked, 0);
  });
});

test("an auth source that fails, or is slow, is no reason to try another carrier", async () => {
  const { world, net, dial } = await place();
  await world.run(async () => {
    const carriers = [net.stream(), net.stream()];
    for (const wrong of [() => Promise.reject(new Error("locked")), () => 5 as never]) {
      let asked = 0;
      const auth = () => (asked++, wrong());
      await assertRejects(() => dial({ auth, carriers }));
      assertEquals(asked, 1);
    }
    let asked = 0;
    const slow = async () => {
      asked++;
      await world.sleep(9000); // somebody looks for a password
      return String(world.now() + 1000);
    };
    const session = await dial({ auth: slow, carriers, timeoutMs: 10_000 });
    assertEquals(asked, 1);
    await session.close();
  });
});

test("a connection that ends while the source is asked fails the dial", async () => {
  const [client, server] = memoryPair();
  server.start({ begin() {}, packet() {}, turn() {}, fault() {}, end() {}, closed() {} });
  const auth = async () => {
    await server.close({ graceful: false });
    return "late";
  };
  await assertRejects(() => ClientSession.open(client, { auth }), NnrpConnectionClosedError);
});
