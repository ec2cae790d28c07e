/**
 * The QUIC carrier over real sockets: what travels where, in which order, and what refuses to break.
 *
 * @module
 */
import { NnrpUnsupportedError, NnrpValueError } from "@nnrp/core";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { test } from "node:test";
import { until } from "../../../tests/support/raw_peer.ts";
import { patterned } from "@nnrp/testing/packets";
import { quic } from "../mod.ts";
import {
  certificates,
  connectRaw,
  Heard,
  listening,
  listenRaw,
  MIB,
  openBidi,
  packet,
  pair,
  readAll,
  sendOn,
} from "./raw_quic.ts";

const close = (...sides: Heard[]) => Promise.all(sides.map((side) => side.carrier.close()));

test("options out of range, and a certificate without key, are refused by name", () => {
  for (
    const [options, name] of [
      [{ port: 65_536 }, "quic.port"],
      [{ port: 1.5 }, "quic.port"],
      [{ idleTimeoutMs: 0 }, "quic.idleTimeoutMs"],
      [{ keepAliveMs: -1 }, "quic.keepAliveMs"],
      [{ connectTimeoutMs: 0 }, "quic.connectTimeoutMs"],
      [{ maxUniStreams: 0 }, "quic.maxUniStreams"],
      [{ cert: "PEM" }, "quic.cert"],
    ] as const
  ) {
    const error = assertThrows(() => quic(options), NnrpValueError);
    assertStringIncludes(error.message, name);
  }
});

