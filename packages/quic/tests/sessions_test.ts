/**
 * Sessions through the public API over QUIC and WebTransport, both on one port.
 *
 * @module
 */
import { dialClient } from "@nnrp/client";
import {
  type CarrierDialer,
  encodePacket,
  ErrorCode,
  NnrpCancelledError,
  NnrpProtocolError,
  NnrpValueError,
  type Result,
  TypedPayload,
} from "@nnrp/core";
import { type NnrpServer, serve, type ServeOptions } from "@nnrp/server";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Gate } from "../../../tests/support/places.ts";
import { helloPacket, until } from "../../../tests/support/raw_peer.ts";
import { patterned } from "@nnrp/testing/packets";
import { quic, webTransport } from "../mod.ts";
import { certificates, connectRaw, openBidi, packet, sendOn } from "./raw_quic.ts";
import { ManualHost } from "../../../tests/support/manual_host.ts";

type Handler = Parameters<typeof serve>[1];

async function served(handler: Handler, options: Partial<ServeOptions> = {}): Promise<NnrpServer> {
  const { cert, key } = await certificates();
  return await serve({ listen: [quic({ port: 0, cert, key })], ...options }, handler);
}

async function carriers(): Promise<CarrierDialer[]> {
  const { ca, sha256 } = await certificates();
  return [quic({ caCerts: [ca] }), webTransport({ serverCertificateHashes: [sha256] })];
}

const echo: Handler = (frame) => ({ typedPayloads: frame.typedPayloads });
const opaque = (bytes: Uint8Array) => ({ typedPayloads: [TypedPayload.opaqueBytes(bytes)] });
const payload = (result: Result) => result.typedPayloads[0].payload;

