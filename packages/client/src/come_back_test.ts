/**
 * Servers that go in order and ask to come back (0xF004), and dials that fail for reasons that can pass.
 */
import { ErrorCode, NnrpError, NnrpProtocolError, NnrpStateError, NnrpTransportError } from "@nnrp/core";
import { virtualNetwork, virtualWorld } from "@nnrp/testing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { said, VirtualServer, type VirtualServerOptions } from "../tests/virtual_server.ts";
import { dialClient, type DialOptions } from "./dial.ts";

const KINDS = ["stream", "multiStream"] as const;

function place(kind: typeof KINDS[number] = "stream", seed = 1) {
  const world = virtualWorld({ seed });
  const net = virtualNetwork(world, { latencyMs: 10 });
  const log: string[] = [];
  const dial = (options: DialOptions = {}) =>
    dialClient("nnrp://server", {
      carriers: [net[kind]()],
      runtime: world.host("client"),
      log: ({ type }) => void log.push(type),
      ...options,
    });
  const serve = (options: VirtualServerOptions = {}) =>
    new VirtualServer(world.host("server"), options).listen(net[kind]());
  return { world, net, log, dial, serve };
}

for (const kind of KINDS) {
  test(`${kind}: a server that goes in order is left after its last answer and come back to when it said, with all settings`, async () => {
    const { world, log, dial, serve } = place(kind);
    const host = world.host("server");
    const submit: VirtualServerOptions["submit"] = (frame, session) => {
      const text = frame.text();
      host.after(
        text === "slow" ? 2000 : 1,
        () => session.answer(frame, `${text}, ${session.engine.settings.qualityTier}`),
      );
    };
    const old = await serve({ submit });
    await world.run(async () => {
      const session = await dial({ reconnect: true, maxInFlight: 3 });
      await session.patch({ qualityTier: 7 });
      await session.patch({ targetCadence: 30 });
      const slow = session.submit(said("slow"));
      await world.sleep(100);
      await old.stop();
      const next = await serve({ submit });
      const leftMs = world.now();
      old.sessions[0].engine.close("deploy", { retryAfterMs: 5000 });
      await world.sleep(50);
      const later = ["a", "b", "c", "d", "e"].map((text) => session.submit(said(text)));
      session.pauseSubmit();
      assertEquals((await slow).text(), "slow, 7");
      while (session.state !== "active" || next.sessions.length === 0) await world.sleep(10);
      const awayMs = world.now() - leftMs;
      assert(awayMs >= 6900 && awayMs < 7500, `${awayMs} ms`);
      await world.sleep(1000);
      assertEquals([session.stats.paused, session.stats.waiting, session.stats.inFlight], [true, 5, 0]);
      session.resumeSubmit();
      assertEquals(session.stats.inFlight, 3);
      assertEquals(
        (await Promise.all(later)).map((r) => r.text()),
        ["a", "b", "c", "d", "e"].map((t) => `${t}, 7`),
      );
      const { qualityTier, targetCadenceX100 } = next.sessions[0].engine.settings;
      assertEquals([qualityTier, targetCadenceX100, session.settings.qualityTier], [7, 3000, 7]);
      assertEquals([session.stats.reconnects, log], [1, ["connection-lost", "reconnected"]]);
      await session.close();
      assertEquals((await session.closed).kind, "close");
    });
  });

  test(`${kind}: of frames that the server does not answer before it goes those that may be are sent anew`, async () => {
    for (const resubmit of [true, false]) {
      const { world, dial, serve } = place(kind);
      const old = await serve({ submit: () => {} });
      await world.run(async () => {
        const session = await dial({ reconnect: { resubmit } });
        const answer = session.submit(said("x")).then((r) => r.text(), (e) => e.code);
        await world.sleep(100);
        await old.stop();
        await serve();
        old.sessions[0].engine.close("deploy", { retryAfterMs: 0 });
        world.after(1000, () => void old.sessions[0].carrier.close({ graceful: false }));
        assertEquals(await answer, resubmit ? "x" : "CLOSED");
        assertEquals((await session.submit(said("y"))).text(), "y");
        await session.close();
      });
    }
  });
}