if (!("Deno" in globalThis)) {
  test("without QUIC in the runtime, dialling and listening say what to use instead", async () => {
    const { cert, key } = await certificates();
    for (
      const attempt of [quic().dial({ host: "localhost", port: 1 }), quic({ cert, key }).listen(() => {})]
    ) {
      const error = await assertRejects(() => attempt, NnrpUnsupportedError);
      assertStringIncludes(error.message, "use TCP, TLS or WebSocket");
    }
  });

  test("on Deno without its unstable network API the error names the flag", async () => {
    const world = globalThis as { Deno?: unknown };
    world.Deno = {};
    try {
      const error = await assertRejects(
        () => quic().dial({ host: "localhost", port: 1 }),
        NnrpUnsupportedError,
      );
      assertStringIncludes(error.message, "--unstable-net");
    } finally {
      delete world.Deno;
    }
  });
} else {
  test("packets of all sizes arrive whole on all lanes, both ways at once", async () => {
    const { client, server, listener } = await pair();
    await until(() => server.frames.length === 1, "the first packet");
    server.frames.length = server.bodies.length = server.lanes.length = 0;
    const sizes = [0, 1, 40, 4000, 4096, 32_767, 32_768, 65_536, 262_144, 3 * MIB, 8 * MIB];
    sizes.forEach((size, i) => {
      client.send("submit", i, patterned(size, i));
      server.send("result", i, patterned(size, i));
      client.send("control", 100 + i, patterned(size % 60_000, i));
      server.send("control", 100 + i, patterned(size % 60_000, i));
    });
    const all = sizes.length * 2;
    await until(() => client.frames.length === all && server.frames.length === all, "all packets");
    for (const [side, lane] of [[client, "result"], [server, "submit"]] as const) {
      const control = side.frames.filter((_, i) => side.lanes[i] === "control");
      assertEquals(control, sizes.map((_, i) => 100 + i), "control is in order");
      side.frames.forEach((id, i) => {
        assertEquals(side.lanes[i], id >= 100 ? "control" : lane);
        const size = id >= 100 ? sizes[id - 100] % 60_000 : sizes[id];
        assertEquals(side.bodies[i], patterned(size, id % 100));
      });
    }
    assertEquals([client.carrier.receivedBytes, client.carrier.bufferedBytes], [server.carrier.sentBytes, 0]);
    await close(client, server);
    await listener.close();
  });

  test("§3: control on stream 0, a frame per client stream 2, 6, 10, results on 3, 7, 11; FIN ends each", async () => {
    const { port, next, listener } = await listening();
    const conn = await connectRaw(port);
    await openBidi(conn, packet("control", 1));
    const server = new Heard(await next());
    for (let id = 1; id <= 3; id++) {
      await sendOn(conn, packet("submit", id));
      await until(() => server.frames.length === id + 1, "the submit");
    }
    assertEquals([server.lanes, server.streams], [["control", "submit", "submit", "submit"], [0, 2, 6, 10]]);
    const incoming = conn.incomingUnidirectionalStreams.getReader();
    for (let id = 1; id <= 3; id++) {
      server.send("result", id, patterned(id * 50_000, id));
      const { value } = await incoming.read();
      assertEquals(Number(value!.id), id * 4 - 1);
      assertEquals(await readAll(value!), packet("result", id, patterned(id * 50_000, id)));
    }
    assertEquals(server.carrier.lastStreamId("result"), 11);
    conn.close({ closeCode: 0, reason: "" });
    await until(() => server.info !== null, "the end");
    await listener.close();
  });

  test("small packets of one turn share a stream, a large one ends it, all results of a frame stay on one", async () => {
    const { port, next, listener } = await listening();
    const conn = await connectRaw(port);
    await openBidi(conn, packet("control", 1));
    const server = new Heard(await next());
    await until(() => server.frames.length === 1, "the control stream");
    for (let id = 1; id <= 4; id++) server.send("result", id);
    server.send("result", 5, patterned(100_000, 5));
    server.send("result", 6, patterned(10, 6), false);
    server.send("result", 7);
    const incoming = conn.incomingUnidirectionalStreams.getReader();
    const [first, second, third] = [
      (await incoming.read()).value!,
      (await incoming.read()).value!,
      (await incoming.read()).value!,
    ];
    assertEquals((await readAll(first)).length, 4 * 40 + 100_040);
    const seventh = await readAll(third);
    assertEquals(seventh, packet("result", 7));
    // The stream of frame 6 is still open: its parts come in order, and only its last one ends it.
    for (let part = 1; part <= 20; part++) server.send("result", 6, patterned(part, 6), part === 20);
    const bytes = await readAll(second);
    assertEquals(bytes.length, 40 * 21 + 10 + 210);
    assertEquals(bytes.subarray(-60), packet("result", 6, patterned(20, 6)));
    conn.close({ closeCode: 0, reason: "" });
    await until(() => server.info !== null, "the end");
    await listener.close();
  });

  test("a frame that ends without a last result has its stream ended too", async () => {
    const { port, next, listener } = await listening();
    const conn = await connectRaw(port);
    await openBidi(conn, packet("control", 1));
    const server = new Heard(await next());
    await until(() => server.frames.length === 1, "the control stream");
    server.send("result", 6, patterned(10, 6), false);
    const stream = (await conn.incomingUnidirectionalStreams.getReader().read()).value!;
    server.carrier.endFrame("result", 6, 0);
    server.carrier.flush();
    assertEquals((await readAll(stream)).length, 50);
    conn.close({ closeCode: 0, reason: "" });
    await until(() => server.info !== null, "the end");
    await listener.close();
  });

  test("packets that are begun and not written hold nothing up, and are not taken for the end", async () => {
    const { client, server, listener } = await pair();
    const sides = [["submit", client, server], ["result", server, client]] as const;
    await until(() => server.frames.length === 1, "the first packet");
    for (const [lane, from, to] of sides) {
      const before = to.frames.length;
      for (const id of [10, 11, 12]) {
        from.carrier.begin(lane, id, 0); // refused by its encoder: no commit follows
        from.carrier.flush();
        await new Promise((done) => setTimeout(done, 0)); // whatever was opened has its turn
        from.send(lane, id, patterned(10, id));
        await until(() => to.frames.length === before + id - 9, `packet ${id}, ${lane}`);
      }
      from.carrier.begin(lane, 13, 0);
    }
    const streams = [client.carrier.lastStreamId!("submit"), server.carrier.lastStreamId!("result")];
    assertEquals(streams, [10, 11], "one stream for each, and none for those that were not written");
    await close(client, server);
    await listener.close();
  });

  test("600 frames at once, each exactly once, and a token stream in order meanwhile", async () => {
    const { client, server, listener } = await pair();
    server.onPacket = (id) => {
      if (id === 0) return;
      for (let part = 1; part < id % 7; part++) server.send("result", id, patterned(part, id), false);
      server.send("result", id, patterned(0, id));
    };
    for (let id = 1; id <= 600; id++) client.send("submit", id, patterned(id * 13 % 5000, id));
    const expected = Array.from({ length: 600 }, (_, i) => Math.max(1, (i + 1) % 7)).reduce((a, b) => a + b);
    await until(() => client.frames.length === expected, "all results");
    const parts = new Map<number, number[]>();
    client.frames.forEach((id, i) => {
      const list = parts.get(id) ?? [];
      list.push(client.bodies[i].length);
      parts.set(id, list);
    });
    assertEquals(parts.size, 600);
    for (const [id, lengths] of parts) {
      const wanted = Array.from({ length: Math.max(1, id % 7) - 1 }, (_, i) => i + 1);
      assertEquals(lengths, [...wanted, 0]);
    }
    await close(client, server);
    await listener.close();
  });

  test("§3: several packets per stream, a stream that never ends, control on a unidirectional stream, a second bidi stream", async () => {
    const { port, next, listener } = await listening();
    const conn = await connectRaw(port);
    await openBidi(conn, packet("control", 1));
    const server = new Heard(await next());
    const three = new Uint8Array([...packet("submit", 2), ...packet("submit", 3), ...packet("control", 4)]);
    const writer = await sendOn(conn, three.subarray(0, 100), false);
    await until(() => server.frames.length === 3, "two and a half packets");
    await writer.write(three.subarray(100));
    await until(() => server.frames.length === 4, "the rest");
    await openBidi(conn, packet("submit", 5));
    await until(() => server.frames.length === 5, "the second bidirectional stream");
    assertEquals(server.frames, [1, 2, 3, 4, 5]);
    assertEquals(server.lanes, ["control", "submit", "submit", "control", "submit"]);
    conn.close({ closeCode: 0, reason: "" });
    await until(() => server.info !== null, "the end");
    await listener.close();
  });

  test("§3: a submit that comes before the control stream waits for it; one on the control stream is control", async () => {
    const { port, next, listener } = await listening();
    const conn = await connectRaw(port);
    await sendOn(conn, packet("submit", 1));
    const server = new Heard(await next());
    await until(() => server.carrier.receivedBytes > 0, "the submit");
    assertEquals(server.frames, []);
    const control = (await conn.createBidirectionalStream()).writable.getWriter();
    await control.write(packet("control", 2));
    await until(() => server.frames.length === 2, "both");
    assertEquals([server.frames, server.lanes], [[2, 1], ["control", "submit"]]);
    await control.write(packet("submit", 3));
    await until(() => server.frames.length === 3, "the submit on control");
    assertEquals(server.lanes[2], "control");
    conn.close({ closeCode: 0, reason: "" });
    await until(() => server.info !== null, "the end");
    await listener.close();
  });

  test("pausing stops every stream, resuming delivers all of it", async () => {
    const { client, server, listener } = await pair();
    await until(() => server.frames.length === 1, "the first packet");
    server.carrier.pause();
    for (let id = 1; id <= 200; id++) client.send(id % 2 ? "submit" : "control", id, patterned(3000, id));
    // What is paused still sends: these come back on a way that the others could have taken.
    for (let id = 1; id <= 20; id++) {
      server.send("result", id);
      await until(() => client.frames.length === id, "a result");
    }
    assertEquals(server.frames, [0]);
    server.carrier.resume();
    await until(() => server.frames.length === 201, "all packets");
    await close(client, server);
    await listener.close();
  });

  test("datagrams travel beside the streams; one that is too long is refused", async () => {
    const { client, server, listener } = await pair();
    const datagrams = client.carrier.datagrams!;
    const received = server.carrier.datagrams!.received()[Symbol.asyncIterator]();
    const first = received.next();
    datagrams.send(patterned(1000, 1));
    assertEquals((await first).value, patterned(1000, 1));
    let refusal: unknown;
    try {
      datagrams.send(new Uint8Array(datagrams.maxBytes + 1));
    } catch (error) {
      refusal = error;
    }
    assertEquals((refusal as { code?: string }).code, "VALUE");
    const last = received.next();
    await close(client, server);
    assertEquals((await last).done, true, "they end with the connection");
    await listener.close();
  });

  test("one port serves raw clients with other names in their list, and refuses those without ours", async () => {
    const failures: string[] = [];
    const { port, next, listener } = await listening({ webTransport: false }, {
      failed: (_, error) => failures.push(error.message),
    });
    let refusal: unknown;
    await connectRaw(port, ["h3"]).catch((error) => refusal = error);
    assertStringIncludes(String(refusal), "120");
    await until(() => failures.length === 1, "the failure in the log");
    const conn = await connectRaw(port, ["h3", "nnrp/1"]);
    await openBidi(conn, packet("control", 1));
    const server = new Heard(await next());
    await until(() => server.frames.length === 1, "the client after the refused one");
    conn.close({ closeCode: 0, reason: "" });
    await until(() => server.info !== null, "the end");
    await listener.close();
  });

  test("a certificate of an unknown authority or another name is refused in words; a server name helps", async () => {
    const { cert, key } = await (await import("../../../tests/support/test_certificates.ts"))
      .makeDevCertificates();
    const { port, listener } = await listening({ cert, key });
    const { ca } = await certificates();
    const unknown = await assertRejects(() => quic({ caCerts: [ca] }).dial({ host: "127.0.0.1", port }));
    assertStringIncludes(String(unknown), "caCerts");
    const right = await listening();
    const wrongName = quic({ caCerts: [ca], serverName: "somebody.example" });
    const refused = await assertRejects(() => wrongName.dial({ host: "127.0.0.1", port: right.port }));
    assertStringIncludes(String(refused), "another name");
    const named = await quic({ caCerts: [ca], serverName: "localhost" }).dial({
      host: "127.0.0.1",
      port: right.port,
    });
    await named.close({ graceful: false });
    const { sha256 } = await certificates();
    const hashed = quic({ serverCertificateHashes: [sha256] });
    await (await hashed.dial({ host: "127.0.0.1", port: right.port })).close({ graceful: false });
    await assertRejects(() => hashed.dial({ host: "127.0.0.1", port }));
    const skip = await assertRejects(() =>
      quic({ insecureSkipVerify: true }).dial({ host: "127.0.0.1", port: right.port })
    );
    assertInstanceOf(skip, NnrpUnsupportedError);
    await Promise.all([listener.close(), right.listener.close()]);
  });

  test("a dead port is given up after the connect timeout, or at once when the caller gives up", async () => {
    const silent = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
    const { port } = silent.addr as Deno.NetAddr;
    const error = await assertRejects(() => quic({ connectTimeoutMs: 60 }).dial({ host: "127.0.0.1", port }));
    assertStringIncludes(String(error), "no answer");
    const stop = new AbortController();
    const dialling = quic().dial({ host: "127.0.0.1", port }, { signal: stop.signal });
    stop.abort(new Error("changed my mind"));
    const stopped = await assertRejects(() => dialling);
    assertStringIncludes(String(stopped), "changed my mind");
    silent.close();
  });

  test("a server whose client never opens control can close, and dialling a raw server that never answers too", async () => {
    const { port, next, listener } = await listening();
    const conn = await connectRaw(port);
    const server = new Heard(await next());
    server.send("control", 1); // there is no stream for it yet
    await server.carrier.close({ code: 9, reason: "nobody spoke" });
    assertEquals(server.events, ["closed"]);
    assertEquals({ ...await conn.closed }, { closeCode: 9, reason: "nobody spoke" });
    await listener.close();

    const raw = await listenRaw();
    const accepted = raw.next();
    const { ca } = await certificates();
    const client = new Heard(await quic({ caCerts: [ca] }).dial({ host: "127.0.0.1", port: raw.port }));
    await accepted;
    client.send("control", 1);
    await client.carrier.close({ reason: "no answer" });
    assertEquals([client.events, client.info?.reason], [["closed"], "no answer"]);
    raw.close();
  });
}