if ("Deno" in globalThis) {
  test("frames from nothing to 8 MiB are echoed, on both carriers of one port", async () => {
    const server = await served(echo);
    for (const carrier of await carriers()) {
      const session = await dialClient("127.0.0.1", server.port, { carriers: [carrier] });
      assertEquals([session.carrierName, session.transport], [carrier.name, carrier.transport]);
      const sizes = [0, 1, 1000, 65_536, 1_000_000, 8 * 1024 * 1024];
      const results = await Promise.all(
        sizes.map((size) => session.submit(opaque(patterned(size, size & 255)))),
      );
      results.forEach((result, i) => assertEquals(payload(result), patterned(sizes[i], sizes[i] & 255)));
      await session.close();
    }
    await server.close();
  });

  test("600 frames in a row and 2,000 at once, each answered once", async () => {
    const server = await served(echo);
    for (const carrier of await carriers()) {
      const session = await dialClient("127.0.0.1", server.port, { carriers: [carrier] });
      for (let i = 0; i < 600; i++) {
        assertEquals(payload(await session.submit(opaque(patterned(i, i & 255)))).length, i);
      }
      const all = await Promise.all(
        Array.from({ length: 2000 }, (_, i) => session.submit(opaque(patterned(i % 400, i & 255)))),
      );
      all.forEach((result, i) => assertEquals(payload(result), patterned(i % 400, i & 255)));
      assertEquals(session.stats.inFlight, 0);
      await session.close();
    }
    await server.close();
  });

  test("token streams of many frames at once arrive in order", async () => {
    const server = await served(async function* () {
      for (let i = 0; i < 500; i++) yield { typedPayloads: [TypedPayload.tokenChunk(`${i} `)] };
    });
    const expected = Array.from({ length: 500 }, (_, i) => `${i} `).join("");
    for (const carrier of await carriers()) {
      const session = await dialClient("127.0.0.1", server.port, { carriers: [carrier] });
      await Promise.all(Array.from({ length: 20 }, async () => {
        let text = "";
        for await (const piece of session.submitStream(opaque(new Uint8Array(1))).text()) text += piece;
        assertEquals(text, expected);
      }));
      await session.close();
    }
    await server.close();
  });

  test("cancelling reaches the handler, and the session goes on", async () => {
    let begun = 0;
    let aborted = 0;
    const server = await served(async (frame) => {
      if (frame.typedPayloads[0].payload.length === 0) return { typedPayloads: frame.typedPayloads };
      begun++;
      await new Promise<void>((done) => {
        frame.signal.addEventListener("abort", () => {
          aborted++;
          done();
        });
      });
      return {};
    });
    let round = 0;
    for (const carrier of await carriers()) {
      round++;
      const session = await dialClient("127.0.0.1", server.port, { carriers: [carrier] });
      const cancelled = assertRejects(() => session.submit({ frameId: 7, ...opaque(new Uint8Array(1)) }));
      await until(() => begun === round, "the handler");
      session.cancelFrame(7);
      assertInstanceOf(await cancelled, NnrpCancelledError);
      await until(() => aborted === round, "the handler's signal");
      assertEquals(payload(await session.submit(opaque(new Uint8Array(0)))).length, 0);
      await session.close();
    }
    await server.close();
  });

  test("submits and answers that cannot be written fail alone: what follows on the connection gets through", async () => {
    const nothing = { typedPayloads: [{ payloadKind: 999, payload: new Uint8Array(1) } as never] };
    const bad: Record<string, Handler> = {
      answer: () => nothing,
      first: function* () {
        yield nothing;
      },
      second: function* () {
        yield opaque(new Uint8Array(1));
        yield nothing;
      },
      last: async function* () {
        yield opaque(new Uint8Array(1));
        return nothing;
      },
      none: (frame) => ({ typedPayloads: frame.typedPayloads }),
    };
    const server = await served((frame, context) => bad[frame.text()](frame, context));
    const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
    for (const carrier of await carriers()) {
      const session = await dialClient("127.0.0.1", server.port, { carriers: [carrier] });
      for (const name of Object.keys(bad).slice(0, -1)) {
        assertInstanceOf(
          await session.submit(say(name)).catch((error) => error),
          NnrpProtocolError,
          `${carrier.name}, ${name}`,
        );
        assertEquals((await session.submit(say("none"), { timeoutMs: 20_000 })).text(), "none");
        assertInstanceOf(await session.submit(nothing).catch((error) => error), NnrpValueError);
        await session.ping(); // turns pass
        assertEquals((await session.submit(say("none"), { timeoutMs: 20_000 })).text(), "none");
      }
      await session.close();
    }
    await server.close();
  });

  test("a server that closes answers what it has, and loses nothing of it", async () => {
    for (const carrier of await carriers()) {
      let begun = 0;
      const gate = new Gate();
      const server = await served(async (frame) => {
        begun++;
        await gate.opened;
        return { typedPayloads: frame.typedPayloads };
      });
      const session = await dialClient("127.0.0.1", server.port, { carriers: [carrier] });
      const frames = Array.from({ length: 20 }, (_, i) => session.submit(opaque(patterned(i * 20_000, i))));
      await until(() => begun === 20, "the frames");
      const closing = server.close();
      gate.open();
      const results = await Promise.all(frames);
      results.forEach((result, i) => assertEquals(payload(result), patterned(i * 20_000, i)));
      await closing;
      assertEquals((await session.closed).kind, "close");
    }
  });

  test("a refused client hears why", async () => {
    const server = await served(echo, { authValidator: () => false });
    for (const carrier of await carriers()) {
      const error = await assertRejects(() =>
        dialClient("127.0.0.1", server.port, { carriers: [carrier], auth: "wrong" })
      );
      assertInstanceOf(error, NnrpProtocolError);
      assertEquals(error.codeName, "AUTH_FAILED");
    }
    await server.close();
  });

  test("a client that floods while its hello is judged is cut; the verdict comes too late, and nobody else notices", async () => {
    const log: string[] = [];
    const gate = new Gate();
    let judged = 0;
    const server = await served(echo, {
      log: (event) => log.push(event.type),
      authValidator: async ({ authBlock }) => {
        if (authBlock.length > 0) {
          judged++;
          await gate.opened;
        }
        return true;
      },
    });
    const [carrier] = await carriers();
    const good = await dialClient("127.0.0.1", server.port, { carriers: [carrier] });
    const bad = await connectRaw(server.port);
    await openBidi(bad, encodePacket(helloPacket({ auth: "me" })));
    await until(() => judged === 1, "the validator");
    const flooding = (async () => {
      for (;;) await sendOn(bad, packet("submit", 1, patterned(60_000, 1)));
    })().catch(() => {});
    assertEquals((await bad.closed).closeCode, ErrorCode.LIMIT_EXCEEDED);
    await flooding;
    gate.open();
    assertEquals(payload(await good.submit(opaque(patterned(10, 1)))), patterned(10, 1));
    await until(() => server.stats.open === 1, "the other to be gone");
    assertEquals(server.stats.sessions, 1);
    await good.close();
    await server.close();
  });

  test("in a session large frames on every stream at once all get through", async () => {
    const server = await served(echo, { profile: { maxBodyBytes: 1024 * 1024 } });
    for (const carrier of await carriers()) {
      const session = await dialClient("127.0.0.1", server.port, { carriers: [carrier] });
      const frames = Array.from({ length: 100 }, (_, i) => session.submit(opaque(patterned(1_000_000, i))));
      const results = await Promise.all(frames);
      results.forEach((result, i) => assertEquals(payload(result), patterned(1_000_000, i)));
      await session.close();
    }
    await server.close();
  });

  test("a client that breaks the rules ends alone, once in the log; clients that say nothing are let go", async () => {
    const log: string[] = [];
    const runtime = new ManualHost();
    const server = await served(echo, {
      runtime,
      log: (event) => log.push(event.type),
      handshakeTimeoutMs: 600,
    });
    const [carrier] = await carriers();
    const good = await dialClient("127.0.0.1", server.port, { carriers: [carrier] });
    const bad = await connectRaw(server.port);
    await openBidi(bad, packet("control", 1).subarray(0, 39));
    await sendOn(bad, packet("result", 1).subarray(0, 39));
    assert((await runtime.passUntil(bad.closed, 1)).closeCode !== 0);
    const silent = await connectRaw(server.port);
    await runtime.passUntil(silent.closed);
    assertEquals(payload(await good.submit(opaque(patterned(10, 1)))), patterned(10, 1));
    await until(
      () => log.filter((type) => type === "handshake-refused").length === 2,
      "two lines in the log",
    );
    await runtime.passUntil(good.close());
    await runtime.passUntil(server.close());
  });
}