for (const kind of KINDS) {
  test(`${kind}: frames that cross the server's wish are not begun, and are sent anew where that was asked for`, async () => {
    for (const resubmit of [true, false]) {
      const { world, dial, serve } = place(kind);
      const begun: string[] = [];
      const submit: VirtualServerOptions["submit"] = (frame, session) => {
        begun.push(`${session.engine === old.sessions[0].engine ? "old" : "next"} ${frame.text()}`);
        session.answer(frame, frame.text());
      };
      const old = await serve({ submit });
      await world.run(async () => {
        const session = await dial({ reconnect: { resubmit } });
        const stream = async () => {
          for await (const result of session.submitStream(said("stream"))) return result.text();
        };
        const heard = (answer: Promise<string | undefined>): Promise<string | number | undefined> =>
          answer.catch((e) => e instanceof NnrpProtocolError ? e.errorCode : e.code);
        await session.ping();
        await old.stop();
        await serve({ submit });
        old.sessions[0].engine.close("deploy", { retryAfterMs: 500 }); // it is heard in 10 ms
        const giveUp = new AbortController();
        const answers = [
          heard(session.submit(said("x")).then((r) => r.text())),
          heard(stream()),
          heard(session.submit(said("slow"), { timeoutMs: 300 }).then((r) => r.text())),
          heard(session.submit(said("unwanted"), { signal: giveUp.signal }).then((r) => r.text())),
          heard(
            session.submitNowait(said("nowait")).then((key) => session.receiveResult(key)).then((r) =>
              r.text()
            ),
          ),
        ];
        world.after(200, () => giveUp.abort());
        const told = await Promise.all(answers);
        const no = ErrorCode.INVALID_STATE;
        assertEquals(told, resubmit ? ["x", "stream", "TIMEOUT", "CANCELLED", no] : [no, no, no, no, no]);
        assertEquals((await session.submit(said("y"))).text(), "y");
        assertEquals(begun, resubmit ? ["next x", "next stream", "next y"] : ["next y"]);
        const { submitted, resubmitted, complete, failed, cancelled, resubmitting } = session.stats;
        assertEquals(
          [submitted, resubmitted, complete, failed, cancelled, resubmitting],
          resubmit ? [6, 2, 3, 2, 1, 0] : [6, 0, 1, 5, 0, 0],
        );
        await session.close();
      });
    }
  });
}

test("without reconnect, or asked for good, the session ends and says what was asked", async () => {
  for (const reconnect of [true, false]) {
    for (const comeBack of [null, { retryAfterMs: 0 }, { retryAfterMs: 0xffffffff }]) {
      if (reconnect && comeBack !== null) continue;
      const { world, dial, serve } = place();
      const server = await serve();
      await world.run(async () => {
        const session = await dial({ reconnect });
        server.sessions[0].engine.close("über", comeBack);
        const end = await session.closed;
        assertEquals([end.kind, end.local, end.reason, end.comeBack ?? null], [
          "close",
          false,
          "über",
          comeBack,
        ]);
        await assertRejects(() => session.submit(said("x")), NnrpStateError);
      });
    }
  }
});

test("clients of a server that goes do not come back at the same moment", async () => {
  const times: number[] = [];
  for (let seed = 1; seed <= 20; seed++) {
    const { world, dial, serve } = place("stream", seed);
    const server = await serve();
    await world.run(async () => {
      const session = await dial({ reconnect: { minDelayMs: 1000 } });
      server.sessions[0].engine.close("deploy", { retryAfterMs: 500 });
      while (server.sessions.length === 1) await world.sleep(5);
      times.push(world.now());
      await session.close();
    });
  }
  assert(Math.max(...times) - Math.min(...times) > 500 && new Set(times).size > 10, String(times));
});

