/**
 * A steady stream of frames while the session moves over every carrier that the runtime has: nobody notices.
 *
 * @module
 */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { CacheObjectKind, dialClient, SubmitMode, tensorSection, TypedPayload } from "@nnrp/client";
import type { CarrierBinding, CarrierDialer } from "@nnrp/core";
import { quic } from "@nnrp/quic";
import { serve } from "@nnrp/server";
import { tcp, tls } from "@nnrp/tcp";
import { webSocket } from "@nnrp/websocket";
import { makeDevCertificates } from "../support/test_certificates.ts";
import { turn, turns } from "../support/turns.ts";
import { movePatiently } from "./patient_move.ts";

const hasQuic = "Deno" in globalThis;
const say = (text: string) => ({ typedPayloads: [TypedPayload.tokenChunk(text)] });

interface Ways {
  readonly listen: CarrierBinding[];
  readonly carriers: CarrierDialer[];
}

async function ways(): Promise<Ways> {
  const { ca, cert, key, sha256 } = await makeDevCertificates();
  const trusted = { caCerts: [ca] };
  const listen: CarrierBinding[] = [tcp({ port: 0 }), webSocket({ port: 0 }), tls({ port: 0, cert, key })];
  const carriers: CarrierDialer[] = [tcp(), webSocket(), tls(trusted)];
  if (hasQuic) {
    listen.push(quic({ port: 0, cert, key }));
    carriers.push(quic(trusted));
    const { webTransport } = await import("@nnrp/quic/webtransport");
    carriers.push(webTransport({ serverCertificateHashes: [sha256] }));
  }
  return { listen, carriers };
}

test("2,000 frames, some in each turn, and five moves over all carriers: every frame ends once, with its own answer", async () => {
  const { listen, carriers } = await ways();
  const server = await serve({ listen }, async (frame) => {
    if (frame.frameId % 7 === 0) await turns(3);
    return { typedPayloads: frame.typedPayloads };
  });
  const ports = new Map(server.addresses.map(({ name, port }) => [name, port]));
  const portOf = (name: string) => ports.get(name === "webtransport" ? "quic" : name)!;
  const session = await dialClient("127.0.0.1", portOf("tcp"), { carriers });
  const order = [...carriers.map((c) => c.name), "tcp", "tls", "websocket", "tcp"].slice(1, 6);
  const seen: string[] = [session.carrierName];
  const wrong: string[] = [];
  const answers: Promise<void>[] = [];
  let moving = Promise.resolve();
  for (let i = 0; i < 2000; i++) {
    answers.push(
      session.submit(say(`frame ${i}`)).then((r) => {
        if (r.text() !== `frame ${i}`) wrong.push(`${i}: ${r.text()}`);
      }),
    );
    if (i % 400 === 200) {
      const carrier = order[Math.floor(i / 400)];
      moving = moving.then(async () => {
        const moved = await movePatiently(session, { carrier, port: portOf(carrier) });
        seen.push(moved.currentCarrier);
      });
    }
    if (i % 2 === 0) await turn();
    if (i % 400 === 399) await moving;
  }
  await Promise.all([...answers, moving]);
  assertEquals(wrong, []);
  assertEquals(seen, ["tcp", ...order]);
  const { submitted, complete, failed, dropped, inFlight, moves: moved } = session.stats;
  assertEquals({ submitted, complete, failed, dropped, inFlight, moved }, {
    submitted: 2000,
    complete: 2000,
    failed: 0,
    dropped: 0,
    inFlight: 0,
    moved: 5,
  });
  const { started, migrated, sessions } = server.stats;
  assertEquals([started, migrated, sessions], [2000, 5, 1]);
  await session.close();
  await server.close();
});

test("cache and settings move along, from carrier to carrier", async () => {
  const { listen, carriers } = await ways();
  const server = await serve(
    { listen },
    (frame) => ({ typedPayloads: [TypedPayload.opaqueBytes(frame.cameraBlock)] }),
  );
  const ports = new Map(server.addresses.map(({ name, port }) => [name, port]));
  const session = await dialClient("127.0.0.1", ports.get("tcp")!, { carriers });
  await session.patch({ qualityTier: 5 });
  const camera = Uint8Array.of(3, 1, 4, 1);
  const put = await session.putCache({ kind: CacheObjectKind.CAMERA_BLOCK, key: 7n, data: camera });
  assertEquals(put.usable, true);
  for (const carrier of ["tls", "websocket"]) {
    await session.migrate({ carrier, port: ports.get(carrier)! });
    const result = await session.submit({
      tileIds: [0],
      sections: [tensorSection({ role: 5, dtype: "uint8", tiles: [Uint8Array.of(1)] })],
      cameraReference: put.reference,
      submitMode: SubmitMode.MIXED,
    });
    assertEquals([result.opaqueBytesPayloads[0], session.settings.qualityTier], [camera, 5], carrier);
  }
  await session.close();
  await server.close();
});
