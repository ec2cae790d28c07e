/**
 * Bytes that were handed over and are gone before they are sent: their frame fails, by a typed error, and nothing else of the
 * connection does; on every carrier, for every call that takes bytes.
 *
 * @module
 */
import {
  CacheObjectKind,
  type ClientSession,
  dialClient,
  type FrameRequest,
  NnrpProtocolError,
  NnrpValueError,
  type Result,
  tensorSection,
  TypedPayload,
} from "@nnrp/client";
import { type CarrierBinding, type CarrierDialer, ErrorCode, memoryNetwork } from "@nnrp/core";
import { quic, webTransport } from "@nnrp/quic";
import { NnrpServer, type ReceivedSubmit, type ServerLogEvent, type ServerSession } from "@nnrp/server";
import { tcp, tls } from "@nnrp/tcp";
import { webSocket } from "@nnrp/websocket";
import { assertEquals, assertInstanceOf } from "@std/assert";
import { test } from "node:test";
import { until } from "../support/raw_peer.ts";
import { makeDevCertificates } from "../support/test_certificates.ts";
import { doomedBytes, WAYS_TO_VANISH, type WayToVanish } from "../support/vanishing.ts";

const FILL = 7;
/** Copied at the call; sent from where they lie. */
const SMALL = 100;
const LARGE = 40_000;
/** Such memory is always copied, for systems read it while it goes. */
const isCopied = (way: WayToVanish) => way === "cut short" || way === "followed and cut short";

interface Way {
  readonly scheme: string;
  readonly make: () => Promise<{ listen: CarrierBinding; dial: CarrierDialer }>;
}

const certificates = makeDevCertificates();
const overTcp = (make: () => CarrierBinding & CarrierDialer) => () => {
  const carrier = make();
  return Promise.resolve({ listen: carrier, dial: carrier });
};
const CARRIERS: Record<string, Way> = {
  memory: { scheme: "nnrp", make: overTcp(memoryNetwork) },
  TCP: { scheme: "nnrp", make: overTcp(() => tcp({ port: 0 })) },
  WebSocket: { scheme: "ws", make: overTcp(() => webSocket({ port: 0 })) },
  TLS: {
    scheme: "nnrps",
    make: async () => {
      const { ca, cert, key } = await certificates;
      return { listen: tls({ port: 0, cert, key }), dial: tls({ caCerts: [ca] }) };
    },
  },
};
if ("Deno" in globalThis) {
  CARRIERS.QUIC = {
    scheme: "nnrps",
    make: async () => {
      const { ca, cert, key } = await certificates;
      return { listen: quic({ port: 0, cert, key }), dial: quic({ caCerts: [ca] }) };
    },
  };
  CARRIERS.WebTransport = {
    scheme: "nnrps",
    make: async () => {
      const { cert, key, sha256 } = await certificates;
      return {
        listen: quic({ port: 0, cert, key }),
        dial: webTransport({ serverCertificateHashes: [sha256] }),
      };
    },
  };
}

const say = (text: string): FrameRequest => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });
const bulk = (bytes: Uint8Array): FrameRequest => ({ typedPayloads: [TypedPayload.opaqueBytes(bytes)] });

/** What the server says of bytes that came whole. */
const whole = (size: number) => `${size} bytes of ${FILL}`;

function described(frame: ReceivedSubmit): string {
  const bytes = frame.sections[0]?.tilePayloads[0] ?? frame.typedPayloads.at(-1)!.payload;
  return bytes.every((byte) => byte === FILL) ? whole(bytes.length) : "other bytes";
}

/** Answers what it is told to, with bytes that are gone right after they were handed over; says of others how many they were. */
async function answer(session: ServerSession): Promise<void> {
  for await (const frame of session.submits()) {
    const [what, way, size] = frame.text().split("; ");
    if (what !== "answer" && what !== "part") {
      void session.sendResult(frame, say(what === "" ? described(frame) : what));
      continue;
    }
    if (what === "part") void session.sendResult(frame, say("first"), { final: false });
    const { bytes, take } = doomedBytes(way as WayToVanish, Number(size), FILL);
    void session.sendResult(frame, bulk(bytes), { final: what === "answer" });
    take();
    if (what === "part") void session.sendResult(frame, say("last"));
  }
}

