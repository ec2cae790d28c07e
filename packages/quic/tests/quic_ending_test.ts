/**
 * How QUIC connections end: in order, by half, by faults of the peer, or by a peer that vanishes.
 *
 * @module
 */
import { ErrorCode, NnrpWireError } from "@nnrp/core";
import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { until } from "../../../tests/support/raw_peer.ts";
import { patterned } from "@nnrp/testing/packets";
import { quic } from "../mod.ts";
import { systemHost } from "@nnrp/runtime";
import { QuicCarrier } from "../src/quic_carrier.ts";
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
import { ManualHost } from "../../../tests/support/manual_host.ts";

/** A server of ours that a raw client has opened control to. */
async function facingRaw() {
  const { port, next, listener } = await listening();
  const conn = await connectRaw(port);
  const { control, writer } = await openBidi(conn, packet("control", 1));
  const ours = new Heard(await next());
  await until(() => ours.frames.length === 1, "the control stream");
  return { ours, conn, control, writer, listener };
}

if ("Deno" in globalThis) {
  test("closing sends everything first: 8 MiB right before close() arrive, then the end, on both sides", async () => {
    const { client, server, listener } = await pair();
    await until(() => server.frames.length === 1, "the first packet");
    server.send("result", 1, patterned(8 * MIB, 1));
    server.send("control", 2, patterned(1000, 2));
    for (let id = 3; id < 60; id++) server.send("result", id, patterned(id, id));
    const closing = server.carrier.close({ code: 5, reason: "done" });
    await until(() => client.events.includes("end"), "the end");
    assertEquals(client.frames.length, 59);
    assertEquals(client.bodies[client.frames.indexOf(1)], patterned(8 * MIB, 1));
    await client.carrier.close();
    await closing;
    assertEquals([server.events, server.info], [["closed"], { code: 5, reason: "done", local: true }]);
    assertEquals([client.events, client.info?.local], [["end", "closed"], true]);
    await listener.close();
  });

  test("after the peer ended its sending this side still may; who ended first hears the rest", async () => {
    const { client, server, listener } = await pair();
    for (let id = 1; id <= 30; id++) client.send("submit", id, patterned(id * 5000, id));
    client.carrier.endSending();
    client.send("submit", 99); // too late: nobody sends it
    await until(() => server.events.includes("end"), "the end");
    assertEquals([...server.frames].sort((a, b) => a - b), Array.from({ length: 31 }, (_, i) => i));
    for (let id = 1; id <= 30; id++) server.send("result", id, patterned(id * 5000, id));
    const closing = server.carrier.close();
    await until(() => client.events.includes("end"), "the other end");
    assertEquals(client.frames.length, 30);
    await client.carrier.close();
    await closing;
    assertEquals([client.events, server.events], [["end", "closed"], ["end", "closed"]]);
    await listener.close();
  });

  test("control may end alone without meaning anything: the end is control, an empty stream, and all before it", async () => {
    const { ours, conn, writer, listener } = await facingRaw();
    const slow = await sendOn(conn, packet("submit", 2).subarray(0, 20), false);
    await writer.close();
    await sendOn(conn, packet("submit", 3));
    await until(() => ours.frames.length === 2, "the frame after control ended");
    await sendOn(conn, new Uint8Array(0));
    // Streams are taken in their order: once this one was, the empty one had its turn.
    await sendOn(conn, packet("submit", 4));
    await until(() => ours.frames.length === 3, "a frame after the empty stream");
    assertEquals(ours.events, [], "a frame is still under way");
    await slow.write(packet("submit", 2).subarray(20));
    await slow.close();
    await until(() => ours.events.length === 1, "the end");
    assertEquals([ours.frames, ours.events], [[1, 3, 4, 2], ["end"]]);
    conn.close({ closeCode: 0, reason: "" });
    await until(() => ours.info !== null, "the end");
    await listener.close();
  });

  test("§3: FIN inside a packet is a fault: the peer is told why, with a code, and others go on", async () => {
    const { port, next, listener } = await listening();
    const good = await connectRaw(port);
    await openBidi(good, packet("control", 1));
    const other = new Heard(await next());
    const bad = await connectRaw(port);
    await openBidi(bad, packet("control", 1));
    const ours = new Heard(await next());
    await sendOn(bad, packet("submit", 2, patterned(500, 2)).subarray(0, 300));
    const { closeCode, reason } = await bad.closed;
    assertStringIncludes(reason, "ended inside a packet");
    assert(closeCode !== 0);
    await until(() => ours.info !== null, "the end");
    assertEquals(ours.events, ["fault", "closed"]);
    assertInstanceOf(ours.fault_, NnrpWireError);
    assertEquals(ours.info?.error, ours.fault_);
    await sendOn(good, packet("submit", 7));
    await until(() => other.frames.includes(7), "the other client's frame");
    assertEquals(other.events, []);
    good.close({ closeCode: 0, reason: "" });
    await until(() => other.info !== null, "the end");
    await listener.close();
  });

  test("rubbish on a stream, and a body beyond the limit, are refused from the header with their codes", async () => {
    for (
      const [bytes, code] of [
        [new TextEncoder().encode("GET / HTTP/1.1\r\n".repeat(4)), "MALFORMED_HEADER"],
        [packet("submit", 2, patterned(2000, 2)), "LIMIT_EXCEEDED"],
      ] as const
    ) {
      const { ours, conn, listener } = await facingRaw();
      ours.carrier.limits.maxBodyBytes = 1000;
      await sendOn(conn, bytes, false);
      const { closeCode } = await conn.closed;
      await until(() => ours.info !== null, "the end");
      assertEquals([closeCode, ours.events], [ErrorCode[code], ["fault", "closed"]]);
      await listener.close();
    }
  });

  test("streams that carry nothing are free now and then, not without end", async () => {
    const { ours, conn, listener } = await facingRaw();
    let gone = false;
    const closed = conn.closed.finally(() => gone = true);
    for (let i = 0; i < 64; i++) await sendOn(conn, new Uint8Array(0));
    await sendOn(conn, packet("submit", 7));
    await until(() => ours.frames.includes(7), "the frame behind them");
    while (!gone) await sendOn(conn, new Uint8Array(0)).catch(() => {});
    assertEquals((await closed).closeCode, ErrorCode.LIMIT_EXCEEDED);
    await until(() => ours.info !== null, "the end");
    assertEquals(ours.events, ["fault", "closed"]);
    await listener.close();
  });

  test("last words of a fault reach the peer before the connection ends", async () => {
    const { ours, conn, control, listener } = await facingRaw();
    const sink = ours as { fault(error: Error): void };
    sink.fault = (error) => {
      ours.events.push("fault");
      ours.send("control", 77, new TextEncoder().encode(error.message));
    };
    const said = readAll(control.readable);
    await sendOn(conn, packet("submit", 2).subarray(0, 30));
    const words = new TextDecoder().decode((await said).subarray(40));
    assertStringIncludes(words, "ended inside a packet");
    await until(() => ours.info !== null, "the end");
    await listener.close();
  });

  test("a sink that fails ends its own connection; the peer hears that, and nothing of what was thrown", async () => {
    const { ours, conn, listener } = await facingRaw();
    ours.onPacket = () => {
      throw new TypeError("a mistake of the program");
    };
    await sendOn(conn, packet("submit", 2));
    const { closeCode, reason } = await conn.closed;
    assertEquals(closeCode, 1);
    assertStringIncludes(reason, "internal failure");
    assert(!reason.includes("a mistake of the program"), reason);
    await until(() => ours.info !== null, "the end");
    assertInstanceOf(ours.info!.error!.cause, TypeError);
    await listener.close();
  });

  test("a stream that the peer stops reading is a fault", async () => {
    const { ours, conn, listener } = await facingRaw();
    ours.send("result", 1, patterned(10, 1), false);
    const stream = (await conn.incomingUnidirectionalStreams.getReader().read()).value!;
    await stream.cancel("no more");
    await until(() => {
      if (ours.fault_ === null) ours.send("result", 1, patterned(10, 1), false);
      return ours.fault_ !== null;
    }, "the fault");
    assertStringIncludes(ours.fault_!.message, "stopped reading");
    await until(() => ours.info !== null, "the end");
    await listener.close();
  });

  test("§3: a reset stream is a fault of the connection", async () => {
    // Deno cannot send RESET_STREAM, so the runtime's side is played: a stream that fails as Deno says it.
    const reset = new ReadableStream<Uint8Array>({
      type: "bytes",
      pull() {
        throw Object.assign(new Error("stream reset by peer: error 5"), { name: "ConnectionReset" });
      },
    });
    const { ours, closes } = scripted([Object.assign(reset, { id: 2n })]);
    await until(() => ours.info !== null, "the end");
    assertEquals(ours.events, ["fault", "closed"]);
    assertStringIncludes(ours.fault_!.message, "reset by the peer");
    assertEquals([closes.length, closes[0].closeCode], [1, ours.info!.code]);
    assertStringIncludes(closes[0].reason, "reset by the peer");
  });

  test("a server that opens the control stream itself is refused; later bidirectional streams are ordinary", async () => {
    const raw = await listenRaw();
    const { ca } = await certificates();
    const dialler = quic({ caCerts: [ca] });
    const accepted = raw.next();
    const ours = new Heard(await dialler.dial({ host: "127.0.0.1", port: raw.port }));
    const conn = await accepted;
    await openBidi(conn, packet("control", 1));
    const { reason } = await conn.closed;
    assertStringIncludes(reason, "before it answered");
    await until(() => ours.info !== null, "the end");
    assertEquals([ours.frames, ours.events], [[], ["fault", "closed"]]);

    const acceptedToo = raw.next();
    const patient = new Heard(await dialler.dial({ host: "127.0.0.1", port: raw.port }));
    patient.send("control", 1);
    const second = await acceptedToo;
    const control = (await second.incomingBidirectionalStreams.getReader().read()).value!;
    await control.writable.getWriter().write(packet("control", 5));
    await until(() => patient.frames.length === 1, "the answer");
    await openBidi(second, packet("result", 6));
    await until(() => patient.frames.length === 2, "the result");
    assertEquals(patient.lanes, ["control", "result"]);
    second.close({ closeCode: 0, reason: "" });
    await until(() => patient.info !== null, "the end");
    raw.close();
  });

  test("the peer's code and reason are told, and what came before them was delivered", async () => {
    const { ours, conn, listener } = await facingRaw();
    for (let id = 2; id < 40; id++) await sendOn(conn, packet("submit", id, patterned(id * 100, id)));
    await until(() => ours.frames.length === 39, "all frames"); // Deno drops what it has not read when a connection ends
    conn.close({ closeCode: 42, reason: "bye" });
    await until(() => ours.info !== null, "the end");
    assertEquals(ours.frames.length, 39);
    assertEquals([ours.info!.code, ours.info!.reason, ours.info!.local], [42, "bye", false]);
    assertStringIncludes(ours.info!.error!.message, "code 42");
    await listener.close();
  });

  test("a peer that vanishes is noticed after the idle time, and the listener goes on", async () => {
    const { port, next, listener } = await listening({ idleTimeoutMs: 600, keepAliveMs: 0 });
    const { ca } = await certificates();
    const client = new Heard(await quic({ caCerts: [ca], keepAliveMs: 0 }).dial({ host: "127.0.0.1", port }));
    client.send("control", 1);
    const server = new Heard(await next());
    await until(() => server.info !== null, "the time-out");
    assertEquals([server.events, server.info!.local], [["closed"], false]);
    assertStringIncludes(server.info!.error!.message, "timed out");
    const after = new Heard(await quic({ caCerts: [ca] }).dial({ host: "127.0.0.1", port }));
    after.send("control", 2);
    const served = new Heard(await next());
    await until(() => served.frames.length === 1, "the next client");
    await Promise.all([after, served, client].map((side) => side.carrier.close()));
    await listener.close();
  });

  test("a client process that is killed costs its own connection only, raw or WebTransport", async () => {
    const { port, next, listener } = await listening({ idleTimeoutMs: 800, keepAliveMs: 0 });
    const { ca, sha256 } = await certificates();
    for (const how of ["quic", "webtransport"]) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--quiet", "--no-check", new URL("dialling_child.ts", import.meta.url).href],
        stdin: "piped",
        stdout: "null",
        stderr: "inherit",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(JSON.stringify({ how, port, ca, sha256: [...sha256] })));
      await writer.close();
      const server = new Heard(await next());
      await until(() => server.frames.length === 1, "the first packet");
      assertEquals(server.carrier.name, how);
      child.kill("SIGKILL");
      await child.status;
      await until(() => server.info !== null, "the time-out");
      assertEquals(server.events, ["closed"]);
      assertStringIncludes(server.info!.reason, "timed out");
    }
    await listener.close();
  });

  test("a process that has closed everything ends by itself", async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", new URL("closing_child.ts", import.meta.url).href],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const { success, stdout } = await child.output();
    clearTimeout(late);
    assertEquals([success, new TextDecoder().decode(stdout).trim()], [true, "quic webtransport"]);
  });

  test("closing at once tells the peer; a closed listener lets live connections be and frees the port after them", async () => {
    const { client, server, listener } = await pair();
    await until(() => server.frames.length === 1, "the first packet");
    await listener.close();
    client.send("submit", 1);
    await until(() => server.frames.length === 2, "a frame after the listener closed");
    await client.carrier.close({ graceful: false, code: 3, reason: "gone" });
    await until(() => server.info !== null, "the end");
    assertEquals([server.info!.code, server.info!.reason], [3, "gone"]);
    const { cert, key } = await certificates();
    const again = await listening({ port: listener.port, cert, key });
    const next = again.next();
    const { ca } = await certificates();
    const late = new Heard(await quic({ caCerts: [ca] }).dial({ host: "127.0.0.1", port: listener.port }));
    late.send("control", 1);
    const served = new Heard(await next);
    await until(() => served.frames.length === 1, "the client of the second listener");
    await Promise.all([late.carrier.close(), served.carrier.close()]);
    await again.listener.close();
  });

  test("more handshakes than allowed at once are refused, slow ones are cut, and the listener goes on", async () => {
    const failures: string[] = [];
    const runtime = new ManualHost();
    const { port, next, listener } = await listening({}, {
      runtime,
      handshakeTimeoutMs: 400,
      maxHandshakes: 1,
      failed: (_, error) => failures.push(error.message),
    });
    // An HTTP/3 client that says nothing never becomes a session.
    const mute = await connectRaw(port, ["h3"]);
    const refusal = await connectRaw(port).then(() => "accepted", String);
    assertStringIncludes(refusal, "refused");
    runtime.pass(400);
    await mute.closed;
    await until(() => failures.length === 2, "both in the log");
    assertStringIncludes(failures[0], "too many");
    assertStringIncludes(failures[1], "longer than 400 ms");
    const conn = await connectRaw(port);
    await openBidi(conn, packet("control", 1));
    const server = new Heard(await next());
    await until(() => server.frames.length === 1, "the next client");
    conn.close({ closeCode: 0, reason: "" });
    await runtime.passUntil(until(() => server.info !== null, "the end"));
    await runtime.passUntil(listener.close());
  });
}

/** A carrier of ours on a connection that is played. */
function scripted(uni: ReadableStream<Uint8Array>[]) {
  const closes: Deno.QuicCloseInfo[] = [];
  let end: (info: Deno.QuicCloseInfo) => void;
  const closed = new Promise<Deno.QuicCloseInfo>((done) => end = done);
  const sink = () => Object.assign(new WritableStream<Uint8Array>(), { id: 0n });
  const conn = {
    closed,
    incomingUnidirectionalStreams: ReadableStream.from(uni),
    incomingBidirectionalStreams: new ReadableStream(),
    createUnidirectionalStream: () => Promise.resolve(sink()),
    close(info: Deno.QuicCloseInfo) {
      closes.push(info);
      end({ closeCode: 0, reason: "" });
    },
  } as unknown as Deno.QuicConn;
  const control = {
    readable: new ReadableStream(),
    writable: sink(),
  } as unknown as Deno.QuicBidirectionalStream;
  const ours = new Heard(new QuicCarrier(conn, control, "somewhere:1", systemHost(), () => {}));
  return { ours, closes };
}
