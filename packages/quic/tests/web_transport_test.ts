/**
 * WebTransport between our own client and server over real sockets: lanes on long-lived streams, and an end that loses nothing.
 *
 * @module
 */
import { ErrorCode, NnrpTransportError, NnrpUnsupportedError, NnrpValueError } from "@nnrp/core";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { test } from "node:test";
import { until } from "../../../tests/support/raw_peer.ts";
import { patterned } from "@nnrp/testing/packets";
import { webTransport, type WebTransportOptions } from "../webtransport.ts";
import { certificates, Heard, listening, MIB, packet } from "./raw_quic.ts";

async function hashes(): Promise<WebTransportOptions> {
  const { sha256 } = await certificates();
  return { serverCertificateHashes: [{ algorithm: "sha-256", value: sha256 }] };
}

/** Two connected carriers that write down what they hear. */
async function pair(options: WebTransportOptions = {}) {
  const { listener, port, next } = await listening();
  const dialler = webTransport({ ...await hashes(), ...options });
  const client = new Heard(await dialler.dial({ host: "127.0.0.1", port }));
  client.send("control", 0);
  const server = new Heard(await next());
  await until(() => server.frames.length === 1, "the first packet");
  return { client, server, listener };
}

/** A raw session: streams without any rules. */
async function rawSession(port: number, path = "/nnrp"): Promise<WebTransport> {
  const session = new WebTransport(
    `https://127.0.0.1:${port}${path}`,
    await hashes() as globalThis.WebTransportOptions,
  );
  session.closed.catch(() => {});
  await session.ready;
  return session;
}

async function openStream(session: WebTransport): Promise<WritableStreamDefaultWriter<Uint8Array>> {
  const writer = (await session.createBidirectionalStream()).writable.getWriter();
  writer.closed.catch(() => {});
  return writer as WritableStreamDefaultWriter<Uint8Array>;
}

test("numbers of data streams out of range are refused", () => {
  for (const dataStreams of [0, 17, 1.5]) assertThrows(() => webTransport({ dataStreams }), NnrpValueError);
});