/** Calls of a client that take bytes, what the error calls them, and how the answer comes. */
const CALLS: Record<string, {
  readonly field: string;
  readonly submit: (session: ClientSession, bytes: Uint8Array) => Promise<Result>;
}> = {
  "submit()": {
    field: "typedPayloads[1].payload",
    submit: (session, bytes) =>
      session.submit({ typedPayloads: [...say("").typedPayloads!, ...bulk(bytes).typedPayloads!] }),
  },
  "submit() of tensors": {
    field: "sections[0].tilePayloads[0]",
    submit: (session, bytes) =>
      session.submit({
        srcWidth: 8,
        srcHeight: 8,
        tileWidth: 8,
        tileHeight: 8,
        tileIds: [0],
        sections: [tensorSection({ role: 1, dtype: "uint8", tiles: [bytes] })],
      }),
  },
  "submitStream()": {
    field: "typedPayloads[0].payload",
    submit: async (session, bytes) => {
      for await (const result of session.submitStream(bulk(bytes))) return result;
      throw new Error("no part came");
    },
  },
  "submitNowait()": {
    field: "typedPayloads[0].payload",
    submit: async (session, bytes) => {
      const { frameId } = await session.submitNowait(bulk(bytes));
      return await session.receiveResult({ frameId });
    },
  },
};

/** How a call ended. */
async function outcome(result: Promise<Result>): Promise<string> {
  try {
    return (await result).text();
  } catch (error) {
    assertInstanceOf(error, NnrpValueError);
    return `${error.field}: ${error.expected}, then ${error.actual}`;
  }
}

for (const [name, { scheme, make }] of Object.entries(CARRIERS)) {
  test(`${name}: bytes that vanish fail their frame, and nothing else`, async () => {
    const { listen, dial } = await make();
    const failures: ServerLogEvent[] = [];
    const server = await NnrpServer.bind({
      listen: [listen],
      log: (event) => void (event.error !== undefined && failures.push(event)),
    });
    const answering = (async () => {
      for await (const session of server) void answer(session);
    })();
    const url = name === "memory" ? "nnrp://memory" : `${scheme}://127.0.0.1:${server.port}`;
    const session = await dialClient(url, { carriers: [dial] });
    const stays = async () => assertEquals((await session.submit(say("still here"))).text(), "still here");

    for (const way of WAYS_TO_VANISH) {
      for (const size of [SMALL, LARGE]) {
        const arrives = size === SMALL || isCopied(way);
        for (const [call, { field, submit }] of Object.entries(CALLS)) {
          const { bytes, take } = doomedBytes(way, size, FILL);
          const before = session.submit(say("before"));
          const ended = outcome(submit(session, bytes));
          take();
          const behind = session.submit(say("behind"));
          const expected = arrives ? whole(size) : `${field}: ${size} bytes, then 0 bytes`;
          assertEquals(await ended, expected, `${call}, ${way}, ${size} bytes`);
          assertEquals([(await before).text(), (await behind).text()], ["before", "behind"]);
        }
        for (const what of ["answer", "part"]) {
          const told = failures.length;
          const neighbour = session.submit(say("neighbour"));
          const ended = await session.submit(say(`${what}; ${way}; ${size}`)).then(
            (result) =>
              result.opaqueBytesPayloads[0]?.length ?? `${result.text()}, ${result.typedPayloads.length}`,
            (error) => error,
          );
          if (arrives) assertEquals(ended, size);
          else {
            assertInstanceOf(ended, NnrpProtocolError);
            assertEquals([ended.errorCode, ended.fatal, ended.errorScope], [
              ErrorCode.INTERNAL_ERROR,
              false,
              2,
            ]);
            await until(() => failures.length > told, "an entry in the log");
            const { type, error } = failures[told];
            assertInstanceOf(error, NnrpValueError);
            assertEquals([type, error.field, error.expected, error.actual], [
              "handler-failed",
              "typedPayloads[0].payload",
              `${size} bytes`,
              "0 bytes",
            ]);
          }
          assertEquals((await neighbour).text(), "neighbour");
        }
        // Copied at the call, whatever their size.
        const put = doomedBytes(way, size, FILL);
        const kept = session.putCache({
          kind: CacheObjectKind.CAMERA_BLOCK,
          key: BigInt(size),
          data: put.bytes,
        });
        put.take();
        assertEquals((await kept).usable, true);
      }
    }
    await stays();
    assertEquals([session.state, server.stats.sessions], ["active", 1]);
    const { submitted, complete, partial, failed, inFlight } = session.stats;
    assertEquals([submitted - complete - partial - failed, inFlight], [0, 0], "each frame has ended once");
    await session.close();
    await server.close({ drainMs: 0 });
    await answering;
  });
}