test("a session that waits for a server to come back can be closed", async () => {
  const { world, dial, serve } = place();
  const server = await serve();
  await world.run(async () => {
    const session = await dial({ reconnect: true });
    server.sessions[0].engine.close("gone", { retryAfterMs: 0xffffffff });
    await world.sleep(1000);
    assertEquals(session.state, "reconnecting");
    const waiting = assertRejects(() => session.submit(said("x")), NnrpError);
    await session.close();
    await waiting;
    assertEquals((await session.closed).local, true);
  });
});

test("a refused come-back waits as long as the server says", async () => {
  const { world, net, dial, serve } = place();
  const at: number[] = [];
  const server = await serve({
    judge: (_auth, hellos) => {
      at.push(world.now());
      return hellos === 2 || hellos === 3 ? { errorCode: ErrorCode.SERVER_BUSY, retryAfterMs: 7000 } : null;
    },
  });
  await world.run(async () => {
    const session = await dial({ reconnect: true });
    net.link().cut();
    await world.sleep(1);
    await session.submit(said("x"));
    assert(at[2] - at[1] >= 7000 && at[3] - at[2] >= 7000, String(at));
    assertEquals(server.hellos.length, 4);
    await session.close();
  });
});

test("with reconnect the first dial is tried again after what can pass, within its time", async () => {
  const busy = { errorCode: ErrorCode.SERVER_BUSY, retryAfterMs: 2000 };
  const cases: Record<string, { judge?: VirtualServerOptions["judge"]; refuseMs?: number; hellos: number }> =
    {
      "nobody listens yet": { refuseMs: 3000, hellos: 1 },
      "the server is busy": { judge: (_auth, hellos) => hellos < 3 ? busy : null, hellos: 3 },
      "too many connections": {
        judge: (_auth, hellos) =>
          hellos < 2 ? { errorCode: ErrorCode.LIMIT_EXCEEDED, retryAfterMs: 10 } : null,
        hellos: 2,
      },
    };
  for (const [what, { judge, refuseMs = 0, hellos }] of Object.entries(cases)) {
    const { world, net, log, dial, serve } = place();
    const server = await serve({ judge });
    if (refuseMs > 0) {
      net.link().dials = "refuse";
      world.after(refuseMs, () => net.link().dials = "accept");
    }
    await world.run(async () => {
      await assertRejects(() => dial(), NnrpError, "", what);
      server.hellos.length = 0;
    });
    await world.run(async () => {
      const session = await dial({ reconnect: true });
      assertEquals((await session.submit(said("x"))).text(), "x", what);
      assertEquals([server.hellos.length, log.includes("connect-failed")], [hellos, true], what);
      await session.close();
    });
  }
});

test("with reconnect the first dial is not tried again after what cannot pass, nor beyond its time and tries", async () => {
  const { world, net, dial, serve } = place();
  const server = await serve({ judge: () => ({ errorCode: ErrorCode.AUTH_FAILED }) });
  await world.run(async () => {
    const startMs = world.now();
    const error = await assertRejects(() => dial({ reconnect: true, auth: "wrong" }), NnrpProtocolError);
    assertEquals([error.codeName, server.hellos.length], ["AUTH_FAILED", 1]);
    assert(world.now() - startMs < 200);
    net.link().dials = "refuse";
    for (
      const options of [{ timeoutMs: 5000, reconnect: true }, {
        timeoutMs: Infinity,
        reconnect: { maxAttempts: 4 },
      }]
    ) {
      const beganMs = world.now();
      await assertRejects(() => dial(options), NnrpTransportError);
      assert(world.now() - beganMs <= 5000);
    }
    for (const wrong of ["nnrp://", "ftp://server", "nnrp://server:0"]) {
      const beganMs = world.now();
      await assertRejects(() =>
        dialClient(wrong, { carriers: [net.stream()], runtime: world.host("client"), reconnect: true })
      );
      assertEquals(world.now(), beganMs, wrong);
    }
  });
});