if (!("Deno" in globalThis)) {
  test("without WebTransport in the runtime dialling says what to use instead", async () => {
    const error = await assertRejects(
      () => webTransport().dial({ host: "localhost", port: 1 }),
      NnrpUnsupportedError,
    );
    assertStringIncludes(error.message, "webSocket()");
  });
} else {
  test("packets of all sizes arrive whole on all lanes, both ways at once", async () => {
    const { client, server, listener } = await pair();
    server.frames.length = server.bodies.length = server.lanes.length = 0;
    const sizes = [0, 1, 40, 4000, 4096, 32_767, 65_536, 262_144, 3 * MIB, 8 * MIB];
    sizes.forEach((size, i) => {
      client.send("submit", i, patterned(size, i));
      server.send("result", i, patterned(size, i));
      client.send("control", 100 + i, patterned(size % 60_000, i));
      server.send("control", 100 + i, patterned(size % 60_000, i));
    });
    const all = sizes.length * 2;
    await until(() => client.frames.length === all && server.frames.length === all, "all packets");
    for (const [side, lane] of [[client, "result"], [server, "submit"]] as const) {
      side.frames.forEach((id, i) => {
        assertEquals(side.lanes[i], id >= 100 ? "control" : lane);
        assertEquals(side.bodies[i], patterned(id >= 100 ? sizes[id - 100] % 60_000 : sizes[id], id % 100));
      });
    }
    assertEquals(client.carrier.bufferedBytes, 0);
    await Promise.all([client.carrier.close(), server.carrier.close(), listener.close()]);
  });

  test("results come back on the stream of their submit, parts in order; large frames move to the next stream", async () => {
    const { client, server, listener } = await pair();
    const submits: number[] = [];
    server.onPacket = (id) => {
      submits.push(server.streams.at(-1)!);
      for (let part = 1; part <= 20; part++) server.send("result", id, patterned(part, id), part === 20);
    };
    for (let id = 1; id <= 12; id++) client.send("submit", id, patterned(id % 3 === 0 ? 200_000 : 100, id));
    await until(() => client.frames.length === 240, "all results");
    for (let id = 1; id <= 12; id++) {
      const at = client.frames.flatMap((frame, i) => frame === id ? [i] : []);
      assertEquals(at.map((i) => client.bodies[i].length), Array.from({ length: 20 }, (_, i) => i + 1));
      const streams = new Set(at.map((i) => client.streams[i]));
      assertEquals(streams.size, 1);
    }
    assertEquals([...new Set(submits)].sort((a, b) => a - b), [4, 8, 12, 16]);
    await Promise.all([client.carrier.close(), server.carrier.close(), listener.close()]);
  });

  test("2,000 small frames, each exactly once", async () => {
    const { client, server, listener } = await pair();
    server.onPacket = (id) => server.send("result", id, patterned(id % 300, id));
    for (let id = 1; id <= 2000; id++) client.send("submit", id, patterned(id % 300, id));
    await until(() => client.frames.length === 2000, "all results");
    assertEquals(new Set(client.frames).size, 2000);
    await Promise.all([client.carrier.close(), server.carrier.close(), listener.close()]);
  });

  test("closing sends everything first: 8 MiB right before close() arrive, then the end, both ways round", async () => {
    for (const closer of ["server", "client"] as const) {
      const both = await pair();
      const [first, second] = closer === "server" ? [both.server, both.client] : [both.client, both.server];
      const lane = closer === "server" ? "result" : "submit";
      first.send(lane, 1, patterned(8 * MIB, 1));
      for (let id = 2; id < 50; id++) first.send(lane, id, patterned(id, id));
      const before = second.frames.length;
      const closing = first.carrier.close({ reason: "done" });
      await until(() => second.events.includes("end"), "the end");
      assertEquals(second.frames.length - before, 49);
      await Promise.all([second.carrier.close(), closing]);
      assertEquals([first.events, second.events], [["closed"], ["end", "closed"]]);
      await both.listener.close();
    }
  });

  test("after the client ended its sending the server still may; the client hears the rest", async () => {
    const { client, server, listener } = await pair();
    for (let id = 1; id <= 30; id++) client.send("submit", id, patterned(id * 5000, id));
    client.carrier.endSending();
    await until(() => server.events.includes("end"), "the end");
    assertEquals(server.frames.length, 31);
    for (let id = 1; id <= 30; id++) server.send("result", id, patterned(id * 5000, id));
    const closing = server.carrier.close();
    await until(() => client.events.includes("end"), "the other end");
    assertEquals(client.frames.length, 30);
    await Promise.all([client.carrier.close(), closing]);
    await listener.close();
  });

  test("a mark that comes byte by byte is seen; rubbish that begins like one is a fault", async () => {
    const { port, next, listener } = await listening();
    const session = await rawSession(port);
    const control = await openStream(session);
    await control.write(packet("control", 1));
    const server = new Heard(await next());
    await until(() => server.frames.length === 1, "the first packet");
    for (const byte of [0x4e, 0x4e, 0x52, 0x50, 0xff, 0x45, 1, 0]) {
      const before = server.carrier.receivedBytes;
      await control.write(new Uint8Array([byte]));
      await until(() => server.carrier.receivedBytes === before + 1, "the byte");
    }
    await until(() => server.events.length === 1, "the end");
    assertEquals(server.events, ["end"]);
    await server.carrier.close();

    const other = await rawSession(port);
    const second = await openStream(other);
    await second.write(packet("control", 1));
    const wary = new Heard(await next());
    await second.write(new Uint8Array([0x4e, 0x4e, 0x52, 0x50, 0xff, 0x46, 1, 0, ...new Uint8Array(40)]));
    await until(() => wary.info !== null, "the end");
    assertEquals(wary.events, ["fault", "closed"]);
    await listener.close();
  });

  test("too many streams are refused; a path that is not served is too, and the listener goes on", async () => {
    const failures: string[] = [];
    const { port, next, listener } = await listening({ maxBidiStreams: 200 }, {
      failed: (_, error) => failures.push(error.message),
    });
    await rawSession(port, "/elsewhere").then((session) => session.closed).catch(() => {});
    await until(() => failures.length === 1, "the wrong path in the log");
    assertStringIncludes(failures[0], "/elsewhere");
    const dialler = webTransport(await hashes());
    const lost = await assertRejects(
      () => dialler.dial({ host: "127.0.0.1", port, path: "/elsewhere" }),
      NnrpTransportError,
    );
    assertStringIncludes(lost.message, "no NNRP at /elsewhere (404)");
    await until(() => failures.length === 2, "each is told once");
    const greedy = await rawSession(port);
    const control = await openStream(greedy);
    await control.write(packet("control", 1));
    const server = new Heard(await next());
    await until(() => server.frames.length === 1, "the first packet");
    for (let i = 0; i < 66 && server.info === null; i++) await openStream(greedy).catch(() => {});
    await until(() => server.info !== null, "the refusal");
    assertStringIncludes(server.fault_!.message, "too many streams");
    await listener.close();
  });

  /** Ways to send what nobody listens to, or more than a client may before it is accepted. */
  const FLOODS: { name: string; accepted: boolean; flood(session: WebTransport): Promise<unknown> }[] = [
    {
      name: "frames on data streams before the hello is accepted",
      accepted: false,
      flood: (session) =>
        Promise.all(Array.from({ length: 10 }, async () => {
          const writer = await openStream(session);
          for (;;) await writer.write(packet("submit", 1, patterned(60_000, 1)));
        })),
    },
    {
      name: "packets that are never whole, before the hello is accepted",
      accepted: false,
      flood: (session) =>
        Promise.all(Array.from({ length: 10 }, async () => {
          const writer = await openStream(session);
          await writer.write(packet("submit", 1, patterned(60_000, 1)).subarray(0, 50_000));
        })),
    },
    {
      name: "unidirectional streams, in a session",
      accepted: true,
      flood: async (session) => {
        const writer = (await session.createUnidirectionalStream()).getWriter();
        writer.closed.catch(() => {});
        for (;;) await writer.write(new Uint8Array(10_000));
      },
    },
    {
      name: "empty unidirectional streams without end, in a session",
      accepted: true,
      flood: async (session) => {
        for (;;) await session.createUnidirectionalStream({ waitUntilAvailable: true } as object);
      },
    },
  ];
  for (const { name, accepted, flood } of FLOODS) {
    test(`too much of what cannot be used ends a session, and only that one: ${name}`, async () => {
      const { port, next, listener } = await listening();
      const good = new Heard(await webTransport(await hashes()).dial({ host: "127.0.0.1", port }));
      good.send("control", 0);
      const other = new Heard(await next());
      const greedy = await rawSession(port);
      const control = await openStream(greedy);
      await control.write(packet("control", 1));
      const ours = new Heard(await next(), accepted);
      await until(() => ours.frames.length === 1, "the first packet");
      if (!accepted) ours.carrier.pause(); // the hello is being judged
      const flooding = flood(greedy).catch(() => {}); // it is cut
      await until(() => ours.info !== null, "the end");
      assertEquals([ours.events, ours.info!.code], [["fault", "closed"], ErrorCode.LIMIT_EXCEEDED]);
      await flooding;
      good.send("submit", 9);
      await until(() => other.frames.includes(9), "the other client's frame");
      await Promise.all([good.carrier.close(), other.carrier.close()]);
      await listener.close();
    });
  }

  test("a wrong hash and a dead port are refused in bounded time", async () => {
    const { port, listener } = await listening();
    const wrong = webTransport({
      serverCertificateHashes: [{ algorithm: "sha-256", value: new Uint8Array(32) }],
    });
    await assertRejects(() => wrong.dial({ host: "127.0.0.1", port }));
    await listener.close();
    const silent = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
    const target = { host: "127.0.0.1", port: (silent.addr as Deno.NetAddr).port };
    const error = await assertRejects(() => webTransport({ connectTimeoutMs: 60 }).dial(target));
    assertStringIncludes(String(error), "no answer");
    silent.close();
  });

  test("a client that closes its session at once is noticed at once", async () => {
    const { client, server, listener } = await pair();
    await client.carrier.close({ graceful: false, code: 3, reason: "gone" });
    await until(() => server.info !== null, "the end");
    assertEquals([server.info!.code, server.info!.reason, server.info!.local], [3, "gone", false]);
    assert(client.info!.local);
    await listener.close();
  });

  test("datagrams travel beside the streams", async () => {
    const { client, server, listener } = await pair();
    const received = server.carrier.datagrams!.received()[Symbol.asyncIterator]();
    const first = received.next();
    client.carrier.datagrams!.send(patterned(500, 1));
    assertEquals((await first).value, patterned(500, 1));
    await Promise.all([client.carrier.close(), server.carrier.close(), listener.close()]);
  });
}
